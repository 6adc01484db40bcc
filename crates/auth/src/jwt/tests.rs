//! The fixtures were signed by pyca/cryptography, keys by OpenSSL: another implementation than the one under test.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Permission, Refusal, Role};

const RSA: &str = include_str!("../../fixtures/rsa.pem");
const P256: &str = include_str!("../../fixtures/p256.pem");
const ED25519: &str = include_str!("../../fixtures/ed25519.pem");
const KEY_SET: &str = include_str!("../../fixtures/jwks.json");
const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// The `exp` of the fixtures.
const END: i64 = 2_000_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn fixture(name: &str) -> String {
    let tokens: Value = serde_json::from_str(include_str!("../../fixtures/tokens.json")).unwrap();
    tokens[name].as_str().unwrap().to_owned()
}

fn verifier(keys: JwtKeys) -> JwtVerifier {
    JwtVerifier::new(keys, None, None)
}

fn with_secret() -> JwtVerifier {
    verifier(JwtKeys::secret(SECRET).unwrap())
}

fn encode(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

/// Signs any header and claims with HMAC-SHA-256.
fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = encode(header, claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(ring::hmac::sign(&key, message.as_bytes())))
}

fn claims(changes: &Value) -> Value {
    let mut claims = json!({"sub": "acme", "role": "partner", "exp": 1_000});
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

#[track_caller]
fn check(changes: &Value, now: i64, expect: Result<&str, Refusal>) {
    let token = hs256(&json!({"alg": "HS256"}), &claims(changes), SECRET.as_bytes());
    let verified = with_secret().verify(&token, at(now));
    assert_eq!(
        verified.map(|verified| verified.principal.to_string()),
        expect.map(str::to_owned),
        "{changes}"
    );
}

#[test]
fn tokens_of_another_implementation_verify_with_the_key_of_their_type_only() {
    for (key, pem) in [("RS256", RSA), ("ES256", P256), ("EdDSA", ED25519)] {
        let verifier = verifier(JwtKeys::public_key(pem).unwrap());
        for token in ["RS256", "RS512", "PS256", "ES256", "EdDSA"] {
            let verified = verifier.verify(&fixture(token), at(END));
            match token == key {
                true => assert_eq!(verified.unwrap().principal.to_string(), "jwt:acme"),
                false => assert_eq!(verified, Err(Refusal::Algorithm), "{token} with {key}"),
            }
        }
    }
}

#[test]
fn a_key_set_finds_the_key_by_its_kid() {
    let verifier = verifier(JwtKeys::key_set(KEY_SET).unwrap());
    for token in ["RS256 kid", "ES256 kid", "EdDSA kid"] {
        assert!(verifier.verify(&fixture(token), at(END)).is_ok(), "{token}");
    }
    assert_eq!(verifier.verify(&fixture("RS256"), at(END)), Err(Refusal::UnknownSigningKey));
    let other = hs256(&json!({"alg": "HS256", "kid": "rsa"}), &claims(&json!({})), SECRET.as_bytes());
    assert_eq!(verifier.verify(&other, at(0)), Err(Refusal::Algorithm));
    let unknown = hs256(&json!({"alg": "RS256", "kid": "gone"}), &claims(&json!({})), SECRET.as_bytes());
    assert_eq!(verifier.verify(&unknown, at(0)), Err(Refusal::UnknownSigningKey));
}

#[test]
fn a_key_set_with_one_key_needs_no_kid_in_the_token() {
    let mut set: Value = serde_json::from_str(KEY_SET).unwrap();
    set["keys"].as_array_mut().unwrap().truncate(1);
    let verifier = verifier(JwtKeys::key_set(&set.to_string()).unwrap());
    assert!(verifier.verify(&fixture("RS256"), at(END)).is_ok());
}

/// The public key is known to everyone: used as a secret it would let everyone sign.
#[test]
fn a_token_signed_with_the_public_key_as_a_secret_is_refused() {
    for alg in ["HS256", "RS256"] {
        let token = hs256(&json!({"alg": alg}), &claims(&json!({})), RSA.as_bytes());
        let refused = verifier(JwtKeys::public_key(RSA).unwrap()).verify(&token, at(0)).unwrap_err();
        assert_eq!(refused, if alg == "HS256" { Refusal::Algorithm } else { Refusal::Signature });
    }
}

#[test]
fn a_token_without_a_signature_is_refused() {
    let claims = claims(&json!({}));
    for alg in ["none", "None", "NONE", ""] {
        let message = encode(&json!({"alg": alg}), &claims);
        for token in [format!("{message}."), message] {
            assert!(with_secret().verify(&token, at(0)).is_err(), "{token}");
        }
    }
    let unsigned = format!("{}.", encode(&json!({"alg": "HS256"}), &claims));
    assert_eq!(with_secret().verify(&unsigned, at(0)), Err(Refusal::Signature));
}

#[test]
fn a_token_of_another_secret_is_refused() {
    let token = hs256(&json!({"alg": "HS256"}), &claims(&json!({})), &[7; 32]);
    assert_eq!(with_secret().verify(&token, at(0)), Err(Refusal::Signature));
}

#[test]
fn a_critical_extension_that_is_not_understood_is_refused() {
    let header = json!({"alg": "HS256", "crit": ["exp2"], "exp2": 1});
    assert!(with_secret().verify(&hs256(&header, &claims(&json!({})), SECRET.as_bytes()), at(0)).is_err());
}

#[test]
fn a_token_is_valid_between_nbf_and_exp_give_or_take_a_minute() {
    check(&json!({}), 1_059, Ok("jwt:acme"));
    check(&json!({}), 1_060, Err(Refusal::Expired));
    check(&json!({"exp": 1_000.9}), 1_059, Ok("jwt:acme"));
    check(&json!({"exp": 1_000.9}), 1_060, Err(Refusal::Expired));
    check(&json!({"exp": u64::MAX}), 1_000, Ok("jwt:acme"));
    check(&json!({"exp": i64::MIN}), 1_000, Err(Refusal::Claim("exp")));
    check(&json!({"nbf": i64::MIN}), 0, Ok("jwt:acme"));
    check(&json!({"nbf": 500}), 440, Ok("jwt:acme"));
    check(&json!({"nbf": 500}), 439, Err(Refusal::NotYetValid));
    check(&json!({"nbf": u64::MAX}), 439, Err(Refusal::NotYetValid));
}

#[test]
fn a_claim_that_is_missing_or_of_another_form_is_named() {
    for exp in [json!(null), json!("1000"), json!(true), json!(1e300)] {
        check(&json!({"exp": exp}), 0, Err(Refusal::Claim("exp")));
    }
    check(&json!({"nbf": "5"}), 0, Err(Refusal::Claim("nbf")));
    for sub in [json!(null), json!(""), json!("a b"), json!("a\n"), json!(7), json!("n".repeat(129))] {
        check(&json!({"sub": sub}), 0, Err(Refusal::Claim("sub")));
    }
    for role in [json!(null), json!("admin"), json!("PARTNER"), json!(["partner"]), json!(1)] {
        check(&json!({"role": role}), 0, Err(Refusal::Claim("role")));
    }
    for roles in [json!([]), json!(["admin", 7]), json!("partner")] {
        check(&json!({"role": null, "roles": roles}), 0, Err(Refusal::Claim("roles")));
    }
}

#[test]
fn of_several_roles_the_most_powerful_counts_and_foreign_ones_are_passed_over() {
    let token = |roles: Value| {
        let claims = claims(&json!({"role": null, "roles": roles}));
        with_secret().verify(&hs256(&json!({"alg": "HS256"}), &claims, SECRET.as_bytes()), at(0)).unwrap()
    };
    let verified = token(json!(["offline_access", "reader", "partner"]));
    assert_eq!(verified.principal.role(), Some(Role::Partner));
    assert_eq!(token(json!(["operator", "reader"])).principal.role(), Some(Role::Operator));
}

#[test]
fn audience_and_issuer_are_compared_where_they_are_set() {
    let keys = || JwtKeys::public_key(RSA).unwrap();
    let (right, wrong) = (|text: &str| Some(text.to_owned()), Some("else".to_owned()));
    let verify = |audience, issuer| {
        JwtVerifier::new(keys(), audience, issuer).verify(&fixture("RS256"), at(END)).map(drop)
    };
    assert_eq!(verify(right("fluxora"), right("https://issuer.example")), Ok(()));
    assert_eq!(verify(wrong.clone(), None), Err(Refusal::Claim("aud")));
    assert_eq!(verify(None, wrong), Err(Refusal::Claim("iss")));
    // A token that has neither.
    let bare = hs256(&json!({"alg": "HS256"}), &claims(&json!({})), SECRET.as_bytes());
    let secret = || JwtKeys::secret(SECRET).unwrap();
    for (audience, issuer, claim) in [(right("fluxora"), None, "aud"), (None, right("x"), "iss")] {
        let refused = JwtVerifier::new(secret(), audience, issuer).verify(&bare, at(0));
        assert_eq!(refused, Err(Refusal::Claim(claim)));
    }
}

#[test]
fn a_token_longer_than_8_kib_is_not_read() {
    check(&json!({"padding": "x".repeat(MAX_TOKEN_BYTES)}), 0, Err(Refusal::TooLong));
    check(&json!({"padding": "x".repeat(4_096)}), 0, Ok("jwt:acme"));
}

#[test]
fn a_minted_token_verifies_until_its_end() {
    let subject = "ops".parse().unwrap();
    let token = mint(SECRET, &subject, Role::Operator, at(500), 600, Some("fluxora"), Some("us")).unwrap();
    let verifier =
        JwtVerifier::new(JwtKeys::secret(SECRET).unwrap(), Some("fluxora".to_owned()), Some("us".to_owned()));
    let verified = verifier.verify(&token, at(1_159)).unwrap();
    assert!(verified.principal.may(Permission::Operate));
    assert_eq!(verified.expires_at, at(1_160));
    assert_eq!(verifier.verify(&token, at(1_160)), Err(Refusal::Expired));
    assert_eq!(mint("short", &subject, Role::Reader, at(0), 1, None, None), Err(MintFailed::ShortSecret));
}

#[test]
fn a_key_that_is_weak_or_of_another_type_is_refused() {
    let short = SECRET.trim_start_matches('0');
    assert_eq!(JwtKeys::secret(short).unwrap_err(), InvalidJwtKey::ShortSecret);
    let (weak, curve) = (include_str!("../../fixtures/rsa1024.pem"), include_str!("../../fixtures/p384.pem"));
    for pem in ["", SECRET, weak, curve, &RSA.replace("PUBLIC", "PRIVATE"), RSA.split_at(200).0] {
        assert_eq!(JwtKeys::public_key(pem).unwrap_err(), InvalidJwtKey::PublicKey, "{pem}");
    }
    for (set, expect) in [
        ("", InvalidJwtKey::KeySet),
        (r#"{"keys":[]}"#, InvalidJwtKey::NoKey),
        (r#"{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}"#, InvalidJwtKey::NoKey),
        (&KEY_SET.replace("\"kid\"", "\"id\""), InvalidJwtKey::NoKey),
        (&KEY_SET.replace("\"p256\"", "\"rsa\""), InvalidJwtKey::DuplicateKid),
    ] {
        assert_eq!(JwtKeys::key_set(set).unwrap_err(), expect, "{set}");
    }
    // Keys for encryption and for other algorithms are passed over.
    for unusable in [KEY_SET.replace("\"sig\"", "\"enc\""), KEY_SET.replace("RS256", "RS512")] {
        let verifier = verifier(JwtKeys::key_set(&unusable).unwrap());
        assert_eq!(verifier.verify(&fixture("RS256 kid"), at(END)), Err(Refusal::UnknownSigningKey));
    }
}

#[test]
fn keys_are_not_printed() {
    assert!(!format!("{:?}", JwtKeys::secret(SECRET).unwrap()).contains("0123"));
}

proptest! {
    /// A changed character never leaves the token valid for another caller.
    #[test]
    fn a_token_with_one_changed_character_is_refused(at_char in 0_usize..500, by: char) {
        let token = hs256(&json!({"alg": "HS256"}), &claims(&json!({})), SECRET.as_bytes());
        let mut chars: Vec<_> = token.chars().collect();
        let at_char = at_char % chars.len();
        prop_assume!(chars[at_char] != by);
        chars[at_char] = by;
        let changed: String = chars.into_iter().collect();
        prop_assert!(with_secret().verify(&changed, at(0)).is_err(), "{}", changed);
    }

    #[test]
    fn no_text_panics(text: String) {
        prop_assert!(with_secret().verify(&text, at(0)).is_err());
        prop_assert!(verifier(JwtKeys::key_set(KEY_SET).unwrap()).verify(&text, at(0)).is_err());
        prop_assert!(JwtKeys::public_key(&text).is_err());
        prop_assert!(JwtKeys::key_set(&text).is_err());
    }
}
