//! Vesting and v9 share three names; the shape decides about their events.

use fluxora_stream::ContractId;
use jiff::Timestamp;
use serde_json::Value;

use super::super::{NotDecoded, decode};
use super::scenario::{Emitted, Scenario, handwritten};
use crate::projection::Class;
use crate::projection::family::Family;
use crate::projection::v9::V9;
use crate::{ChainPosition, ContractEvent, Opaque};

#[test]
fn an_event_of_one_family_is_never_read_as_one_of_the_other() {
    let events = |scenario: &Scenario| {
        let own = |event: &&Emitted| event.contract_id == scenario.contract;
        let events = scenario.steps.iter().flat_map(|step| &step.events).filter(own);
        events.map(|event| (event.topic().to_owned(), event.decoded.to_string())).collect::<Vec<_>>()
    };
    let mut counted = (0, 0);
    for (topic, payload) in handwritten().iter().flat_map(events) {
        let event = stored(&topic, &payload);
        let contract = ContractId::parse(event.contract.as_str()).unwrap();
        let read = V9::classify(contract, &event);
        assert!(read.is_none_or(|read| read.class != Class::Stream), "{payload}");
        counted.0 += 1;
    }
    for path in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/oracle")).unwrap() {
        let path = path.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            for line in std::fs::read_to_string(path).unwrap().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                for event in line["events"].as_array().into_iter().flatten() {
                    let topic = event["decoded"]["topic"][0].as_str().unwrap();
                    let decoded = decode(topic, &event["decoded"].to_string());
                    assert_eq!(decoded, Err(NotDecoded::OtherFamily), "{event}");
                    counted.1 += 1;
                }
            }
        }
    }
    assert_eq!(counted, (756, 530));
}

fn stored(topic: &str, payload: &str) -> ContractEvent {
    let opaque = |text: &str| Opaque::new(text).unwrap();
    ContractEvent {
        id: opaque("1-0"),
        position: ChainPosition { ledger: 1, transaction: 1, operation: 0, event: 0 },
        contract: opaque("CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE"),
        topic: opaque(topic),
        tx_hash: opaque("hash"),
        happened_at: Timestamp::UNIX_EPOCH,
        payload: payload.into(),
        invocation: None,
    }
}
