//! The single call, for ported code.

use std::cell::Cell;

use fluxora_webhook::{UnixSeconds, VerifyWebhookSignature, verify_webhook_signature};

const GENUINE: VerifyWebhookSignature<'_> = VerifyWebhookSignature {
    secret: Some("topsecret"),
    delivery_id: Some("deliv_123"),
    timestamp: Some("1710000000"),
    signature: Some("925006549b879c8d9e91c10a153254fb4b6e2241820a1b072e28aa2fa8caeb79"),
    raw_body: br#"{"event":"stream.updated"}"#,
    is_duplicate_delivery: &|_| false,
    now: UnixSeconds::new(1_710_000_000),
};

#[track_caller]
fn check(input: &VerifyWebhookSignature<'_>, status: u16, code: &str) {
    let verification = verify_webhook_signature(input);
    assert_eq!((verification.status, verification.code), (status, code));
    assert_eq!(verification.ok, code == "ok");
    assert!(!verification.message.is_empty());
}

#[test]
fn a_genuine_delivery_is_ok() {
    check(&GENUINE, 200, "ok");
    assert_eq!(verify_webhook_signature(&GENUINE).message, "Webhook signature verified");
}

#[test]
fn a_missing_empty_or_blank_secret_is_a_fault_of_the_configuration() {
    for secret in [None, Some(""), Some(" "), Some("topsecret\n")] {
        check(&VerifyWebhookSignature { secret, ..GENUINE }, 500, "missing_secret");
    }
}

#[test]
fn a_missing_or_empty_header_is_unauthenticated() {
    for value in [None, Some("")] {
        check(&VerifyWebhookSignature { delivery_id: value, ..GENUINE }, 401, "missing_delivery_id");
        check(&VerifyWebhookSignature { timestamp: value, ..GENUINE }, 401, "missing_timestamp");
        check(&VerifyWebhookSignature { signature: value, ..GENUINE }, 401, "missing_signature");
    }
}

#[test]
fn an_oversized_body_is_refused() {
    let body = vec![b'a'; 262_145];
    check(&VerifyWebhookSignature { raw_body: &body, ..GENUINE }, 413, "payload_too_large");
}

#[test]
fn a_malformed_timestamp_is_an_invalid_request_and_a_stale_one_is_unauthenticated() {
    check(&VerifyWebhookSignature { timestamp: Some("1e9"), ..GENUINE }, 400, "invalid_timestamp");
    let now = UnixSeconds::new(1_710_000_601);
    check(&VerifyWebhookSignature { now, ..GENUINE }, 401, "timestamp_outside_tolerance");
}

#[test]
fn a_changed_body_does_not_match() {
    check(&VerifyWebhookSignature { raw_body: b"{}", ..GENUINE }, 401, "signature_mismatch");
}

#[test]
fn a_duplicate_is_a_conflict() {
    let seen = |delivery_id: &str| delivery_id == "deliv_123";
    check(&VerifyWebhookSignature { is_duplicate_delivery: &seen, ..GENUINE }, 409, "duplicate_delivery");
}

#[test]
fn a_forger_cannot_ask_whether_an_id_is_known() {
    let asked = Cell::new(false);
    let remember = |_: &str| {
        asked.set(true);
        true
    };
    let forged = VerifyWebhookSignature { raw_body: b"{}", is_duplicate_delivery: &remember, ..GENUINE };
    check(&forged, 401, "signature_mismatch");
    assert!(!asked.get());
}

#[test]
fn debug_shows_neither_secret_nor_signature_nor_body() {
    let shown = format!("{GENUINE:?}");
    for hidden in ["topsecret", "925006", "stream.updated"] {
        assert!(!shown.contains(hidden));
    }
}
