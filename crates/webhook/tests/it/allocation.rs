//! A delivery that verifies costs no allocation. Counted per thread, so other tests do not disturb it.

use fluxora_webhook::{HeaderFields, Verifier};

use crate::{BODY, NOW, Parts, SECRET, secret, sign};

#[track_caller]
fn check(claim: &str, verify: impl Fn() -> bool) {
    let measured = allocation_counter::measure(|| assert!(verify(), "{claim}"));
    assert_eq!(measured.count_total, 0, "{claim}");
}

#[test]
fn the_counter_counts() {
    assert_ne!(allocation_counter::measure(|| drop(std::hint::black_box(vec![1]))).count_total, 0);
}

#[test]
fn a_delivery_that_verifies_allocates_nothing() {
    let (large, pairs) = (vec![b'x'; 262_144], Parts::of(BODY).pairs());
    let large_pairs = Parts::of(&large).pairs();
    let verifier = Verifier::new(&secret(SECRET));
    check("pairs", || verifier.verify(&pairs, BODY, NOW).is_ok());
    check("pairs, 256 KiB", || verifier.verify(&large_pairs, &large, NOW).is_ok());
    check("fields", || {
        let fields: HeaderFields = pairs.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        verifier.verify(&fields, BODY, NOW).is_ok()
    });
    check("header key", || {
        verifier
            .verify(&pairs, BODY, NOW)
            .is_ok_and(|verified| verified.header_key() == fluxora_webhook::DedupeKey::of_delivery("dlv_01"))
    });
    #[cfg(feature = "http")]
    {
        let map: http::HeaderMap = pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        check("http", || verifier.verify(&map, BODY, NOW).is_ok());
    }
}

#[test]
fn the_third_of_three_secrets_allocates_nothing() {
    let parts = Parts { signature: Some(sign("c", NOW, BODY)), ..Parts::of(BODY) };
    let pairs = parts.pairs();
    let verifier = Verifier::new(&secret("a")).with_secret_until(&secret("b"), NOW).unwrap();
    let verifier = verifier.with_secret(&secret("c")).unwrap();
    check("three secrets", || verifier.verify(&pairs, BODY, NOW).is_ok());
}

#[test]
fn a_refused_delivery_allocates_nothing_either() {
    let pairs = Parts::of(BODY).pairs();
    let verifier = Verifier::new(&secret(SECRET));
    check("mismatch", || verifier.verify(&pairs, b"{}", NOW).is_err());
    check("stale", || verifier.verify(&pairs, BODY, NOW.plus(301)).is_err());
}

#[cfg(feature = "standard-webhooks")]
#[test]
fn the_standard_webhooks_profile_allocates_nothing_either() {
    use fluxora_webhook::{Delivery, standard};
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let headers = standard::Signer::new(&secret(SECRET)).unwrap().sign(&delivery, NOW).unwrap();
    let verifier = standard::Verifier::new(&secret(SECRET)).unwrap();
    check("standard", || verifier.verify(&headers, BODY, NOW).is_ok());
}
