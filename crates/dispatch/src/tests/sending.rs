//! One attempt: what arrives, and what is reported.

use std::hash::RandomState;

use fluxora_delivery::{AttemptResult, Endpoint, HeaderProfile, OutcomeCode};
use fluxora_store::still;
use fluxora_trace::{Sampler, Status, TraceContext, Tracer};
use fluxora_webhook::{UnixSeconds, Verifier, standard};
use jiff::Timestamp;
use uuid::Uuid;

use super::receiver::{Received, Receiver, status};
use super::{NEXT_SECRET, NOW, SECRET, endpoint, keyring, secret, sender, traced_sender};
use crate::{Cause, Outgoing};

const BODY: &[u8] = br#"{"delivery_id":"dlv_01","type":"stream.updated"}"#;
const LATER: Timestamp = Timestamp::constant(1_700_000_060, 0);

fn outgoing(event: &TraceContext) -> Outgoing<'_> {
    let cause = Cause::Event(event);
    Outgoing {
        delivery_id: "dlv_01",
        event_type: "stream.updated",
        body: BODY,
        attempt: 3,
        replay_of: None,
        cause,
    }
}

async fn attempt(endpoint: &Endpoint) -> AttemptResult {
    sender().attempt(endpoint, outgoing(&TraceContext::of_name("event 1"))).await
}

/// What a receiver gets from an endpoint with these secrets, changed.
async fn sent(secrets: &[(&str, Option<Timestamp>)], change: impl FnOnce(&mut Endpoint)) -> Received {
    let receiver = Receiver::start(|_, _| status(200)).await;
    let mut endpoint = endpoint(1, &receiver.url, secrets);
    change(&mut endpoint);
    assert_eq!(attempt(&endpoint).await.outcome, OutcomeCode::Delivered);
    receiver.received().remove(0)
}

fn verifies(received: &Received, secret_text: &str) -> bool {
    let headers: Vec<_> = received.headers.iter().collect();
    let now = UnixSeconds::new(NOW.as_second());
    Verifier::new(&secret(secret_text)).verify(&headers, &received.body, now).is_ok()
}

#[tokio::test]
async fn a_replay_under_another_id_names_the_first_delivery_and_no_other_attempt_does() {
    let receiver = Receiver::start(|_, _| status(200)).await;
    let endpoint = endpoint(1, &receiver.url, &[(SECRET, None)]);
    let event = TraceContext::of_name("event 1");
    for replay_of in [None, Some("dlv_00")] {
        sender().attempt(&endpoint, Outgoing { replay_of, ..outgoing(&event) }).await;
    }
    let named =
        receiver.received().into_iter().map(|received| received.headers.get("x-fluxora-replay-of").cloned());
    assert_eq!(named.collect::<Vec<_>>(), [None, Some("dlv_00".to_owned())]);
}

