//! The recorded scenarios of both contracts: the figures add up after every transaction, and segments make the accrued
//! amount.

use std::collections::BTreeMap;
use std::fs;

use fluxora_indexer::projection::{Projected, Streams, project};
use fluxora_indexer::{ChainPosition, ContractEvent, Opaque};
use fluxora_stream::{ChainStream, StreamEvent, StreamId, UnixTime};
use serde_json::Value;

use super::holds;
use crate::{Accrual, Figures, Segment, explain, segments};

/// A transaction of a scenario.
struct Step {
    close_time: u64,
    events: Vec<ContractEvent>,
}

fn scenarios(folder: &str) -> Vec<(String, Vec<Step>)> {
    let folder = format!("{}/../indexer/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    paths.sort();
    let mut scenarios = Vec::<(String, Vec<Step>)>::new();
    for path in paths {
        for line in fs::read_to_string(path).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            match line["kind"].as_str().unwrap() {
                "header" => scenarios.push((line["scenario"].as_str().unwrap().to_owned(), Vec::new())),
                "step" => scenarios.last_mut().unwrap().1.push(step(&line)),
                _ => {}
            }
        }
    }
    scenarios
}

fn step(line: &Value) -> Step {
    let close_time = line["closeTime"].as_u64().unwrap();
    // Events of a probe are outside of any transaction.
    let emitted = line["events"].as_array().unwrap().iter().filter(|_| line["op"] != "probe");
    Step { close_time, events: emitted.map(|emitted| event(emitted, close_time)).collect() }
}

/// The id is `<ledger·2³² + transaction·2¹² + operation>-<event>`.
fn event(emitted: &Value, close_time: u64) -> ContractEvent {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let opaque = |value: &str| Opaque::new(value).unwrap();
    let id = text(&emitted["id"]);
    let (order, event) = id.split_once('-').unwrap();
    let order: u64 = order.parse().unwrap();
    let part = |shift: u32, bits: u32| u32::try_from((order >> shift) & ((1 << bits) - 1)).unwrap();
    let (transaction, operation) = (part(12, 20), part(0, 12));
    let position =
        ChainPosition { ledger: part(32, 32), transaction, operation, event: event.parse().unwrap() };
    ContractEvent {
        position,
        id: opaque(&id),
        contract: opaque(emitted["contractId"].as_str().unwrap()),
        topic: opaque(emitted["decoded"]["topic"][0].as_str().unwrap()),
        tx_hash: opaque(&format!("{}-{transaction}", position.ledger)),
        happened_at: UnixTime::from_seconds(close_time).instant(),
        payload: emitted["decoded"].to_string().into(),
        invocation: None,
    }
}

/// What was checked.
#[derive(Debug, Default, PartialEq, Eq)]
struct Checked {
    scenarios: usize,
    streams: usize,
    segments: usize,
    /// States in which more was paid than had accrued.
    overdrawn: usize,
}

#[track_caller]
fn check(folder: &str) -> Checked {
    let mut checked = Checked::default();
    for (name, steps) in scenarios(folder) {
        checked.scenarios += 1;
        let (mut streams, mut histories) = (Streams::new(), BTreeMap::<StreamId, Vec<StreamEvent>>::new());
        for step in steps {
            let Projected { emitted, .. } = project(&mut streams, |_| true, &step.events);
            for event in emitted {
                let history = histories.entry(event.stream).or_default();
                history.push(StreamEvent {
                    stream: event.stream,
                    stream_seq: u32::try_from(history.len()).unwrap() + 1,
                    occurred_at: event.at,
                    recorded_at: event.at,
                    kind: event.kind,
                    data: event.data,
                });
            }
            let at = UnixTime::from_seconds(step.close_time);
            for (id, stream) in &streams {
                let context = format!("{name} at {at}: {id}");
                let figures = Figures::of(stream, at);
                assert!(holds(&figures), "{context}: {figures:?}");
                assert_eq!(explain(stream, at).accrued, figures.accrued, "{context}");
                checked.streams += 1;
                checked.overdrawn += usize::from(figures.overdrawn > 0);
                checked.segments += add_up(stream, &histories[id], at, &context);
            }
        }
    }
    checked
}

/// The segments make the accrued amount at every instant from the last event on; how many there are.
fn add_up(stream: &ChainStream, history: &[StreamEvent], now: UnixTime, context: &str) -> usize {
    let found = segments(history);
    assert!(found.windows(2).all(|pair| pair[0].to == Some(pair[1].from)), "{context}: a gap in {found:?}");
    let mut accrued = 0;
    for Segment { released, opening, closing, .. } in &found {
        accrued += released;
        assert_eq!(accrued, *opening, "{context}: {found:?}");
        accrued += closing - opening;
    }
    let accrual = Accrual::of(stream);
    let pauses = stream.details().vesting().map(|state| state.schedule.pauses);
    let end = if pauses.is_some_and(|pauses| pauses.paused_at.is_some()) { now } else { UnixTime::MAX };
    if stream.details().vesting().is_none() {
        assert_eq!(accrued, accrual.at(end), "{context}: {found:?}");
    }
    for at in (0..400).map(|step| now.saturating_add(step * 7)) {
        let segment = found.iter().rfind(|segment| segment.from <= at).unwrap();
        let passed = at.seconds() - segment.from.seconds();
        let amount = segment.opening + segment.rate.over(passed).unwrap();
        let amount = if segment.to.is_some_and(|to| at >= to) { segment.closing } else { amount };
        let above = amount - accrual.at(at);
        let most = i128::from(!segment.rate.is_whole());
        assert!((-most..=most).contains(&above), "{context}, second {at}: {amount} in {segment:?}");
    }
    found.len()
}

#[test]
fn figures_and_segments_of_version_9_add_up_after_every_transaction() {
    let checked = check("oracle");
    println!("{checked:?}");
    assert!(checked.scenarios >= 20 && checked.segments > checked.streams, "{checked:?}");
}

#[test]
fn figures_and_segments_of_vesting_streams_add_up_after_every_transaction() {
    let checked = check("vesting");
    println!("{checked:?}");
    assert!(checked.scenarios == 33 && checked.overdrawn > 0, "{checked:?}");
}
