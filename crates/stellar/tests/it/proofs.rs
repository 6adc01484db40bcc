//! The proof of one event, handed to somebody who has nothing else.

use fluxora_stellar::testing::Shape;
use fluxora_stellar::{EventProof, PROOF_BYTES_MAX, ProofError, WatchList, verify};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples::{built, scenario, watched};

fn proof(shape: Shape) -> String {
    verify(&built(shape), &watched()).unwrap().events[0].proof.to_json().unwrap()
}

fn changed(change: impl FnOnce(&mut Value)) -> Result<fluxora_stellar::ProvenEvent, ProofError> {
    let mut json = serde_json::from_str(&proof(Shape::V2)).unwrap();
    change(&mut json);
    EventProof::verify_json(&json.to_string())
}

#[test]
fn the_proof_of_every_event_of_a_scenario_proves_that_event_and_its_ledger() {
    for name in ["pause_resume", "abi2_batch"] {
        let scenario = scenario(name);
        let watched = WatchList::new([scenario.contract.as_str()]).unwrap();
        let mut proven = 0;
        for meta in scenario.eventful_ledgers(Shape::V2) {
            let verified = verify(&meta, &watched).unwrap();
            for event in &verified.events {
                let read = EventProof::verify_json(&event.proof.to_json().unwrap()).unwrap();
                assert_eq!((read.event, read.ledger), (event.event.clone(), verified.ledger));
                proven += 1;
            }
        }
        assert!(proven > 20, "{proven} in {name}");
    }
}

#[test]
fn the_format_of_a_proof_is_the_one_that_was_handed_out_before() {
    let handed_out = include_str!("../../fixtures/proof.json");
    assert_eq!(proof(Shape::V2), handed_out.trim_end());
    assert!(EventProof::verify_json(handed_out).is_ok());
}

#[test]
fn a_proof_is_json_that_names_its_format_its_event_and_its_ledger() {
    let json: Value = serde_json::from_str(&proof(Shape::V1)).unwrap();
    assert_eq!(json["format"], "fluxora-event-proof-v1");
    assert_eq!(json["eventId"], "0004294967296012288-0000000001");
    assert_eq!(json["ledgerHash"].as_str().map(str::len), Some(64));
    assert_eq!(json["transaction"], 3);
    assert_eq!(json["event"], 1);
}

#[test]
fn a_proof_that_names_another_event_ledger_or_format_than_it_proves_is_refused() {
    assert!(changed(|_| {}).is_ok());
    let other = changed(|json| json["eventId"] = json!("0004294967296012288-0000000002"));
    assert!(matches!(other, Err(ProofError::OtherEvent { .. })), "{other:?}");
    let other = changed(|json| json["ledgerHash"] = json!("00".repeat(32)));
    assert!(matches!(other, Err(ProofError::OtherLedger { .. })), "{other:?}");
    let other = changed(|json| json["format"] = json!("fluxora-event-proof-v2"));
    assert!(matches!(other, Err(ProofError::Format { .. })), "{other:?}");
}

#[test]
fn a_position_that_holds_no_invocation_or_no_event_is_refused() {
    for transaction in [0, 1, 2, 4, u32::MAX] {
        let refused = changed(|json| json["transaction"] = json!(transaction));
        assert!(matches!(refused, Err(ProofError::NotAnInvocation { .. })), "{transaction}: {refused:?}");
    }
    for event in [3, u32::MAX] {
        let refused = changed(|json| json["event"] = json!(event));
        assert!(matches!(refused, Err(ProofError::NoSuchEvent { .. })), "{event}: {refused:?}");
    }
}

#[test]
fn missing_unknown_and_wrongly_typed_members_and_long_texts_are_refused() {
    for member in [
        "format",
        "eventId",
        "ledgerHash",
        "headerXdr",
        "resultSetXdr",
        "transaction",
        "preimageXdr",
        "event",
    ] {
        let refused = changed(|json| drop(json.as_object_mut().unwrap().remove(member)));
        assert!(matches!(refused, Err(ProofError::Json(_))), "{member}");
    }
    assert!(matches!(changed(|json| json["more"] = json!(1)), Err(ProofError::Json(_))));
    assert!(matches!(
        changed(|json| json["headerXdr"] = json!("*")),
        Err(ProofError::Base64 { part: "headerXdr" })
    ));
    let long = " ".repeat(PROOF_BYTES_MAX + 1);
    assert!(matches!(EventProof::verify_json(&long), Err(ProofError::TooLong { .. })));
}

/// Flips one bit of a member of base64.
fn flip(json: &mut Value, member: &str, at: usize) {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    let mut bytes = BASE64_STANDARD.decode(json[member].as_str().unwrap()).unwrap();
    let at = at % (bytes.len() * 8);
    bytes[at / 8] ^= 1 << (at % 8);
    json[member] = json!(BASE64_STANDARD.encode(bytes));
}

#[test]
fn a_flipped_bit_in_the_results_or_the_preimage_breaks_the_proof_and_one_in_the_header_names_another_ledger()
{
    let whole: Value = serde_json::from_str(&proof(Shape::V2)).unwrap();
    for member in ["headerXdr", "resultSetXdr", "preimageXdr"] {
        let bits = whole[member].as_str().unwrap().len() * 6;
        for at in 0..bits {
            let mut json = whole.clone();
            flip(&mut json, member, at);
            assert!(EventProof::verify_json(&json.to_string()).is_err(), "bit {at} of {member}");
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in ".*") {
        prop_assert!(EventProof::verify_json(&text).is_err());
    }
}
