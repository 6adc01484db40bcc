//! Projected streams compared with the contract's own state and answers.
//!
//! After every transaction each field and answer of the contract is compared. A scenario with differences is replayed
//! with hints: values that no event reports, one after the other. A difference that a hint removes is explained by it.
//! In the end no difference may remain.

mod compare;
mod scenario;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fluxora_stream::{ChainStream, Inferred, Kind, StreamId, V9Stream};

use self::compare::{Caps, Compared, Differences};
use self::scenario::{Calls, Scenario, State, Step, handwritten};
use crate::projection::{Anomaly, Class, Projected, Streams, classify, project};
use crate::{ContractEvent, InvocationSource};

/// Values that a replay gives the projection beyond the events. Each hint includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hints {
    /// Less than the events: the transfers of tokens are left out.
    NoTransfers,
    /// The events only.
    None,
    /// The kind of each stream that is created.
    Kind,
    /// Whether a change of the rate kept the accrued amount.
    Checkpoint,
}

/// The result of a replay.
struct Replay {
    compared: usize,
    differences: Differences,
    caps: Caps,
    paid_twice: usize,
    /// Values that were inferred at the end of a step, by stream.
    inferred: BTreeSet<String>,
}

impl Scenario {
    fn id(&self, number: &str) -> StreamId {
        StreamId::parse(&format!("{}-{number}", self.contract)).unwrap()
    }

    fn replay(&self, hints: Hints) -> Replay {
        let mut streams = Streams::new();
        let mut states = BTreeMap::<String, State>::new();
        let mut replay = Replay {
            compared: 0,
            differences: Differences::new(),
            caps: Caps::default(),
            paid_twice: 0,
            inferred: BTreeSet::new(),
        };
        for (place, step) in self.steps.iter().enumerate() {
            let Projected { unprojected, anomalies, .. } = self.apply(&mut streams, step, hints);
            assert_eq!(unprojected, [], "{}: every event is read", self.name);
            let (twice, broken): (Vec<_>, Vec<_>) =
                anomalies.into_iter().partition(|anomaly| matches!(anomaly.what, Anomaly::PaidTwice { .. }));
            replay.paid_twice += twice.len();
            assert_eq!(broken, [], "{} step {place} {hints:?}: the contract keeps its rules", self.name);

            let mut compare = |number: &str, what: &str, compared: Vec<Compared>| {
                replay.compared += compared.len();
                for value in compared.into_iter().filter(Compared::differs) {
                    let key = format!("{} step {place} stream {number} {what} {}", self.name, value.what);
                    replay.differences.insert(key, (value.contract, value.ours));
                }
            };
            for (number, state) in &step.changed {
                let stream = streams.get(&self.id(number)).expect("the contract's stream is projected");
                let stream = &v9(stream);
                let closed = stream.body.state.on_chain.closed_ledger;
                let Inferred { kind, checkpoint, withdrawn } = stream.body.state.on_chain.inferred;
                for (what, _) in [("kind", kind), ("checkpoint", checkpoint), ("withdrawn", withdrawn)]
                    .into_iter()
                    .filter(|(_, inferred)| *inferred)
                {
                    replay.inferred.insert(format!("{} stream {number} {what}", self.name));
                }
                assert_eq!(closed, state.is_none().then_some(step.ledger));
                match state {
                    None => drop(states.remove(number)),
                    Some(state) => {
                        compare(number, "field", compare::fields(stream, state));
                        compare(number, "curve", compare::curve(stream, state));
                        if step.operation == "renew_stream" {
                            compare(number, "field", compare::renewed(stream, state));
                        }
                        states.insert(number.clone(), state.clone());
                    }
                }
            }
            assert!(step.views.keys().eq(states.keys()), "every stream that is not closed is looked at");
            for (number, view) in &step.views {
                let (stream, state) = (&v9(&streams[&self.id(number)]), &states[number]);
                let balance = step.contract_balance;
                let views = compare::views(stream, state, view, step.close_time, balance, &mut replay.caps);
                compare(number, "view", views);
            }
        }
        let open = streams.values().filter(|stream| v9(stream).body.state.on_chain.closed_ledger.is_none());
        assert_eq!(open.count(), self.last.len(), "{}: no stream beyond the contract's", self.name);
        for (number, state) in &self.last {
            let compared = compare::fields(&v9(&streams[&self.id(number)]), state);
            replay.compared += compared.len();
            for value in compared.into_iter().filter(Compared::differs) {
                let key = format!("{} end stream {number} {}", self.name, value.what);
                replay.differences.insert(key, (value.contract, value.ours));
            }
        }
        replay
    }

