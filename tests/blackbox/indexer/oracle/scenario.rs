//! The recorded scenarios (crates/indexer/fixtures/oracle, where their form is described), read ledger by ledger.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::binary;

/// A separate chain with one contract.
pub(in crate::indexer) struct Scenario {
    pub(in crate::indexer) name: String,
    pub(in crate::indexer) contract: String,
    pub(in crate::indexer) ledgers: Vec<Ledger>,
    /// How many streams the contract holds at the end.
    pub(in crate::indexer) open: usize,
}

/// A ledger in which something happened or was looked at.
pub(in crate::indexer) struct Ledger {
    pub(in crate::indexer) sequence: u32,
    pub(in crate::indexer) close_time: u64,
    /// As they are pushed.
    pub(in crate::indexer) events: Vec<Value>,
    /// What the contract holds of each stream that changed, by its number; null if it was removed.
    pub(super) changed: BTreeMap<String, Value>,
    /// What the contract answers about each stream at the end.
    pub(super) views: BTreeMap<String, Value>,
    /// Streams that were changed by their renewal last.
    pub(super) renewed: Vec<String>,
    pub(super) contract_balance: i128,
}

impl Scenario {
    /// The report of a ledger without its events. A recording skips ledgers, so it has no links.
    pub(in crate::indexer) fn tip(&self, sequence: u32) -> Value {
        json!({ "ledger": sequence, "ledgerHash": format!("{}-{sequence}", self.name) })
    }

    /// Every event, in chain order.
    pub(in crate::indexer) fn events(&self) -> Vec<Value> {
        self.ledgers.iter().flat_map(|ledger| ledger.events.iter().cloned()).collect()
    }

    pub(in crate::indexer) fn last(&self) -> &Ledger {
        self.ledgers.last().expect("a scenario has a ledger")
    }

    fn step(&mut self, mut step: Value) {
        let sequence = u32::try_from(step["ledger"].as_u64().unwrap()).unwrap();
        if self.ledgers.last().is_none_or(|ledger| ledger.sequence != sequence) {
            self.ledgers.push(Ledger {
                sequence,
                close_time: step["closeTime"].as_u64().unwrap(),
                events: Vec::new(),
                changed: BTreeMap::new(),
                views: BTreeMap::new(),
                renewed: Vec::new(),
                contract_balance: 0,
            });
        }
        let events = self.pushed(sequence, &step);
        let ledger = self.ledgers.last_mut().unwrap();
        assert_eq!(step["closeTime"], ledger.close_time, "a ledger closes once");
        ledger.events.extend(events);
        let changed = by_number(step["changed"].take());
        ledger.renewed.retain(|number| !changed.contains_key(number));
        if step["op"] == "renew_stream" {
            ledger.renewed.extend(changed.keys().cloned());
        }
        ledger.changed.extend(changed);
        ledger.views = by_number(step["views"].take());
        ledger.contract_balance = stroops(&step["globals"]["contractBalance"]);
    }

    fn pushed(&self, sequence: u32, step: &Value) -> Vec<Value> {
        // What a probe emits is outside of any transaction.
        let emitted = step["events"].as_array().unwrap().iter().filter(|_| step["op"] != "probe");
        let pushed = emitted.map(|event| {
            let id = event["id"].as_str().unwrap();
            let mut pushed = self.tip(sequence);
            pushed.as_object_mut().unwrap().extend(
                json!({
                    "eventId": id,
                    "contractId": event["contractId"],
                    "topic": event["decoded"]["topic"][0],
                    "txHash": step["txHash"],
                    "txIndex": event["transactionIndex"],
                    "operationIndex": event["operationIndex"],
                    "eventIndex": id.rsplit_once('-').unwrap().1.parse::<u32>().unwrap(),
                    "payload": event["decoded"],
                    "happenedAt": step["closedAt"],
                })
                .as_object()
                .unwrap()
                .clone(),
            );
            pushed
        });
        pushed.collect()
    }
}

pub(super) fn stroops(text: &Value) -> i128 {
    text.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{text} is no amount"))
}

fn by_number(value: Value) -> BTreeMap<String, Value> {
    let Value::Object(members) = value else { panic!("{value} has no members") };
    members.into_iter().collect()
}

/// Reads the lines of one or more scenarios.
pub(in crate::indexer) fn read(lines: &str) -> Vec<Scenario> {
    let mut scenarios = Vec::<Scenario>::new();
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        match line["kind"].as_str().unwrap() {
            "header" => scenarios.push(Scenario {
                name: text("scenario"),
                contract: text("contractId"),
                ledgers: Vec::new(),
                open: 0,
            }),
            "step" => scenarios.last_mut().unwrap().step(line),
            _ => scenarios.last_mut().unwrap().open = line["streams"].as_object().unwrap().len(),
        }
    }
    scenarios
}

/// The handwritten scenarios.
pub(in crate::indexer) fn handwritten() -> Vec<Scenario> {
    let folder = binary::root().join("crates/indexer/fixtures/oracle");
    let entries = std::fs::read_dir(folder).expect("the scenarios lie there");
    let mut paths: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .collect();
    paths.sort();
    paths.iter().flat_map(|path| read(&std::fs::read_to_string(path).unwrap())).collect()
}
