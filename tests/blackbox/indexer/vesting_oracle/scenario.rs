//! The recorded scenarios (crates/indexer/fixtures/vesting, where their form is described), read close time by close
//! time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::binary;

/// An independent chain with one contract.
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) abi: u64,
    pub(super) contract: String,
    pub(super) ledgers: Vec<Ledger>,
}

/// A close time at which something happened or was observed.
pub(super) struct Ledger {
    pub(super) sequence: u32,
    pub(super) close_time: u64,
    /// As they are pushed.
    pub(super) events: Vec<Value>,
    /// What the contract stores of each stream that changed, by number.
    pub(super) changed: BTreeMap<String, Value>,
    /// What the contract answers about each stream at the end.
    pub(super) views: BTreeMap<String, Value>,
    pub(super) globals: Value,
    /// Grants of each stream with one.
    pub(super) delegates: BTreeMap<String, Value>,
}

impl Scenario {
    /// The report of a ledger without its events. A recording skips ledgers, so it has no links.
    pub(super) fn tip(&self, sequence: u32) -> Value {
        json!({ "ledger": sequence, "ledgerHash": format!("{}-{sequence}", self.name) })
    }

    fn step(&mut self, mut step: Value) {
        let close_time = step["closeTime"].as_u64().unwrap();
        let sequence = step["events"][0]["id"].as_str().map(|id| position(id).0);
        if self.ledgers.last().is_none_or(|ledger| ledger.close_time != close_time) {
            let before = self.ledgers.last().map_or(1_000_000, |ledger| ledger.sequence);
            self.ledgers.push(Ledger {
                sequence: sequence.unwrap_or(before),
                close_time,
                events: Vec::new(),
                changed: BTreeMap::new(),
                views: BTreeMap::new(),
                globals: Value::Null,
                delegates: BTreeMap::new(),
            });
        }
        let last = self.ledgers.last_mut().unwrap();
        last.sequence = sequence.unwrap_or(last.sequence);
        let sequence = last.sequence;
        let events: Vec<_> = step["events"]
            .as_array()
            .unwrap()
            .iter()
            .map(|event| self.pushed(sequence, close_time, event))
            .collect();
        let ledger = self.ledgers.last_mut().unwrap();
        ledger.events.extend(events);
        ledger.changed.extend(by_number(step["changed"].take()));
        ledger.views = by_number(step["views"].take());
        ledger.globals = step["globals"].take();
        ledger.delegates =
            if step["delegates"].is_null() { BTreeMap::new() } else { by_number(step["delegates"].take()) };
    }

    fn pushed(&self, sequence: u32, close_time: u64, event: &Value) -> Value {
        let id = event["id"].as_str().unwrap();
        let (ledger, transaction, operation, index) = position(id);
        assert_eq!(ledger, sequence, "one ledger for each close time");
        let closed_at = Timestamp::from_second(i64::try_from(close_time).unwrap()).unwrap();
        let mut pushed = self.tip(sequence);
        let own = json!({
            "eventId": id,
            "contractId": event["contractId"],
            "topic": event["decoded"]["topic"][0],
            "txHash": format!("{}-{ledger}-{transaction}", self.name),
            "txIndex": transaction,
            "operationIndex": operation,
            "eventIndex": index,
            "payload": event["decoded"],
            "happenedAt": closed_at.to_string(),
        });
        pushed.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        pushed
    }
}

/// Ledger, transaction, operation and event of an id: `<ledger·2³² + transaction·2¹² + operation>-<event>`.
fn position(id: &str) -> (u32, u32, u32, u32) {
    let (order, event) = id.split_once('-').unwrap();
    let order: u64 = order.parse().unwrap();
    let part = |shift: u32, bits: u32| u32::try_from((order >> shift) & ((1 << bits) - 1)).unwrap();
    (part(32, 32), part(12, 20), part(0, 12), event.parse().unwrap())
}

fn by_number(value: Value) -> BTreeMap<String, Value> {
    let Value::Object(members) = value else { panic!("{value} has no members") };
    members.into_iter().collect()
}

/// Reads the lines of one or more scenarios.
pub(super) fn read(lines: &str) -> Vec<Scenario> {
    let mut scenarios = Vec::<Scenario>::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        match line["kind"].as_str().unwrap() {
            "header" => scenarios.push(Scenario {
                name: line["scenario"].as_str().unwrap().to_owned(),
                abi: line["abi"].as_u64().unwrap(),
                contract: line["contractId"].as_str().unwrap().to_owned(),
                ledgers: Vec::new(),
            }),
            "step" => scenarios.last_mut().unwrap().step(line),
            _ => {}
        }
    }
    scenarios
}

/// The handwritten scenarios.
pub(super) fn handwritten() -> Vec<Scenario> {
    let folder = binary::root().join("crates/indexer/fixtures/vesting");
    let entries = std::fs::read_dir(folder).expect("the scenarios are there");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| read(&std::fs::read_to_string(path).unwrap())).collect()
}
