//! One call for the usual case, with a blocking and with an asynchronous guard: the same claims for both.

use std::cell::Cell;

use fluxora_webhook::{
    AsyncReplayGuard, Begun, BodyClaims, Claims, DedupeKey, GuardFull, Lease, MemoryGuard, ReceiveError,
    ReplayGuard, Settled, UnixSeconds, Verifier,
};
use serde::Deserialize;

use crate::{NOW, Parts, SECRET, secret};

const BODY: &[u8] = br#"{"id":"evt_01","delivery_id":"dlv_01","type":"stream.updated"}"#;

#[derive(Debug, Deserialize)]
struct Event {
    id: String,
    delivery_id: Option<String>,
    r#type: String,
}

impl Claims for Event {
    fn claims(&self) -> BodyClaims<'_> {
        BodyClaims {
            delivery_id: self.delivery_id.as_deref(),
            event_id: Some(&self.id),
            event_type: &self.r#type,
        }
    }
}

/// A memory guard behind the asynchronous trait.
struct Asynchronous<'a>(&'a MemoryGuard);

impl AsyncReplayGuard for Asynchronous<'_> {
    type Error = GuardFull;

    async fn begin(&self, key: &DedupeKey, now: UnixSeconds) -> Result<Begun, GuardFull> {
        tokio::task::yield_now().await;
        self.0.begin(key, now)
    }

    async fn commit(&self, lease: Lease, now: UnixSeconds) -> Result<Settled, GuardFull> {
        self.0.commit(lease, now)
    }

    async fn abort(&self, lease: Lease) -> Result<Settled, GuardFull> {
        self.0.abort(lease)
    }
}

type Outcome = Result<(String, Lease), ReceiveError<serde_json::Error, GuardFull>>;

fn blocking(guard: &MemoryGuard, parts: &Parts, body: &[u8]) -> Outcome {
    let (verifier, headers) = (Verifier::new(&secret(SECRET)), parts.pairs());
    let received = verifier.receive(&headers, body, NOW, guard, serde_json::from_slice::<Event>)?;
    assert_eq!(received.verified.body(), body);
    Ok((received.event.id, received.lease))
}

fn asynchronous(guard: &MemoryGuard, parts: &Parts, body: &[u8]) -> Outcome {
    let (verifier, headers) = (Verifier::new(&secret(SECRET)), parts.pairs());
    let guard = Asynchronous(guard);
    let received = verifier.receive_async(&headers, body, NOW, &guard, serde_json::from_slice::<Event>);
    let received = block_on(received)?;
    assert_eq!(received.verified.body(), body);
    Ok((received.event.id, received.lease))
}

/// That the future is `Send` is a part of the claim: handlers of axum need it.
fn block_on<T>(future: impl Future<Output = T> + Send) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The answer to a delivery, by either call, with a guard that has room for one.
#[track_caller]
fn check(body: &[u8], change: impl Fn(&mut Parts), expect: (u16, &str)) {
    for receive in [blocking, asynchronous] {
        let (guard, mut parts) = (MemoryGuard::new(1), Parts::of(body));
        change(&mut parts);
        let error = receive(&guard, &parts, body).unwrap_err();
        assert_eq!((error.status(), error.code()), expect);
        assert!(guard.is_empty(), "a refused delivery is reserved");
    }
}

#[test]
fn a_genuine_delivery_is_read_and_reserved_until_its_lease_is_settled() {
    for receive in [blocking, asynchronous] {
        let (guard, parts) = (MemoryGuard::new(1), Parts::of(BODY));
        let (id, lease) = receive(&guard, &parts, BODY).unwrap();
        assert_eq!((id.as_str(), lease.key()), ("evt_01", &DedupeKey::of_delivery("dlv_01")));
        let in_flight = receive(&guard, &parts, BODY).unwrap_err();
        assert_eq!((in_flight.status(), in_flight.code()), (425, "delivery_in_flight"));
        assert_eq!(in_flight.retry_after_seconds(), Some(60));

        guard.abort(lease).unwrap();
        let (_, lease) = receive(&guard, &parts, BODY).unwrap();
        guard.commit(lease, NOW).unwrap();
        let done = receive(&guard, &parts, BODY).unwrap_err();
        assert_eq!((done.status(), done.code()), (200, "duplicate_delivery"));
        assert_eq!(done.retry_after_seconds(), None);
    }
}

#[test]
fn what_is_not_genuine_is_refused_as_by_the_verifier() {
    check(BODY, |parts| parts.signature = Some("00".repeat(32)), (401, "signature_mismatch"));
    check(BODY, |parts| parts.timestamp = None, (401, "missing_timestamp"));
    check(b"no JSON", |parts| parts.timestamp = Some("soon".to_owned()), (400, "invalid_timestamp"));
}

#[test]
fn headers_that_contradict_the_body_are_refused() {
    check(BODY, |parts| parts.delivery_id = Some("dlv_02".to_owned()), (401, "header_body_mismatch"));
    check(BODY, |parts| parts.event = Some("stream.cancelled".to_owned()), (401, "header_body_mismatch"));
    check(BODY, |parts| parts.event = None, (401, "header_body_mismatch"));
}

#[test]
fn a_signed_body_that_is_no_event_is_an_invalid_body() {
    for body in [b"".as_slice(), b"no JSON", b"{}", b"[1]", &[0xff]] {
        check(body, |_| (), (400, "invalid_body"));
    }
}

#[test]
fn a_guard_that_does_not_answer_is_503() {
    for receive in [blocking, asynchronous] {
        let error = receive(&MemoryGuard::new(0), &Parts::of(BODY), BODY).unwrap_err();
        assert_eq!((error.status(), error.code()), (503, "dedupe_unavailable"));
    }
}

#[test]
fn a_body_is_not_read_before_its_signature_is_verified() {
    let (read, mut parts) = (Cell::new(false), Parts::of(BODY));
    parts.signature = Some("00".repeat(32));
    let (verifier, headers, guard) = (Verifier::new(&secret(SECRET)), parts.pairs(), MemoryGuard::new(1));
    let refused = verifier.receive(&headers, BODY, NOW, &guard, |body| {
        read.set(true);
        serde_json::from_slice::<Event>(body)
    });
    assert!(refused.is_err() && !read.get());
}

#[cfg(feature = "standard-webhooks")]
#[test]
fn a_delivery_of_the_other_profile_is_admitted_after_it_is_verified() {
    use fluxora_webhook::{Delivery, standard};
    let delivery = Delivery::new("dlv_01", "stream.updated", BODY).unwrap();
    let headers = standard::Signer::new(&secret(SECRET)).unwrap().sign(&delivery, NOW).unwrap();
    let (verifier, guard) = (standard::Verifier::new(&secret(SECRET)).unwrap(), MemoryGuard::new(1));
    let verified = verifier.verify(&headers, BODY, NOW).unwrap();
    let received = verified.admit(NOW, &guard, serde_json::from_slice::<Event>).unwrap();
    guard.commit(received.lease, NOW).unwrap();
    let again = block_on(verified.admit_async(NOW, &Asynchronous(&guard), serde_json::from_slice::<Event>));
    assert_eq!(again.unwrap_err().code(), "duplicate_delivery");
}
