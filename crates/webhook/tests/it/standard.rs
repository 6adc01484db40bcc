//! The Standard Webhooks profile.

use fluxora_webhook::standard::{self, KeyError, Signer, Verifier, VerifierError};
use fluxora_webhook::{BodyClaims, DedupeKey, Delivery, Rejection, UnixSeconds};

use crate::{BODY, NOW, SECRET, secret};

const SIGNATURE: &str = "v1,REf88TY/yOeuv1P8RcvBt98k47FRytE7RFkh4xwOzJA=";

/// A delivery of `BODY` with this signature header.
#[track_caller]
fn check(signature: &str, expect: Result<(), Rejection>) {
    let headers =
        [("webhook-id", "dlv_01"), ("webhook-timestamp", "1700000000"), ("webhook-signature", signature)];
    assert_eq!(Verifier::new(&secret(SECRET)).unwrap().verify(&headers, BODY, NOW).map(|_| ()), expect);
}

#[test]
fn a_contract_body_has_its_known_signature_in_this_profile() {
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let headers = Signer::new(&secret(SECRET)).unwrap().sign(&delivery, NOW).unwrap();
    assert_eq!(headers.signature(), SIGNATURE);
    check(SIGNATURE, Ok(()));
}

#[test]
fn the_specifications_vector_is_reproduced() {
    let body = br#"{"email":"test@example.com","username":"test_user"}"#;
    let delivery = Delivery::new("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "user.created", body).unwrap();
    let secret = secret("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let at = UnixSeconds::new(1_649_367_553);
    let headers = Signer::new(&secret).unwrap().sign(&delivery, at).unwrap();
    assert_eq!(headers.signature(), "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    assert!(Verifier::new(&secret).unwrap().verify(&headers, body, at).is_ok());
}

#[test]
fn one_of_several_signatures_is_enough() {
    let other = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    check(&format!("{other} {SIGNATURE}"), Ok(()));
    check(&format!("{SIGNATURE} {other}"), Ok(()));
    check(&format!("v1a,anything {SIGNATURE}"), Ok(()));
    check(&format!("  {SIGNATURE}  "), Ok(()));
    check(&format!("{other} {other}"), Err(Rejection::SignatureMismatch));
}

#[test]
fn what_is_not_a_v1_signature_does_not_match() {
    let base64 = SIGNATURE.strip_prefix("v1,").unwrap();
    for signature in
        [base64, &format!("v2,{base64}"), &format!("v1a,{base64}"), "v1,", "v1", "v1,%%%", &SIGNATURE[..40]]
    {
        check(signature, Err(Rejection::SignatureMismatch));
    }
    check(&format!("{SIGNATURE}AAAA"), Err(Rejection::SignatureMismatch));
}

#[test]
fn a_signature_beyond_the_sixteenth_is_not_looked_at() {
    let other = "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= ";
    check(&format!("{}{SIGNATURE}", other.repeat(15)), Ok(()));
    check(&format!("{}{SIGNATURE}", other.repeat(16)), Err(Rejection::SignatureMismatch));
}

#[test]
fn missing_headers_are_named_as_this_profile_names_them() {
    let all =
        [("webhook-id", "dlv_01"), ("webhook-timestamp", "1700000000"), ("webhook-signature", SIGNATURE)];
    let verifier = Verifier::new(&secret(SECRET)).unwrap();
    for (missing, code) in [
        ("webhook-id", "missing_delivery_id"),
        ("webhook-timestamp", "missing_timestamp"),
        ("webhook-signature", "missing_signature"),
    ] {
        let headers: Vec<_> = all.into_iter().filter(|(name, _)| *name != missing).collect();
        let rejection = verifier.verify(&headers, BODY, NOW).unwrap_err();
        assert_eq!((rejection.code(), rejection.message()), (code, format!("Missing {missing} header")));
    }
}

#[test]
fn this_profile_signs_the_id() {
    let headers =
        [("webhook-id", "dlv_02"), ("webhook-timestamp", "1700000000"), ("webhook-signature", SIGNATURE)];
    let rejection = Verifier::new(&secret(SECRET)).unwrap().verify(&headers, BODY, NOW).unwrap_err();
    assert_eq!(rejection, Rejection::SignatureMismatch);
}

#[test]
fn its_dedupe_key_is_the_contracts_for_the_same_delivery() {
    let headers =
        [("webhook-id", "dlv_01"), ("webhook-timestamp", "1700000000"), ("webhook-signature", SIGNATURE)];
    let verifier = Verifier::new(&secret(SECRET)).unwrap();
    let verified = verifier.verify(&headers, BODY, NOW).unwrap();
    let claims = BodyClaims { delivery_id: None, event_id: Some("evt_01"), event_type: "stream.updated" };
    assert_eq!(verified.match_body(&claims), Ok(DedupeKey::of_delivery("dlv_01")));
    let other = BodyClaims { delivery_id: Some("dlv_02"), ..claims };
    assert_eq!(verified.match_body(&other), Err(Rejection::HeaderBodyMismatch));
}

#[test]
fn one_secret_gives_two_keys_and_the_profiles_do_not_mix() {
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let contract = fluxora_webhook::Signer::new(&secret(SECRET)).sign(&delivery, NOW).unwrap();
    let standard = Signer::new(&secret(SECRET)).unwrap().sign(&delivery, NOW).unwrap();

    // The trap: the text of the secret as the key of Standard Webhooks, and its decoded key for the contract.
    let text_key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let decoded = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"test-secret-32-bytes-long-0001");
    let message = [b"dlv_01.1700000000.", BODY].concat();
    let right = ring::hmac::sign(&decoded, &message);
    assert_eq!(standard.signature(), format!("v1,{}", base64(right.as_ref())));
    check(
        &format!("v1,{}", base64(ring::hmac::sign(&text_key, &message).as_ref())),
        Err(Rejection::SignatureMismatch),
    );
    let wrong = hex::encode(ring::hmac::sign(&decoded, &[b"1700000000.", BODY].concat()));
    assert_ne!(contract.signature(), wrong);
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[test]
fn both_profiles_may_be_on_one_request() {
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let contract = fluxora_webhook::Signer::new(&secret(SECRET)).sign(&delivery, NOW).unwrap();
    let standard = Signer::new(&secret(SECRET)).unwrap().sign(&delivery, NOW).unwrap();
    let headers: Vec<(&str, &str)> = contract.iter().chain(standard.iter()).collect();
    assert!(fluxora_webhook::Verifier::new(&secret(SECRET)).verify(&headers, BODY, NOW).is_ok());
    assert!(Verifier::new(&secret(SECRET)).unwrap().verify(&headers, BODY, NOW).is_ok());
}

#[test]
fn while_rotating_the_new_signature_comes_first_and_either_secret_accepts() {
    let (old, new) = (standard::secret_from_random(&[1; 32]), standard::secret_from_random(&[2; 32]));
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let headers = Signer::rotating(&old, &new).unwrap().sign(&delivery, NOW).unwrap();
    let alone = Signer::new(&new).unwrap().sign(&delivery, NOW).unwrap();
    assert!(headers.signature().starts_with(alone.signature()));
    for secret in [&old, &new] {
        assert!(Verifier::new(secret).unwrap().verify(&headers, BODY, NOW).is_ok());
    }
}

#[test]
fn an_expired_secret_is_told_from_an_unknown_one() {
    let (old, new) = (standard::secret_from_random(&[1; 32]), standard::secret_from_random(&[2; 32]));
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let headers = Signer::new(&old).unwrap().sign(&delivery, NOW).unwrap();
    let verifier = Verifier::new(&new).unwrap();
    assert_eq!(verifier.verify(&headers, BODY, NOW).unwrap_err(), Rejection::SignatureMismatch);
    let verifier = verifier.with_secret_until(&old, NOW.get() - 1).unwrap();
    assert_eq!(verifier.verify(&headers, BODY, NOW).unwrap_err(), Rejection::PreviousSecretExpired);
}

#[test]
fn a_secret_without_a_key_is_refused_and_not_shown() {
    let error = Signer::new(&secret("hunter2!")).unwrap_err();
    assert_eq!(error, KeyError::NotBase64);
    let verifier = Verifier::new(&secret(SECRET)).unwrap();
    let error = verifier.with_secret(&secret("hunter2!")).unwrap_err();
    assert_eq!(error, VerifierError::Key { source: KeyError::NotBase64 });
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn debug_shows_no_signature() {
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let signer = Signer::new(&secret(SECRET)).unwrap();
    let headers = signer.sign(&delivery, NOW).unwrap();
    let shown = format!("{headers:?} {signer:?} {:?}", Verifier::new(&secret(SECRET)).unwrap());
    assert!(!shown.contains(&SIGNATURE[3..]) && !shown.contains("test-secret"));
}
