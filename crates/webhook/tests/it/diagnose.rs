//! Each usual mistake is recognised, alone and together with others.

use fluxora_webhook::diagnose::{Cause, diagnose};

use crate::{BODY, NOW, Parts, SECRET, sign};

/// What `diagnose` says of a delivery of `sent`, signed properly, when `secret` is configured and `received` arrives.
#[track_caller]
fn check(secret: &str, sent: &[u8], received: &[u8], expect: &[Cause]) {
    let diagnosis = diagnose(secret.as_bytes(), &Parts::of(sent).pairs(), received, NOW);
    assert_eq!(diagnosis.causes(), expect);
    assert_eq!(diagnosis.is_genuine(), expect.is_empty());
}

/// The same for a delivery whose headers are at fault.
#[track_caller]
fn check_headers(change: impl FnOnce(&mut Parts), expect: &[Cause]) {
    let mut parts = Parts::of(BODY);
    change(&mut parts);
    assert_eq!(diagnose(SECRET.as_bytes(), &parts.pairs(), BODY, NOW).causes(), expect);
}

#[test]
fn a_genuine_delivery_has_no_cause() {
    check(SECRET, BODY, BODY, &[]);
}

#[test]
fn a_secret_with_a_line_break_is_recognised() {
    for end in ["\n", "\r\n", " "] {
        check(&format!("{SECRET}{end}"), BODY, BODY, &[Cause::SecretHasSurroundingBlanks]);
    }
}

#[test]
fn a_quoted_secret_is_recognised() {
    check(&format!("\"{SECRET}\""), BODY, BODY, &[Cause::SecretIsQuoted]);
}

#[test]
fn an_empty_secret_is_recognised() {
    check("", BODY, BODY, &[Cause::SecretEmpty]);
    check("\n", BODY, BODY, &[Cause::SecretEmpty]);
}

#[test]
fn the_senders_line_break_is_recognised() {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, format!("{SECRET}\n").as_bytes());
    let signature = hex::encode(ring::hmac::sign(&key, &[b"1700000000.", BODY].concat()));
    check_headers(|parts| parts.signature = Some(signature), &[Cause::SenderSecretEndsWithLineBreak]);
}

#[test]
fn clock_skew_is_recognised_in_both_directions() {
    for (seconds, claim) in [(900, "900 seconds in the past"), (-900, "900 seconds in the future")] {
        let diagnosis = diagnose(SECRET.as_bytes(), &Parts::of(BODY).pairs(), BODY, NOW.get() + seconds);
        assert_eq!(diagnosis.causes(), [Cause::ClockSkew { seconds_behind: seconds }]);
        assert!(diagnosis.causes()[0].to_string().contains(claim));
    }
}

#[test]
fn milliseconds_are_recognised() {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hex::encode(ring::hmac::sign(&key, &[b"1700000000000.", BODY].concat()));
    check_headers(
        |parts| {
            parts.timestamp = Some("1700000000000".to_owned());
            parts.signature = Some(signature);
        },
        &[Cause::TimestampInMilliseconds],
    );
}

#[test]
fn line_breaks_at_the_end_of_the_body_are_recognised() {
    check(SECRET, b"{}", b"{}\n", &[Cause::BodyGainedLineBreak]);
    check(SECRET, b"{}", b"{}\r\n", &[Cause::BodyGainedLineBreak]);
    check(SECRET, b"{}\n", b"{}", &[Cause::BodyLostLineBreak]);
}

#[test]
fn changed_line_breaks_inside_the_body_are_recognised() {
    check(SECRET, b"a\nb\n", b"a\r\nb\r\n", &[Cause::BodyLineBreaksChanged]);
    check(SECRET, b"a\r\nb\r\n", b"a\nb\n", &[Cause::BodyLineBreaksChanged]);
}

#[test]
fn a_byte_order_mark_is_recognised() {
    check(SECRET, b"{}", b"\xEF\xBB\xBF{}", &[Cause::BodyGainedByteOrderMark]);
}

