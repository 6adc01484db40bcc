//! The timestamp: strict grammar, and a window that is open to both sides.

use fluxora_webhook::{Rejection, UnixSeconds, Verifier};

use crate::{BODY, NOW, Parts, SECRET, secret};

/// The signature is over `timestamp.body` as the header has it, so only the timestamp can be at fault.
#[track_caller]
fn check(timestamp: &[u8], now: UnixSeconds, expect: Result<(), Rejection>) {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = hex::encode(ring::hmac::sign(&key, &[timestamp, b".", BODY].concat()));
    let headers = [
        ("x-fluxora-delivery-id", b"dlv_01".as_slice()),
        ("x-fluxora-timestamp", timestamp),
        ("x-fluxora-signature", signature.as_bytes()),
    ];
    let verdict = Verifier::new(&secret(SECRET)).verify(&headers, BODY, now).map(|_| ());
    assert_eq!(verdict, expect, "{:?}", String::from_utf8_lossy(timestamp));
}

const OUTSIDE: Rejection = Rejection::TimestampOutsideTolerance { tolerance_seconds: 300 };

#[test]
fn zero_is_malformed() {
    check(b"0", NOW, Err(Rejection::InvalidTimestamp));
}

#[test]
fn a_sign_is_malformed() {
    check(b"-1", NOW, Err(Rejection::InvalidTimestamp));
    check(b"+1", NOW, Err(Rejection::InvalidTimestamp));
    check(b"-1700000000", NOW, Err(Rejection::InvalidTimestamp));
    check(b"+1700000000", NOW, Err(Rejection::InvalidTimestamp));
}

#[test]
fn a_blank_is_malformed() {
    check(b" 1", NOW, Err(Rejection::InvalidTimestamp));
    check(b" 1700000000", NOW, Err(Rejection::InvalidTimestamp));
    check(b"1700000000 ", NOW, Err(Rejection::InvalidTimestamp));
    check(b"1700000000\n", NOW, Err(Rejection::InvalidTimestamp));
}

#[test]
fn a_fraction_an_exponent_or_a_radix_is_malformed() {
    for timestamp in ["1.0", "1700000000.5", "1e9", "0x6553f100", "1_700_000_000", "1,700,000,000"] {
        check(timestamp.as_bytes(), NOW, Err(Rejection::InvalidTimestamp));
    }
}

#[test]
fn a_leading_zero_is_malformed() {
    check(b"01700000000", NOW, Err(Rejection::InvalidTimestamp));
}

#[test]
fn digits_of_other_scripts_are_malformed() {
    check("\u{661}\u{667}\u{660}".as_bytes(), NOW, Err(Rejection::InvalidTimestamp));
    check(b"\xff\xfe", NOW, Err(Rejection::InvalidTimestamp));
    check(b"170000000\x00", NOW, Err(Rejection::InvalidTimestamp));
}

#[test]
fn twenty_digits_and_the_ends_of_i64_are_malformed() {
    for timestamp in
        ["17000000001700000000", "9223372036854775807", "9223372036854775808", "-9223372036854775808"]
    {
        check(timestamp.as_bytes(), NOW, Err(Rejection::InvalidTimestamp));
    }
}

#[test]
fn milliseconds_are_malformed() {
    check(b"1700000000000", NOW, Err(Rejection::InvalidTimestamp));
}

#[test]
fn one_digit_and_twelve_digits_are_well_formed() {
    check(b"1", UnixSeconds::new(1), Ok(()));
    check(b"999999999999", UnixSeconds::new(999_999_999_999), Ok(()));
    check(b"1", NOW, Err(OUTSIDE));
}

#[test]
fn three_hundred_seconds_in_the_past_pass_and_one_more_does_not() {
    check(b"1700000000", UnixSeconds::new(1_700_000_300), Ok(()));
    check(b"1700000000", UnixSeconds::new(1_700_000_301), Err(OUTSIDE));
}

#[test]
fn three_hundred_seconds_in_the_future_pass_and_one_more_does_not() {
    check(b"1700000000", UnixSeconds::new(1_699_999_700), Ok(()));
    check(b"1700000000", UnixSeconds::new(1_699_999_699), Err(OUTSIDE));
}

#[test]
fn no_clock_overflows() {
    for now in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
        check(b"1700000000", UnixSeconds::new(now), Err(OUTSIDE));
        check(b"999999999999", UnixSeconds::new(now), Err(OUTSIDE));
    }
}

#[test]
fn the_tolerance_can_be_narrowed() {
    let verifier = Verifier::new(&secret(SECRET)).with_tolerance_seconds(60);
    let pairs = Parts::of(BODY).pairs();
    assert!(verifier.verify(&pairs, BODY, NOW.plus(60)).is_ok());
    let rejection = verifier.verify(&pairs, BODY, NOW.plus(61)).unwrap_err();
    assert_eq!(rejection, Rejection::TimestampOutsideTolerance { tolerance_seconds: 60 });
    assert_eq!(rejection.message(), "Timestamp is outside the 60 second verification window");
}
