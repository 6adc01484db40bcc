//! The contract's own state and answers, beside what its events were projected into.
//!
//! After every transaction everything the contract says is compared: each field of each stream, each view, each
//! grant, the emergency stop and the totals by token, and for each stream that changed what has vested at every
//! recorded instant. Nothing may differ.

mod compare;
mod families;
pub(super) mod scenario;

use std::collections::BTreeMap;

use fluxora_stream::vesting::VestingStream;
use fluxora_stream::{ContractId, UnixTime};
use serde_json::{Value, json};

use self::compare::Compared;
use self::scenario::{Emitted, Scenario, State, Step, handwritten};
use super::{Anomaly, ContractAction, ContractHalt, Decoded, apply, create, creation_anomalies, decode};

/// What a replay came to.
#[derive(Default)]
struct Replay {
    streams: BTreeMap<u64, VestingStream>,
    halt: ContractHalt,
    /// Token balances of the contract, from the tokens' own events.
    balances: BTreeMap<String, i128>,
    events: usize,
    compared: usize,
    differences: Vec<String>,
    anomalies: Vec<Anomaly>,
}

impl Replay {
    /// Replays a scenario, with each event of the contract changed by `edit` before it is decoded.
    fn of(scenario: &Scenario, edit: impl Fn(Value) -> Value) -> Self {
        let mut replay = Self::default();
        let mut recorded = BTreeMap::<u64, State>::new();
        for (place, step) in scenario.steps.iter().enumerate() {
            for event in &step.events {
                if event.contract_id == scenario.contract {
                    replay.event(event, &edit(event.decoded.clone()), step);
                } else {
                    replay.transfer(event, &scenario.contract);
                }
            }
            replay.compare(scenario, &format!("{} step {place}", scenario.name), step, &mut recorded);
        }
        assert!(replay.streams.keys().eq(scenario.last.keys()), "no stream beyond the contract's");
        for (id, state) in &scenario.last {
            let stream = &replay.streams[id];
            let mut compared = compare::fields(stream, state, scenario.abi);
            compared.extend(compare::curve(stream, state));
            replay.note(&format!("{} end stream {id}", scenario.name), compared);
        }
        replay
    }

    fn event(&mut self, event: &Emitted, decoded: &Value, step: &Step) {
        self.events += 1;
        let context = event.context(step.close_time);
        match decode(event.topic(), &decoded.to_string()).expect("every event of the contract is decoded") {
            Decoded::Contract(action) => self.anomalies.extend(self.halt.apply(&action, context)),
            Decoded::Stream(action) => match (&action.action, self.streams.get_mut(&action.stream)) {
                (ContractAction::Created(created), None) => {
                    let key = (ContractId::parse(&event.contract_id).unwrap(), action.stream);
                    let stream = create(key, created, action.abi, "hash", context);
                    self.anomalies.extend(creation_anomalies(created));
                    self.streams.insert(action.stream, stream);
                }
                (_, stream) => {
                    let stream = stream.expect("a stream is created before it changes");
                    let before = stream.clone();
                    let applied = apply(stream, &action, context);
                    assert_eq!(applied.events.is_empty(), *stream == before, "an event for each change");
                    self.anomalies.extend(applied.anomalies);
                }
            },
        }
    }

    fn transfer(&mut self, event: &Emitted, contract: &str) {
        let decoded = &event.decoded;
        if decoded["topic"][0] != json!("transfer") {
            return;
        }
        let amount: i128 = decoded["value"].as_str().unwrap().parse().unwrap();
        let balance = self.balances.entry(event.contract_id.clone()).or_default();
        if decoded["topic"][1] == json!(contract) {
            *balance -= amount;
        }
        if decoded["topic"][2] == json!(contract) {
            *balance += amount;
        }
    }

    fn compare(
        &mut self,
        scenario: &Scenario,
        place: &str,
        step: &Step,
        recorded: &mut BTreeMap<u64, State>,
    ) {
        recorded.extend(step.changed.iter().map(|(id, state)| (*id, state.clone())));
        assert!(self.streams.keys().eq(step.views.keys()), "{place}: every stream has its views");
        let mut all = Vec::new();
        for (id, stream) in &self.streams {
            let place = format!("{place} stream {id}");
            all.push((place.clone(), compare::fields(stream, &recorded[id], scenario.abi)));
            all.push((place.clone(), compare::views(stream, &step.views[id], step.close_time)));
            if let Some(state) = step.changed.get(id) {
                all.push((place.clone(), compare::curve(stream, state)));
            }
            if scenario.abi == 2 {
                all.push((place, vec![compare::delegates(stream, step.delegates.get(id))]));
            }
        }
        let globals = compare::globals(&self.streams, self.halt, &self.balances, &step.globals);
        all.push((place.to_owned(), globals));
        for (place, compared) in all {
            self.note(&place, compared);
        }
    }

