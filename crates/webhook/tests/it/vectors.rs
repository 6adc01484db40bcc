//! Known answers.

use fluxora_webhook::{UnixSeconds, Verifier};

use crate::{BODY, BODY_SIGNATURE, NOW, Parts, SECRET, secret, sign};

#[track_caller]
fn check(secret_text: &str, at: UnixSeconds, body: &[u8], signature: &str) {
    assert_eq!(sign(secret_text, at, body), signature);
    let headers = [
        ("x-fluxora-delivery-id", "dlv_01"),
        ("x-fluxora-timestamp", &at.to_string()),
        ("x-fluxora-signature", signature),
    ];
    assert!(Verifier::new(&secret(secret_text)).verify(&headers, body, at).is_ok());
}

#[test]
fn the_digest_of_the_reference_function_is_reproduced() {
    let expect = "925006549b879c8d9e91c10a153254fb4b6e2241820a1b072e28aa2fa8caeb79";
    check("topsecret", UnixSeconds::new(1_710_000_000), br#"{"event":"stream.updated"}"#, expect);
}

#[test]
fn a_json_body_has_its_known_signature() {
    check(SECRET, NOW, BODY, BODY_SIGNATURE);
}

#[test]
fn an_empty_body_has_its_known_signature() {
    check(SECRET, NOW, b"", "75489f9034334efce782fb8d7a536cfc1c95b6b19fc067f5baf7abe533f62e7e");
}

#[test]
fn a_body_that_is_not_utf8_has_its_known_signature() {
    let body = [0x00, 0xff, 0xfe, 0x0a];
    check(SECRET, NOW, &body, "45e21d8084c1dcf42a938c5ed346a782eb59cf93aeed6b4681ed20affa6c755b");
}

#[test]
fn an_emoji_has_its_known_signature() {
    let body = b"{\"memo\":\"\xF0\x9F\x98\x8A\"}";
    check(SECRET, NOW, body, "3ffe5cee88624490ad734a3ff4e98fa08385f04fdc9efccd9bf89092c4477f34");
}

#[test]
fn the_key_is_the_whole_text_of_the_secret() {
    assert_ne!(sign(SECRET, NOW, BODY), sign(SECRET.strip_prefix("whsec_").unwrap(), NOW, BODY));
}

#[test]
fn every_byte_counts() {
    let verifier = Verifier::new(&secret(SECRET));
    let pairs = Parts::of(BODY).pairs();
    for position in 0..BODY.len() {
        let mut body = BODY.to_vec();
        body[position] ^= 0x20;
        assert!(verifier.verify(&pairs, &body, NOW).is_err(), "{position}");
    }
    for (other, claim) in [
        ([BODY, b"\n"].concat(), "a newline added"),
        ([b" ", BODY].concat(), "a blank added"),
        (BODY[..BODY.len() - 1].to_vec(), "a byte lost"),
    ] {
        assert!(verifier.verify(&pairs, &other, NOW).is_err(), "{claim}");
    }
}

#[test]
fn nul_crlf_and_blanks_are_ordinary_bytes() {
    let verifier = Verifier::new(&secret(SECRET));
    for body in [b"\0".as_slice(), b"a\0b", b"{\r\n}", b"{\n}", b" {} ", b"\xEF\xBB\xBF{}"] {
        assert_eq!(verifier.verify(&Parts::of(body).pairs(), body, NOW).unwrap().body(), body);
    }
    assert!(verifier.verify(&Parts::of(b"{\r\n}").pairs(), b"{\n}", NOW).is_err());
}
