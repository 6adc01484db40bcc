//! What the signature does not cover: id and event headers against the signed body.

use fluxora_webhook::{BodyClaims, DedupeKey, MemoryGuard, Rejection, ReplayGuard, UnixSeconds, Verifier};

use crate::{NOW, Parts, SECRET, secret, sign};

const BODY: &[u8] = br#"{"id":"evt_01","delivery_id":"dlv_01","type":"stream.updated"}"#;
const CLAIMS: BodyClaims<'_> =
    BodyClaims { delivery_id: Some("dlv_01"), event_id: Some("evt_01"), event_type: "stream.updated" };

#[track_caller]
fn check(change: impl FnOnce(&mut Parts), claims: &BodyClaims<'_>, expect: Result<DedupeKey, Rejection>) {
    let mut parts = Parts::of(BODY);
    change(&mut parts);
    let pairs = parts.pairs();
    let verifier = Verifier::new(&secret(SECRET));
    let verified = verifier.verify(&pairs, BODY, NOW).expect("only unsigned headers differ");
    assert_eq!(verified.match_body(claims), expect);
}

#[test]
fn headers_that_repeat_the_body_pass() {
    check(|_| (), &CLAIMS, Ok(DedupeKey::of_delivery("dlv_01")));
}

#[test]
fn a_swapped_delivery_id_with_a_valid_mac_is_refused() {
    check(|parts| parts.delivery_id = Some("dlv_02".to_owned()), &CLAIMS, Err(Rejection::HeaderBodyMismatch));
}

#[test]
fn a_swapped_event_with_a_valid_mac_is_refused() {
    for event in [Some("stream.cancelled"), Some("Stream.updated"), Some(""), None] {
        check(|parts| parts.event = event.map(str::to_owned), &CLAIMS, Err(Rejection::HeaderBodyMismatch));
    }
}

#[test]
fn an_event_header_that_is_there_twice_is_refused() {
    let mut pairs = Parts::of(BODY).pairs();
    pairs.push(("x-fluxora-event", "stream.updated".to_owned()));
    let verifier = Verifier::new(&secret(SECRET));
    let verified = verifier.verify(&pairs, BODY, NOW).unwrap();
    assert_eq!(verified.event(), None);
    assert_eq!(verified.match_body(&CLAIMS), Err(Rejection::HeaderBodyMismatch));
}

#[test]
fn a_body_without_a_delivery_id_is_known_by_its_event_id() {
    let claims = BodyClaims { delivery_id: None, ..CLAIMS };
    let rename = |parts: &mut Parts| parts.delivery_id = Some("dlv_02".to_owned());
    check(rename, &claims, Ok(DedupeKey::of_event("evt_01")));
}

#[test]
fn a_body_without_any_id_is_known_by_what_was_signed() {
    let expect = Ok(DedupeKey::of_request(b"1700000000", BODY));
    let rename = |parts: &mut Parts| parts.delivery_id = Some("dlv_02".to_owned());
    for event_id in [None, Some("")] {
        check(rename, &BodyClaims { delivery_id: None, event_id, ..CLAIMS }, expect);
    }
}

/// What a receiver does with one request at a time: true when it acts.
fn acts(guard: &MemoryGuard, parts: &Parts, claims: &BodyClaims<'_>, now: UnixSeconds) -> bool {
    let pairs = parts.pairs();
    let verifier = Verifier::new(&secret(SECRET));
    let verified = verifier.verify(&pairs, BODY, now).unwrap();
    let Ok(key) = verified.match_body(claims) else { return false };
    let Ok(lease) = guard.admit(&key, now) else { return false };
    guard.commit(lease, now).unwrap();
    true
}

#[test]
fn the_same_body_under_a_fresh_header_id_is_not_acted_on_twice() {
    for delivery_id in [Some("dlv_01"), None] {
        for event_id in [Some("evt_01"), None] {
            let (guard, claims) = (MemoryGuard::new(10), BodyClaims { delivery_id, event_id, ..CLAIMS });
            let captured = Parts { delivery_id: Some("dlv_99".to_owned()), ..Parts::of(BODY) };
            assert!(acts(&guard, &Parts::of(BODY), &claims, NOW));
            assert!(!acts(&guard, &captured, &claims, NOW.plus(300)));
        }
    }
}

#[test]
fn a_retry_that_is_signed_anew_is_not_acted_on_twice() {
    for delivery_id in [Some("dlv_01"), None] {
        let (guard, claims) = (MemoryGuard::new(10), BodyClaims { delivery_id, ..CLAIMS });
        let later = NOW.plus(3 * 86_400);
        let retry = Parts {
            timestamp: Some(later.to_string()),
            signature: Some(sign(SECRET, later, BODY)),
            ..Parts::of(BODY)
        };
        assert!(acts(&guard, &Parts::of(BODY), &claims, NOW));
        assert!(!acts(&guard, &retry, &claims, later));
    }
}