#[tokio::test]
async fn an_attempt_carries_the_contract_headers_and_the_exact_body() {
    let received = sent(&[(SECRET, None)], |_| ()).await;
    assert_eq!(received.body, BODY);
    assert!(verifies(&received, SECRET) && !verifies(&received, NEXT_SECRET));
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", "Fluxora-Webhooks/1.2.3"),
        ("accept-encoding", "identity"),
        ("x-fluxora-delivery-id", "dlv_01"),
        ("x-fluxora-event", "stream.updated"),
        ("x-fluxora-timestamp", "1700000000"),
        ("x-fluxora-attempt", "3"),
    ] {
        assert_eq!(received.headers[name], value, "{name}");
    }
    for name in ["x-fluxora-signature-next", "webhook-signature", "cookie", "authorization"] {
        assert!(!received.headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn during_a_rotation_both_secrets_verify_and_after_it_the_new_one_alone() {
    let received = sent(&[(SECRET, Some(LATER)), (NEXT_SECRET, None)], |_| ()).await;
    assert!(verifies(&received, SECRET) && verifies(&received, NEXT_SECRET));
    let received = sent(&[(SECRET, Some(NOW)), (NEXT_SECRET, None)], |_| ()).await;
    assert!(!verifies(&received, SECRET) && verifies(&received, NEXT_SECRET));
    assert!(!received.headers.contains_key("x-fluxora-signature-next"));
}

#[tokio::test]
async fn standard_webhooks_headers_are_added_where_the_endpoint_asks_for_them() {
    let secrets = [(SECRET, Some(LATER)), (NEXT_SECRET, None)];
    let received = sent(&secrets, |endpoint| endpoint.headers = HeaderProfile::StandardWebhooks).await;
    let headers: Vec<_> = received.headers.iter().collect();
    for text in [SECRET, NEXT_SECRET] {
        let verifier = standard::Verifier::new(&secret(text)).unwrap();
        verifier.verify(&headers, &received.body, UnixSeconds::new(NOW.as_second())).unwrap();
        assert!(verifies(&received, text));
    }
}

#[tokio::test]
async fn custom_headers_are_sent_and_a_reserved_one_stops_the_attempt() {
    let seal = |name: &str| {
        let headers = [(name.to_owned(), "Bearer hunter2".to_owned())];
        keyring().seal_headers(Uuid::from_u128(1), &headers).unwrap()
    };
    let received = sent(&[(SECRET, None)], |endpoint| endpoint.custom_headers = seal("Authorization")).await;
    assert_eq!(received.headers["authorization"], "Bearer hunter2");
    let receiver = Receiver::start(|_, _| status(200)).await;
    for name in ["Host", "x-fluxora-signature", "a\r\nb"] {
        let mut endpoint = endpoint(1, &receiver.url, &[(SECRET, None)]);
        endpoint.custom_headers = seal(name);
        assert_eq!(attempt(&endpoint).await.outcome, OutcomeCode::InvalidRequest);
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn an_endpoint_that_cannot_be_used_is_not_connected_to() {
    let receiver = Receiver::start(|_, _| status(200)).await;
    let usable = endpoint(1, &receiver.url, &[(SECRET, None)]);
    let port = receiver.url.rsplit(':').next().unwrap();
    for (url, expect) in [
        (format!("http://10.0.0.1:{port}"), OutcomeCode::BlockedAddress),
        (format!("http://[::1]:{port}"), OutcomeCode::BlockedAddress),
        ("ftp://example.com/".to_owned(), OutcomeCode::InvalidRequest),
        (String::new(), OutcomeCode::InvalidRequest),
    ] {
        let endpoint = Endpoint { url, ..usable.clone() };
        assert_eq!(attempt(&endpoint).await.outcome, expect);
    }
    let without_secret = endpoint(1, &receiver.url, &[(SECRET, Some(NOW))]);
    let of_another_endpoint = Endpoint { id: endpoint(2, "", &[]).id, ..usable.clone() };
    for endpoint in [without_secret, of_another_endpoint] {
        assert_eq!(attempt(&endpoint).await.outcome, OutcomeCode::InvalidRequest);
    }
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn the_result_says_what_the_receiver_did() {
    let answer = "HTTP/1.1 503 X\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nbusy";
    let receiver = Receiver::start(move |_, _| Some(answer.to_owned())).await;
    let result = attempt(&endpoint(1, &receiver.url, &[(SECRET, None)])).await;
    let wait = result.retry_after.map(|wait| wait.as_secs());
    assert_eq!((result.outcome, result.status, wait), (OutcomeCode::HttpStatus, Some(503), Some(7)));
    assert_eq!((result.excerpt.as_slice(), result.started_at), (b"busy".as_slice(), NOW));
}

#[tokio::test]
async fn every_attempt_of_one_event_is_a_span_of_one_trace() {
    let (event, mut seen) = (TraceContext::of_name("event 1"), Vec::new());
    for _ in 0..2 {
        let received = sent(&[(SECRET, None)], |_| ()).await;
        let header = received.headers["traceparent"].clone();
        let context = TraceContext::parse(&header, "").unwrap();
        assert_eq!(context.trace_id(), event.trace_id());
        assert!(!seen.contains(&header), "each attempt is a span");
        seen.push(header);
    }
}

#[tokio::test]
async fn the_span_of_an_attempt_links_to_its_event() {
    let (tracer, spans) = Tracer::new(Sampler::PARENT_BASED_ALWAYS_ON, RandomState::new());
    let (receiver, sender) =
        (Receiver::start(|_, _| status(500)).await, traced_sender(still(NOW), tracer.into()));
    let event = TraceContext::of_name("event 1");
    sender.attempt(&endpoint(1, &receiver.url, &[(SECRET, None)]), outgoing(&event)).await;
    let request = TraceContext::parse(&format!("00-{:032x}-{:016x}-01", 7, 8), "a=1").unwrap();
    let of_request = Outgoing { cause: Cause::Request(&request), ..outgoing(&event) };
    sender.attempt(&endpoint(1, &receiver.url, &[(SECRET, None)]), of_request).await;
    let received = receiver.received();
    assert_eq!(received[1].headers["tracestate"], "a=1");
    let spans = spans.take(10);
    for (span, received) in spans.iter().zip(&received) {
        assert_eq!(received.headers["traceparent"], span.context.traceparent().as_str());
        assert_eq!((span.name.as_ref(), span.status), ("webhook attempt", Status::Error));
        assert!(span.attributes.contains(&("error.type", "http_status".into())), "{span:?}");
    }
    let [first, second] = spans.try_into().unwrap();
    assert_eq!((first.link, first.parent), (Some(event), None));
    assert_eq!((second.link, second.parent), (None, Some(request.span_id())));
}

#[tokio::test]
async fn attempts_are_counted_by_outcome() {
    let (receiver, sender) = (Receiver::start(|_, _| status(200)).await, sender());
    let event = TraceContext::of_name("event 1");
    sender.attempt(&endpoint(1, &receiver.url, &[(SECRET, None)]), outgoing(&event)).await;
    sender.attempt(&endpoint(1, "http://192.0.2.1/", &[(SECRET, None)]), outgoing(&event)).await;
    let counted: Vec<_> = sender.metrics().outcomes().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [("delivered", 1), ("blocked_address", 1)]);
    assert_eq!(sender.metrics().durations().count, 2);
}