#[test]
fn json_that_was_written_again_is_recognised() {
    let one_line = br#"{"id": "evt_01", "type": "stream.updated", "data": {"amount": "10.0000000"}}"#;
    let indented =
        b"{\n  \"id\": \"evt_01\",\n  \"type\": \"stream.updated\",\n  \"data\": {\n    \"amount\": \"10.0000000\"\n  }\n}";
    for received in [one_line.as_slice(), indented] {
        check(SECRET, BODY, received, &[Cause::BodyReformatted]);
        check(SECRET, received, BODY, &[Cause::BodyReformatted]);
    }
    check(SECRET, one_line, indented, &[Cause::BodyReformatted]);
}

#[test]
fn changed_escapes_are_recognised() {
    let (plain, escaped) = ("{\"memo\":\"\u{1f60a}\"}".as_bytes(), br#"{"memo":"\ud83d\ude0a"}"#.as_slice());
    check(SECRET, plain, escaped, &[Cause::BodyEscapesChanged]);
    check(SECRET, escaped, plain, &[Cause::BodyEscapesChanged]);
    let python = br#"{"memo": "\ud83d\ude0a"}"#;
    check(SECRET, plain, python, &[Cause::BodyEscapesChanged, Cause::BodyReformatted]);
}

#[test]
fn a_key_without_the_prefix_is_recognised() {
    let rest = SECRET.strip_prefix("whsec_").unwrap();
    check_headers(|parts| parts.signature = Some(sign(rest, NOW, BODY)), &[Cause::KeyWithoutPrefix]);
}

#[test]
fn a_configured_secret_whose_prefix_was_cut_off_is_recognised() {
    let rest = SECRET.strip_prefix("whsec_").unwrap();
    check(rest, BODY, BODY, &[Cause::SecretPrefixCutOff]);
    let with_line_break = [Cause::SecretHasSurroundingBlanks, Cause::SecretPrefixCutOff];
    check(&format!("{rest}\n"), BODY, BODY, &with_line_break);
    check(rest, BODY, &[BODY, b"\n"].concat(), &[Cause::SecretPrefixCutOff, Cause::BodyGainedLineBreak]);
}

#[cfg(feature = "standard-webhooks")]
#[test]
fn a_configured_secret_that_was_decoded_is_recognised() {
    check("test-secret-32-bytes-long-0001", BODY, BODY, &[Cause::SecretDecoded]);
    let bytes = [0xfe; 32]; // no UTF-8
    let secret = fluxora_webhook::standard::secret_from_random(&bytes);
    let mut parts = Parts::of(BODY);
    parts.signature = Some(sign(secret.expose(), NOW, BODY));
    assert_eq!(diagnose(&bytes, &parts.pairs(), BODY, NOW).causes(), [Cause::SecretDecoded]);
}

/// What `diagnose` says of a genuine delivery of this body whose headers were changed.
#[track_caller]
fn check_contradiction(body: &[u8], change: impl FnOnce(&mut Vec<(&str, String)>), expect: &[Cause]) {
    let mut headers = Parts::of(body).pairs();
    change(&mut headers);
    let diagnosis = diagnose(SECRET.as_bytes(), &headers, body, NOW);
    assert_eq!(diagnosis.causes(), expect);
    let code = diagnosis.rejection().map(|rejection| rejection.code());
    assert_eq!(code, (!expect.is_empty()).then_some("header_body_mismatch"));
}

#[test]
fn headers_that_contradict_the_signed_body_are_recognised() {
    let body = br#"{"delivery_id":"dlv_01","type":"stream.updated","data":{"type":"x"}}"#;
    let (event, id) = (Cause::EventHeaderContradictsBody, Cause::DeliveryIdContradictsBody);
    check_contradiction(body, |_| (), &[]);
    check_contradiction(body, |headers| headers[3].1 = "stream.created".to_owned(), &[event]);
    check_contradiction(
        body,
        |headers| headers.push(("x-fluxora-event", "stream.updated".to_owned())),
        &[event],
    );
    check_contradiction(body, |headers| headers[0].1 = "dlv_02".to_owned(), &[id]);
    let both = |headers: &mut Vec<(&str, String)>| {
        headers[0].1 = "dlv_02".to_owned();
        headers[3].1 = "stream.created".to_owned();
    };
    check_contradiction(body, both, &[event, id]);
}

#[test]
fn what_the_body_or_the_headers_do_not_say_contradicts_nothing() {
    check_contradiction(b"{}", |headers| headers[3].1 = "stream.created".to_owned(), &[]);
    check_contradiction(b"no JSON", |headers| headers[0].1 = "dlv_02".to_owned(), &[]);
    check_contradiction(br#"{"type":"stream.updated"}"#, |headers| drop(headers.pop()), &[]);
}

#[test]
fn a_contradiction_is_named_beside_other_mistakes() {
    let mut parts = Parts::of(BODY);
    parts.event = Some("stream.created".to_owned());
    let diagnosis = diagnose(format!("{SECRET}\n").as_bytes(), &parts.pairs(), BODY, NOW);
    let expect = [Cause::SecretHasSurroundingBlanks, Cause::EventHeaderContradictsBody];
    assert_eq!(diagnosis.causes(), expect);
}

#[cfg(feature = "standard-webhooks")]
#[test]
fn the_decoded_key_of_standard_webhooks_is_recognised() {
    let signature = sign("test-secret-32-bytes-long-0001", NOW, BODY);
    check_headers(|parts| parts.signature = Some(signature), &[Cause::StandardWebhooksKey]);
}

#[cfg(feature = "standard-webhooks")]
#[test]
fn a_standard_webhooks_signature_in_the_contracts_header_is_recognised() {
    check_headers(
        |parts| parts.signature = Some("v1,REf88TY/yOeuv1P8RcvBt98k47FRytE7RFkh4xwOzJA=".to_owned()),
        &[Cause::StandardWebhooksKey, Cause::SignatureInOtherNotation, Cause::IdSigned],
    );
}

#[test]
fn standard_webhooks_headers_alone_are_recognised() {
    let headers = [("webhook-id", "a"), ("webhook-timestamp", "1700000000"), ("webhook-signature", "v1,x")];
    let diagnosis = diagnose(SECRET.as_bytes(), &headers, BODY, NOW);
    assert_eq!(diagnosis.causes(), [Cause::OnlyStandardWebhooksHeaders]);
}

#[test]
fn a_signature_over_the_body_alone_is_recognised() {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = format!("sha256={}", hex::encode(ring::hmac::sign(&key, BODY)));
    check_headers(
        |parts| parts.signature = Some(signature),
        &[Cause::SignatureInOtherNotation, Cause::TimestampNotSigned],
    );
}

#[test]
fn a_malformed_signature_is_recognised() {
    check_headers(|parts| parts.signature = Some("zz".to_owned()), &[Cause::SignatureMalformed]);
}

#[test]
fn several_mistakes_are_named_together_secret_first() {
    let mut parts = Parts::of(BODY);
    parts.event = None;
    let secret = format!("{SECRET}\n");
    let body = [BODY, b"\n"].concat();
    let diagnosis = diagnose(secret.as_bytes(), &parts.pairs(), &body, NOW.plus(500));
    let expect = [
        Cause::SecretHasSurroundingBlanks,
        Cause::ClockSkew { seconds_behind: 500 },
        Cause::BodyGainedLineBreak,
    ];
    assert_eq!(diagnosis.causes(), expect);
}

#[test]
fn what_no_mistake_explains_says_so() {
    check("another secret", BODY, BODY, &[Cause::Unexplained]);
    check(SECRET, BODY, b"{}", &[Cause::Unexplained]);
}

#[test]
fn a_rejection_that_says_it_all_has_no_cause() {
    let large = vec![b'a'; 262_145];
    let diagnosis = diagnose(SECRET.as_bytes(), &Parts::of(BODY).pairs(), &large, NOW);
    assert_eq!(diagnosis.rejection().unwrap().code(), "payload_too_large");
    assert_eq!(diagnosis.causes(), []);
}

#[test]
fn no_cause_shows_what_was_configured_or_received() {
    for cause in diagnose(b"hunter2", &Parts::of(BODY).pairs(), b"hunter3", NOW).causes() {
        let shown = format!("{cause} {cause:?} {}", cause.code());
        assert!(!shown.contains("hunter"));
    }
}
