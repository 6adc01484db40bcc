//! What holds for any input.

use fluxora_webhook::{BodyClaims, Delivery, HeaderFields, Secret, Signer, UnixSeconds, Verifier, diagnose};
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_is_signed_verifies_inside_the_window_and_nowhere_else(
        text in "[!-~]{1,80}",
        body in vec(any::<u8>(), 0..2_000),
        at in 1_i64..999_999_999_999,
        now in any::<i64>(),
        near in -300_i64..=300,
    ) {
        let secret = Secret::new(text).unwrap();
        let delivery = Delivery::new("dlv_01", "stream.updated", &body).unwrap();
        let headers = Signer::new(&secret).sign(&delivery, at).unwrap();
        let verifier = Verifier::new(&secret);
        prop_assert!(verifier.verify(&headers, &body, at + near).is_ok());
        let inside = at.abs_diff(now) <= 300;
        prop_assert_eq!(verifier.verify(&headers, &body, now).is_ok(), inside);
    }

    #[test]
    fn a_changed_byte_never_verifies(
        mut body in vec(any::<u8>(), 1..500),
        position in any::<prop::sample::Index>(),
        change in 1_u8..,
    ) {
        let secret = Secret::new("topsecret").unwrap();
        let original = body.clone();
        let delivery = Delivery::new("dlv_01", "stream.updated", &original).unwrap();
        let headers = Signer::new(&secret).sign(&delivery, 1_700_000_000_i64).unwrap();
        body[position.index(original.len())] ^= change;
        prop_assert!(Verifier::new(&secret).verify(&headers, &body, 1_700_000_000_i64).is_err());
    }

    #[test]
    fn nothing_received_panics_or_verifies_by_chance(
        id in vec(any::<u8>(), 0..80),
        timestamp in prop_oneof!["[0-9]{0,25}", "\\PC{0,20}"],
        signature in prop_oneof!["[0-9a-fA-F]{64}", "\\PC{0,80}"],
        body in vec(any::<u8>(), 0..300),
        now in any::<i64>(),
    ) {
        let headers: HeaderFields = [
            ("x-fluxora-delivery-id", id.as_slice()),
            ("x-fluxora-timestamp", timestamp.as_bytes()),
            ("x-fluxora-signature", signature.as_bytes()),
        ]
        .into_iter()
        .collect();
        let verifier = Verifier::new(&Secret::new("topsecret").unwrap());
        prop_assert!(verifier.verify(&headers, &body, now).is_err());
        prop_assert!(!diagnose::diagnose(b"topsecret", &headers, &body, now).is_genuine());
    }

    #[test]
    fn a_diagnosis_is_genuine_exactly_when_the_delivery_verifies(
        body in "\\PC{0,60}",
        other in "\\PC{0,60}",
        drift in -400_i64..400,
    ) {
        let now = UnixSeconds::new(1_700_000_000);
        let secret = Secret::new("topsecret").unwrap();
        let delivery = Delivery::new("dlv_01", "stream.updated", body.as_bytes()).unwrap();
        let headers = Signer::new(&secret).sign(&delivery, now.get() + drift).unwrap();
        for body in [&body, &other] {
            let verdict = Verifier::new(&secret).verify(&headers, body.as_bytes(), now).map(|_| ());
            let diagnosis = diagnose::diagnose(b"topsecret", &headers, body.as_bytes(), now);
            prop_assert_eq!(diagnosis.rejection(), verdict.err());
            prop_assert_eq!(diagnosis.causes().is_empty(), verdict.is_ok());
        }
    }

    #[test]
    fn the_same_delivery_has_the_same_key_whoever_renames_its_header(renamed in "[A-Za-z0-9_-]{1,64}") {
        let (now, body) = (UnixSeconds::new(1_700_000_000), b"{}");
        let secret = Secret::new("topsecret").unwrap();
        let delivery = Delivery::new(&renamed, "stream.updated", body).unwrap();
        let headers = Signer::new(&secret).sign(&delivery, now).unwrap();
        let verifier = Verifier::new(&secret);
        let verified = verifier.verify(&headers, body, now).unwrap();
        let claims = BodyClaims { delivery_id: None, event_id: Some("evt_01"), event_type: "stream.updated" };
        prop_assert_eq!(verified.match_body(&claims), Ok(fluxora_webhook::DedupeKey::of_event("evt_01")));
    }
}