    /// Applies a transaction; with hints, up to each event that a hint concerns.
    fn apply(&self, streams: &mut Streams, step: &Step, hints: Hints) -> Projected {
        if hints <= Hints::None {
            let without = |event: &&ContractEvent| classify(event).class != Class::Transfer;
            let events = step.events.iter().filter(|event| hints == Hints::None || without(event));
            return project(streams, |_| true, events);
        }
        let mut events = step.events.as_slice();
        let mut all = Projected::default();
        while !events.is_empty() {
            let hinted = |topic: &str| matches!(topic, "created" | "rate_upd");
            let until = events.iter().position(|event| hinted(event.topic.as_str()));
            let (now, later) = events.split_at(until.map_or(events.len(), |place| place + 1));
            let before = streams.clone();
            let Projected { emitted, unprojected, anomalies } = project(streams, |_| true, now);
            for event in emitted.iter().filter(|_| until.is_some()) {
                let stream = streams.get_mut(&event.stream).unwrap();
                let number = event.stream.to_string().split_once('-').unwrap().1.to_owned();
                let truth = step.changed[&number].as_ref().unwrap();
                let kept = (step.operation != "update_rate") || hints < Hints::Checkpoint;
                hint(stream, before.get(&event.stream), truth, kept);
            }
            all.emitted.extend(emitted);
            all.unprojected.extend(unprojected);
            all.anomalies.extend(anomalies);
            events = later;
        }
        all
    }
}

/// Sets the kind of a created stream, or restores the checkpoint where the contract kept none.
fn hint(stream: &mut ChainStream, before: Option<&ChainStream>, truth: &State, kept: bool) {
    let mut hinted = v9(stream);
    let state = &mut hinted.body.state;
    match before {
        None => {
            state.flow.schedule.kind = match truth.fields["kind"].as_str().unwrap() {
                "Linear" => Kind::Linear,
                "CliffOnly" => Kind::CliffOnly,
                _ => Kind::CliffSlope,
            };
            state.on_chain.inferred.kind = false;
        }
        Some(before) if !kept => {
            let before = v9(before).body.state;
            state.flow.schedule.checkpoint = before.flow.schedule.checkpoint;
            state.on_chain.inferred.checkpoint = before.on_chain.inferred.checkpoint;
        }
        Some(_) => {}
    }
    *stream = hinted.into();
}

fn v9(stream: &ChainStream) -> V9Stream {
    stream.of_family().expect("a stream of this family")
}

/// How many values were compared, and how many differ for which reason.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    compared: usize,
    kind: usize,
    checkpoint: usize,
    withdrawn: usize,
    caps: Caps,
    paid_twice: usize,
}

