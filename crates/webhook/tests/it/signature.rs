//! The signature header, and what surrounds it.

use fluxora_webhook::{MAX_BODY_BYTES, Rejection, Verifier};

use crate::{BODY, BODY_SIGNATURE, NOW, Parts, SECRET, secret, sign};

/// A delivery of `BODY` with this signature header.
#[track_caller]
fn check(signature: impl AsRef<[u8]>, expect: Result<(), Rejection>) {
    let headers = [
        ("x-fluxora-delivery-id", b"dlv_01".as_slice()),
        ("x-fluxora-timestamp", b"1700000000"),
        ("x-fluxora-signature", signature.as_ref()),
    ];
    assert_eq!(Verifier::new(&secret(SECRET)).verify(&headers, BODY, NOW).map(|_| ()), expect);
}

const MISMATCH: Result<(), Rejection> = Err(Rejection::SignatureMismatch);
const MISSING: Rejection = Rejection::MissingSignature { header: "x-fluxora-signature" };

#[test]
fn upper_case_hex_passes() {
    check(BODY_SIGNATURE.to_uppercase(), Ok(()));
}

#[test]
fn blanks_around_a_signature_are_trimmed() {
    check(format!("  {BODY_SIGNATURE}\t"), Ok(()));
}

#[test]
fn sixty_three_digits_do_not_match() {
    check(&BODY_SIGNATURE[..63], MISMATCH);
}

#[test]
fn sixty_five_digits_do_not_match() {
    check(format!("{BODY_SIGNATURE}0"), MISMATCH);
    check(format!("0{BODY_SIGNATURE}"), MISMATCH);
}

#[test]
fn what_is_not_hex_does_not_match() {
    check("g".repeat(64), MISMATCH);
    check("a".repeat(256), MISMATCH);
    check("deadbeef", MISMATCH);
    check(b"abc\x00def\xff\xfe", MISMATCH);
    check([0xff; 64], MISMATCH);
    check("   ", MISMATCH);
}

#[test]
fn prefixes_and_base64_do_not_match() {
    check(format!("sha256={BODY_SIGNATURE}"), MISMATCH);
    check(format!("v1,{BODY_SIGNATURE}"), MISMATCH);
    check("2Ia73ce6L5Wk18Nhtsr4IrfvGrmUk9k8hc0d0avSiG8=", MISMATCH);
}

#[test]
fn a_comma_list_does_not_match() {
    check(format!("{BODY_SIGNATURE},{BODY_SIGNATURE}"), MISMATCH);
    check(format!("{BODY_SIGNATURE}, {}", "0".repeat(64)), MISMATCH);
}

#[test]
fn a_difference_in_any_digit_does_not_match() {
    for position in 0..64 {
        let mut signature = BODY_SIGNATURE.as_bytes().to_vec();
        signature[position] = if signature[position] == b'0' { b'1' } else { b'0' };
        check(signature, MISMATCH);
    }
}

#[test]
fn an_empty_signature_is_missing() {
    check("", Err(MISSING));
}

#[test]
fn two_signature_headers_are_refused_even_when_both_are_right() {
    let mut pairs = Parts::of(BODY).pairs();
    pairs.push(("X-Fluxora-Signature", BODY_SIGNATURE.to_owned()));
    assert_eq!(Verifier::new(&secret(SECRET)).verify(&pairs, BODY, NOW).unwrap_err(), MISSING);
}

#[test]
fn any_other_contract_header_that_is_there_twice_is_refused() {
    for (name, value, expect) in [
        ("x-fluxora-delivery-id", "dlv_01", "missing_delivery_id"),
        ("x-fluxora-timestamp", "1700000000", "missing_timestamp"),
        ("x-fluxora-signature-next", BODY_SIGNATURE, "missing_signature"),
    ] {
        let mut pairs = Parts::of(BODY).pairs();
        pairs.extend([(name, value.to_owned()), (name, value.to_owned())]);
        let rejection = Verifier::new(&secret(SECRET)).verify(&pairs, BODY, NOW).unwrap_err();
        assert_eq!((rejection.code(), rejection.status()), (expect, 401));
    }
}

#[test]
fn bytes_of_the_body_cannot_be_shifted_into_the_timestamp() {
    // `170000000` + `.` + `0.{}` is not `1700000000` + `.` + `{}`, but `1700000000` + `.` + `1.x` and
    // `1700000000.1` + `.` + `x` are the same bytes: the grammar of the timestamp keeps them apart.
    let parts = Parts { timestamp: Some("1700000000.1".to_owned()), ..Parts::of(b"1.x") };
    let rejection = Verifier::new(&secret(SECRET)).verify(&parts.pairs(), b"x", NOW).unwrap_err();
    assert_eq!(rejection, Rejection::InvalidTimestamp);

    let parts = Parts { timestamp: Some("170000000".to_owned()), ..Parts::of(b"{}") };
    let verifier = Verifier::new(&secret(SECRET)).with_tolerance_seconds(u64::MAX);
    assert_eq!(verifier.verify(&parts.pairs(), b"0.{}", NOW).unwrap_err(), Rejection::SignatureMismatch);
}

#[test]
fn another_timestamp_does_not_match() {
    let parts = Parts { timestamp: Some("1700000001".to_owned()), ..Parts::of(BODY) };
    let rejection = Verifier::new(&secret(SECRET)).verify(&parts.pairs(), BODY, NOW).unwrap_err();
    assert_eq!(rejection, Rejection::SignatureMismatch);
}

#[test]
fn another_secret_does_not_match() {
    let parts = Parts { signature: Some(sign("another", NOW, BODY)), ..Parts::of(BODY) };
    let rejection = Verifier::new(&secret(SECRET)).verify(&parts.pairs(), BODY, NOW).unwrap_err();
    assert_eq!(rejection, Rejection::SignatureMismatch);
}

#[test]
fn a_body_of_262144_bytes_passes() {
    let body = vec![b'a'; MAX_BODY_BYTES];
    assert_eq!(body.len(), 262_144);
    assert!(Verifier::new(&secret(SECRET)).verify(&Parts::of(&body).pairs(), &body, NOW).is_ok());
}

#[test]
fn a_body_of_262145_bytes_is_too_large_whatever_its_signature() {
    let body = vec![b'a'; 262_145];
    let rejection = Verifier::new(&secret(SECRET)).verify(&Parts::of(BODY).pairs(), &body, NOW).unwrap_err();
    assert_eq!(rejection, Rejection::PayloadTooLarge { max_bytes: 262_144 });
}

#[test]
fn the_body_limit_can_be_narrowed() {
    let verifier = Verifier::new(&secret(SECRET)).with_max_body_bytes(4);
    let rejection = verifier.verify(&Parts::of(b"hello").pairs(), b"hello", NOW).unwrap_err();
    assert_eq!(rejection.message(), "Payload exceeds 4 bytes");
}

#[test]
fn a_delivery_id_that_is_not_visible_ascii_is_as_good_as_none() {
    for id in ["", "a b", "a\nb", "a\0", "\u{fc}", &"i".repeat(256)] {
        let parts = Parts { delivery_id: Some(id.to_owned()), ..Parts::of(BODY) };
        let rejection = Verifier::new(&secret(SECRET)).verify(&parts.pairs(), BODY, NOW).unwrap_err();
        assert_eq!(rejection.code(), "missing_delivery_id", "{id:?}");
    }
    let parts = Parts { delivery_id: Some("i".repeat(255)), ..Parts::of(BODY) };
    assert!(Verifier::new(&secret(SECRET)).verify(&parts.pairs(), BODY, NOW).is_ok());
}