    fn note(&mut self, place: &str, compared: Vec<Compared>) {
        self.compared += compared.len();
        let differences = compared.into_iter().filter(Compared::differs);
        self.differences.extend(differences.map(|value| {
            format!(
                "{place} {}: the contract has {}, projected is {}",
                value.what, value.contract, value.ours
            )
        }));
    }
}

/// How much was compared in how many scenarios.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    scenarios: usize,
    events: usize,
    compared: usize,
}

#[track_caller]
fn check(scenarios: &[Scenario], edit: impl Fn(Value) -> Value) -> Counts {
    let mut counts = Counts::default();
    for scenario in scenarios {
        let replay = Replay::of(scenario, &edit);
        assert_eq!(replay.differences, Vec::<String>::new(), "{}", scenario.name);
        if scenario.name != DEFECT {
            assert_eq!(replay.anomalies, [], "{}", scenario.name);
        }
        counts.scenarios += 1;
        counts.events += replay.events;
        counts.compared += replay.compared;
    }
    counts
}

/// The scenario in which the contract breaks its own invariants.
const DEFECT: &str = "abi2_curve_step";
const HANDWRITTEN: Counts = Counts { scenarios: 33, events: 756, compared: 148_685 };

#[test]
fn events_are_projected_into_exactly_what_the_contract_stores_and_answers() {
    assert_eq!(check(&handwritten(), |event| event), HANDWRITTEN);
}

/// Scenarios beyond those of the repository: `FLUXORA_VESTING_ORACLE=<file> cargo test -p fluxora-indexer
/// vesting::oracle -- --nocapture`.
#[test]
#[expect(clippy::disallowed_methods, reason = "the person who runs the test names the file")]
fn and_so_are_the_events_of_any_other_recording() {
    let Some(path) = std::env::var_os("FLUXORA_VESTING_ORACLE") else { return };
    let scenarios = scenario::read(&std::fs::read_to_string(path).unwrap());
    println!("{:?}", check(&scenarios, |event| event));
}

#[test]
fn the_abi_of_a_stream_is_the_one_that_its_events_show() {
    for scenario in handwritten() {
        for stream in Replay::of(&scenario, |event| event).streams.values() {
            assert_eq!(stream.body.state.abi.number(), scenario.abi, "{}", scenario.name);
        }
    }
}

#[test]
fn topics_and_fields_that_are_added_change_nothing() {
    let added = |mut event: Value| {
        event["topic"].as_array_mut().unwrap().push(json!({"added": []}));
        event["value"]["added"] = json!([{"deeper": -1.5}]);
        event["value"]["zz"] = Value::Null;
        event
    };
    assert_eq!(check(&handwritten(), added), HANDWRITTEN);
}

/// Of ABI 2 only what no other field carries is left: the terms of the creation.
#[test]
fn fields_that_abi_1_does_not_have_are_inferred_where_they_are_absent() {
    let abi_1 = |mut event: Value| {
        let topic = event["topic"][0].as_str().unwrap().to_owned();
        let added: &[&str] = match topic.as_str() {
            "withdrawn" => &["sender", "paused_at", "paused_total"],
            "cancelled" => &["paused_at", "paused_total"],
            "paused" | "resumed" | "topped_up" => &["recipient"],
            "recipient_transferred" => &["sender"],
            _ => &[],
        };
        event["value"].as_object_mut().unwrap().retain(|name, _| !added.contains(&name.as_str()));
        event
    };
    assert_eq!(check(&handwritten(), abi_1), HANDWRITTEN);
}

/// A delegate's top-up of a step stream moves the end, so that quarters close again; the cancellation that follows
/// refunds what was paid out.
#[test]
fn what_the_contract_s_defect_breaks_is_reported_and_nothing_else() {
    let scenarios = handwritten();
    let scenario = scenarios.iter().find(|scenario| scenario.name == DEFECT).unwrap();
    let replay = Replay::of(scenario, |event| event);
    let expected = [
        Anomaly::VestedFell { before: 2500, after: 0 },
        Anomaly::WithdrawnExceedsVested { withdrawn: 2500, vested: 0 },
        Anomaly::VestedFell { before: 2750, after: 0 },
        Anomaly::WithdrawnExceedsVested { withdrawn: 2750, vested: 0 },
        // The cancellation.
        Anomaly::WithdrawnExceedsVested { withdrawn: 2750, vested: 0 },
        Anomaly::WithdrawnExceedsDeposited { withdrawn: 2750, deposited: 0 },
    ];
    assert_eq!(replay.anomalies, expected);
    let overdrawn: Vec<_> =
        replay.streams.values().filter(|stream| stream.body.state.liability() < 0).collect();
    assert_eq!(overdrawn.len(), 1);
    assert_eq!((overdrawn[0].body.state.schedule.deposited, overdrawn[0].body.state.withdrawn), (0, 2750));
    assert_eq!(overdrawn[0].body.state.withdrawable(UnixTime::MAX), 0);
}