impl Table {
    fn of(scenarios: &[Scenario], given: Hints) -> Self {
        let mut table = Self::default();
        for scenario in scenarios {
            let plain = scenario.replay(given);
            let transfers = scenario.replay(Hints::None);
            let kinds = scenario.replay(Hints::Kind);
            let all = scenario.replay(Hints::Checkpoint);
            assert_eq!(plain.compared, all.compared);
            assert_eq!(all.differences, Differences::new(), "nothing differs that is not accounted for");
            table.compared += plain.compared;
            table.paid_twice += plain.paid_twice;
            table.caps.lookback += all.caps.lookback;
            table.caps.balance += all.caps.balance;
            for what in plain.differences.keys() {
                let differs = |replay: &Replay| replay.differences.contains_key(what);
                *match () {
                    () if !differs(&transfers) => &mut table.withdrawn,
                    () if !differs(&kinds) => &mut table.kind,
                    () => &mut table.checkpoint,
                } += 1;
            }
        }
        table
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "values compared                              {:>8}", self.compared)?;
        writeln!(f, "differ: the kind is not in `created`         {:>8}", self.kind)?;
        writeln!(f, "differ: whether `rate_upd` kept what accrued {:>8}", self.checkpoint)?;
        writeln!(f, "differ: only transfers prove (net `withdrew`) {:>8}", self.withdrawn)?;
        writeln!(f, "withdrawable capped by the lookback          {:>8}", self.caps.lookback)?;
        writeln!(f, "withdrawable capped by the shared balance    {:>8}", self.caps.balance)?;
        write!(f, "paid again after a keeper's cancellation     {:>8}", self.paid_twice)
    }
}

#[track_caller]
fn check(given: Hints, kind: usize, checkpoint: usize, withdrawn: usize) {
    let table = Table::of(&handwritten(), given);
    println!("{table}");
    let caps = Caps { lookback: 10, balance: 13 };
    let expect = Table { compared: 18_416, kind, checkpoint, withdrawn, caps, paid_twice: 0 };
    assert_eq!(table, expect);
}

#[test]
fn projected_streams_are_the_contracts_streams() {
    check(Hints::None, 61, 256, 0);
}

#[test]
fn without_transfers_some_withdrawals_and_refunds_are_inferred() {
    check(Hints::NoTransfers, 61, 256, 110);
}

/// The differences and the inferred values of scenarios whose events come with their calls.
fn with_calls(scenarios: &mut [Scenario], calls: &Calls, given: Hints) -> (Differences, BTreeSet<String>) {
    let (mut differences, mut inferred) = (Differences::new(), BTreeSet::new());
    for scenario in scenarios {
        calls.attach(scenario, &InvocationSource::Proven);
        let replay = scenario.replay(given);
        differences.extend(replay.differences);
        inferred.extend(replay.inferred);
    }
    (differences, inferred)
}

#[test]
fn with_their_calls_the_projected_streams_are_the_contracts_streams() {
    // The terms of an offer are arguments of an earlier call, and not of the one that accepts it.
    let accepted = BTreeSet::from(["offers stream 0 kind".to_owned()]);
    for given in [Hints::None, Hints::NoTransfers] {
        let (differences, inferred) = with_calls(&mut handwritten(), &Calls::handwritten(), given);
        assert_eq!((differences, &inferred), (Differences::new(), &accepted), "{given:?}");
    }
}

/// Scenarios beyond those of the repository: `FLUXORA_ORACLE=<file> FLUXORA_ORACLE_CALLS=<file> cargo test -p fluxora-indexer oracle --
/// --nocapture`.
#[test]
#[expect(clippy::disallowed_methods, reason = "a variable of the test run names more scenarios")]
fn any_other_recording_is_compared() {
    let Some(path) = std::env::var_os("FLUXORA_ORACLE") else { return };
    let mut scenarios = scenario::read(&std::fs::read_to_string(path).unwrap());
    for given in [Hints::None, Hints::NoTransfers] {
        println!("{} scenarios, {given:?}\n{}", scenarios.len(), Table::of(&scenarios, given));
    }
    let Some(path) = std::env::var_os("FLUXORA_ORACLE_CALLS") else { return };
    let calls = Calls::read(&std::fs::read_to_string(path).unwrap());
    for given in [Hints::None, Hints::NoTransfers] {
        let (differences, inferred) = with_calls(&mut scenarios, &calls, given);
        println!("with calls, {given:?}: {} differ, inferred {inferred:#?}", differences.len());
        println!("{differences:#?}");
    }
}
