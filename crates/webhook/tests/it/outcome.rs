//! Codes, statuses and messages, and the order in which they apply.

use fluxora_webhook::{Rejection, Verifier};

use crate::{BODY, NOW, Parts, SECRET, secret, sign};

#[test]
fn each_outcome_has_the_contracts_code_status_and_message() {
    use Rejection::*;
    for (rejection, code, status, message) in [
        (MissingSecret, "missing_secret", 500, "Webhook secret is required"),
        (
            MissingDeliveryId { header: "x-fluxora-delivery-id" },
            "missing_delivery_id",
            401,
            "Missing x-fluxora-delivery-id header",
        ),
        (
            MissingTimestamp { header: "x-fluxora-timestamp" },
            "missing_timestamp",
            401,
            "Missing x-fluxora-timestamp header",
        ),
        (
            MissingSignature { header: "x-fluxora-signature" },
            "missing_signature",
            401,
            "Missing x-fluxora-signature header",
        ),
        (PayloadTooLarge { max_bytes: 262_144 }, "payload_too_large", 413, "Payload exceeds 262144 bytes"),
        (InvalidTimestamp, "invalid_timestamp", 400, "Timestamp must be a positive Unix seconds value"),
        (
            TimestampOutsideTolerance { tolerance_seconds: 300 },
            "timestamp_outside_tolerance",
            401,
            "Timestamp is outside the 300 second verification window",
        ),
        (SignatureMismatch, "signature_mismatch", 401, "Webhook signature verification failed"),
        (
            PreviousSecretExpired,
            "previous_secret_expired",
            401,
            "Previous webhook secret has expired; rotate to the current secret",
        ),
        (
            HeaderBodyMismatch,
            "header_body_mismatch",
            401,
            "Delivery id or event header does not match the signed body",
        ),
        (DuplicateDelivery, "duplicate_delivery", 409, "Duplicate delivery id"),
    ] {
        assert_eq!(
            (rejection.code(), rejection.status(), rejection.message().as_str()),
            (code, status, message)
        );
    }
}

/// Everything is wrong at once; each step corrects the fault that was named, and the next one shows.
#[test]
fn the_first_fault_in_the_contracts_order_is_named() {
    let mut parts = Parts { delivery_id: None, timestamp: None, signature: None, event: None };
    let large = vec![b'a'; 262_145];
    let mut body = large.as_slice();
    let mut verifier = Verifier::unconfigured();
    let mut named = Vec::new();
    while let Err(rejection) = verifier.verify(&parts.pairs(), body, NOW) {
        named.push(rejection.code());
        match rejection {
            Rejection::MissingSecret => verifier = Verifier::new(&secret(SECRET)),
            Rejection::MissingDeliveryId { .. } => parts.delivery_id = Some("dlv_01".to_owned()),
            Rejection::MissingTimestamp { .. } => parts.timestamp = Some("soon".to_owned()),
            Rejection::MissingSignature { .. } => parts.signature = Some("none".to_owned()),
            Rejection::PayloadTooLarge { .. } => body = BODY,
            Rejection::InvalidTimestamp => parts.timestamp = Some("1600000000".to_owned()),
            Rejection::TimestampOutsideTolerance { .. } => parts.timestamp = Some(NOW.to_string()),
            Rejection::SignatureMismatch => parts.signature = Some(sign(SECRET, NOW, BODY)),
            other => panic!("{other}"),
        }
    }
    assert_eq!(
        named,
        [
            "missing_secret",
            "missing_delivery_id",
            "missing_timestamp",
            "missing_signature",
            "payload_too_large",
            "invalid_timestamp",
            "timestamp_outside_tolerance",
            "signature_mismatch",
        ]
    );
}

#[test]
fn no_message_or_debug_shows_what_was_received_or_configured() {
    let parts = Parts { signature: Some("hunter2".to_owned()), ..Parts::of(BODY) };
    let verifier = Verifier::new(&secret("hunter3"));
    let rejection = verifier.verify(&parts.pairs(), b"hunter4", NOW).unwrap_err();
    let genuine = Parts::of(b"hunter4");
    let pairs = genuine.pairs();
    let verifying = Verifier::new(&secret(SECRET));
    let verified = verifying.verify(&pairs, b"hunter4", NOW).unwrap();
    let shown = format!("{rejection} {rejection:?} {verifier:?} {verified:?} {:?}", secret("hunter3"));
    for hidden in ["hunter2", "hunter3", "hunter4", genuine.signature.as_deref().unwrap()] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}
