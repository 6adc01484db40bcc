//! The entries of streams, which no hash covers.

use fluxora_indexer::projection::{Streams, project};
use fluxora_stellar::testing::{Chain, NETWORK_PASSPHRASE, Shape, TestTransaction, scenarios};
use fluxora_stellar::{WatchList, verify};
use serde_json::json;
use stellar_xdr::{ScMap, ScMapEntry, ScVal};

use crate::samples::*;

fn key(name: &str, number: u64) -> ScVal {
    ScVal::Vec(Some(vec![symbol(name), ScVal::U64(number)].try_into().unwrap()))
}

fn fields(withdrawn: u64) -> ScVal {
    let entry = ScMapEntry { key: symbol("withdrawn"), val: ScVal::U64(withdrawn) };
    ScVal::Map(Some(ScMap(vec![entry].try_into().unwrap())))
}

fn writing(contract: [u8; 32], succeeds: bool, entries: Vec<(ScVal, ScVal)>) -> TestTransaction {
    TestTransaction::Invocation {
        contract,
        function: "withdraw".to_owned(),
        arguments: Vec::new(),
        events: succeeds.then(Vec::new),
        entries,
        authorized: Vec::new(),
    }
}

#[test]
fn the_last_entry_of_each_stream_is_read_of_watched_contracts_and_successful_invocations() {
    for shape in [Shape::V1, Shape::V2] {
        let transactions = [
            writing(WATCHED, true, vec![(key("Stream", 1), fields(10)), (key("Stream", 2), fields(20))]),
            writing(WATCHED, true, vec![(key("Stream", 1), fields(11)), (key("StreamCurve", 1), fields(99))]),
            writing(OTHER, true, vec![(key("Stream", 1), fields(99))]),
            writing(WATCHED, false, vec![(key("Stream", 2), fields(99))]),
            writing(WATCHED, true, vec![(key("Stream", 3), ScVal::U64(99)), (symbol("Stream"), fields(99))]),
        ];
        let ledger = Chain::new(shape, "entries").close(1_000_000, 1_767_225_600, &transactions);
        let read = |watched| verify(&ledger, &watched).unwrap().unproven_entries;
        let entries = read(watched());
        let shown: Vec<_> =
            entries.iter().map(|entry| (entry.number, entry.ledger, json!(entry.fields))).collect();
        let expect = |number, withdrawn: &str| (number, 1_000_000, json!({ "withdrawn": withdrawn }));
        assert_eq!(shown, [expect(1, "11"), expect(2, "20")]);
        assert_eq!(read(nothing_watched()), []);
    }
}

/// Every entry that a contract wrote is the one that the projection expects, at the end of each ledger.
#[test]
fn the_entries_of_every_recorded_scenario_are_those_of_the_projected_streams() {
    let mut compared = 0;
    for scenario in scenarios() {
        let watched = WatchList::new([scenario.contract.as_str()]).unwrap().on_network(NETWORK_PASSPHRASE);
        let mut streams = Streams::new();
        for meta in scenario.eventful_ledgers(Shape::V2) {
            let verified = verify(&meta, &watched).unwrap();
            project(&mut streams, |_| true, verified.events.iter().map(|verified| &verified.event));
            for entry in &verified.unproven_entries {
                let Some(stream) = streams.get(&entry.id()) else { panic!("{}: no stream", scenario.name) };
                let stream = stream.clone().into();
                assert_eq!(entry.differences(&stream), Some(Vec::new()), "{} {entry:?}", scenario.name);
                compared += 1;
            }
        }
    }
    assert!(compared > 400, "{compared}");
}
