//! Invariant 5: every event is delivered to its endpoint, in the order of its stream, with the same id and body on each attempt.

mod api;
mod conduct;
mod ledger;
mod listen;
mod receiver;
mod runbook;

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

use fluxora_webhook::{Secret, UnixSeconds, Verifier};
use serde_json::Value;

use crate::PATIENCE;
use crate::sample;
use crate::server::{Launch, TestServer};
use receiver::Arrival;
pub(crate) use receiver::Receiver;

const SECRET: &str = "whsec_dGVzdC1zZWNyZXQtMzItYnl0ZXMtbG9uZy0wMDAx";
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// A server that sends every event to the receiver, an attempt every second.
fn launch(receiver: &Receiver) -> Launch {
    sending(Launch::new(), receiver)
}

/// The same, with the settings of a launch.
pub(crate) fn sending(launch: Launch, receiver: &Receiver) -> Launch {
    launch
        .set("FLUXORA_MASTER_KEY", MASTER_KEY)
        .set("FLUXORA_WEBHOOK_URL", receiver.url())
        .set("FLUXORA_WEBHOOK_SECRET", SECRET)
        .set("WEBHOOK_ALLOW_HTTP", "true")
        .set("WEBHOOK_ALLOWED_NETWORKS", receiver.address.to_string())
        .set("WEBHOOK_TIMEOUT_SECONDS", "1")
        .set("WEBHOOK_RETRY_SECONDS", ["1"; 20].join(","))
        .set("LOG_LEVEL", "trace")
}

/// The whole event log.
fn events(server: &TestServer) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = server.get(&format!("/api/events?limit=500&after={after}")).expect(200);
        let found = page["events"].as_array().unwrap();
        if found.is_empty() {
            return events;
        }
        events.extend(found.iter().cloned());
        after = events.last().unwrap()["sequence"].as_u64().unwrap();
    }
}

/// Whether each of these events has been acknowledged.
fn has_all(events: &[Value], arrivals: &[Arrival]) -> bool {
    let acknowledged: HashSet<_> = arrivals
        .iter()
        .filter(|arrival| arrival.is_acknowledged)
        .map(|arrival| arrival.event()["sequence"].as_u64().unwrap())
        .collect();
    events.iter().all(|event| acknowledged.contains(&event["sequence"].as_u64().unwrap()))
}

/// Waits until every delivery is recorded as delivered, each once.
#[track_caller]
fn settled(server: &TestServer, events: usize) {
    let expect = u64::try_from(events).unwrap();
    let deadline = now() + Duration::from_secs(90);
    loop {
        let health = server.get("/health").expect(200);
        let webhooks = &health["webhooks"];
        if webhooks["pending"] == 0 {
            assert_eq!(
                (&webhooks["delivered"], &webhooks["dead"]),
                (&expect.into(), &0.into()),
                "{webhooks}"
            );
            assert_eq!((&webhooks["eventsBehind"], &webhooks["oldestDueAt"]), (&0.into(), &Value::Null));
            return;
        }
        assert!(now() < deadline, "deliveries are not settled: {webhooks}");
    }
}

/// Waits until every event of the log has been delivered, each as it is in the feed and in the order of its stream.
#[track_caller]
pub(crate) fn delivers_everything(server: &TestServer, receiver: &Receiver) {
    let events = events(server);
    let arrivals =
        receiver.wait_until(PATIENCE, "every event of the log", |arrivals| has_all(&events, arrivals));
    settled(server, events.len());
    check(&arrivals, &events);
}

/// What must hold of everything that has ever arrived.
fn check(arrivals: &[Arrival], events: &[Value]) {
    let by_sequence: BTreeMap<_, _> =
        events.iter().map(|event| (event["sequence"].as_u64().unwrap(), event)).collect();
    let verifier = Verifier::new(&Secret::new(SECRET).unwrap()).with_tolerance_seconds(3_600);
    let now = UnixSeconds::from(now());
    let mut bodies: BTreeMap<u64, (String, Vec<u8>)> = BTreeMap::new();
    let mut lanes: BTreeMap<String, u64> = BTreeMap::new();
    let mut attempts: BTreeMap<u64, u64> = BTreeMap::new();
    for arrival in arrivals {
        verifier.verify(&arrival.headers, &arrival.body, now).expect("each signature is valid");
        let mut event = arrival.event();
        let sequence = event["sequence"].as_u64().unwrap();
        let id = event.as_object_mut().unwrap().remove("delivery_id").unwrap();
        assert_eq!(id, arrival.header("x-fluxora-delivery-id"));
        assert_eq!(&event, by_sequence[&sequence], "the body is the event");
        assert_eq!(event["type"], arrival.header("x-fluxora-event"));
        let same = bodies.entry(sequence).or_insert((id.to_string(), arrival.body.clone()));
        assert_eq!((&same.0, &same.1), (&id.to_string(), &arrival.body), "id and body stay the same");
        let lane = lanes.entry(event["streamId"].as_str().unwrap().to_owned()).or_default();
        let number = event["streamSeq"].as_u64().unwrap();
        assert!(*lane <= number && number <= *lane + 1, "event {number} of a stream after event {lane}");
        *lane = number;
        // A claim that was given back or whose process was killed leaves its number to the next attempt, or a gap.
        let attempt: u64 = arrival.header("x-fluxora-attempt").parse().unwrap();
        let before = attempts.insert(sequence, attempt).unwrap_or(1);
        assert!(before <= attempt, "attempt {attempt} after {before}");
    }
    let ids: std::collections::BTreeSet<_> = bodies.values().map(|(id, _)| id).collect();
    assert_eq!(ids.len(), bodies.len(), "each event has a delivery id of its own");
}

/// No secret, no signature, no payload and no path of a URL is in the log, at any level.
fn check_log(server: &TestServer, arrivals: &[Arrival]) {
    let log = server.process().stdout.lines();
    assert!(log.iter().any(|line| line.contains("attempt recorded")), "the log has the attempts");
    check_log_of(server, arrivals, &[SECRET, MASTER_KEY]);
}

/// The same, with these secrets.
fn check_log_of(server: &TestServer, arrivals: &[Arrival], secrets: &[&str]) {
    let mut never = HashSet::new();
    for arrival in arrivals {
        never.insert(arrival.header("x-fluxora-signature").to_owned());
        never.extend(accounts(&arrival.event()));
    }
    for line in &server.process().stdout.lines() {
        for text in secrets.iter().chain(&["hunter2"]) {
            assert!(!line.contains(text), "the log has {text}: {line}");
        }
        for word in line.split(|c: char| !c.is_ascii_alphanumeric()) {
            assert!(!never.contains(word), "the log has {word}: {line}");
        }
    }
}

/// The addresses in an event.
fn accounts(event: &Value) -> Vec<String> {
    match event {
        Value::String(text) if text.len() == 56 => vec![text.clone()],
        Value::Array(members) => members.iter().flat_map(accounts).collect(),
        Value::Object(members) => members.values().flat_map(accounts).collect(),
        _ => Vec::new(),
    }
}

#[expect(clippy::disallowed_methods, reason = "compared with the clock of the server")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[test]
fn every_event_is_delivered_and_a_stop_leaves_nothing_to_wait_for() {
    let receiver = Receiver::kind();
    let mut server = TestServer::launch(launch(&receiver));
    for number in 2..22 {
        let stream = server.create(&sample::stream_between(number, 1));
        server.cancel(stream["id"].as_str().unwrap());
    }
    let events = events(&server);
    let arrivals = receiver.wait_until(PATIENCE, "the events", |arrivals| has_all(&events, arrivals));
    assert_eq!(arrivals.len(), events.len(), "nothing is sent twice");
    settled(&server, events.len());
    check(&arrivals, &events);
    check_log(&server, &arrivals);
    server.terminate();
    server.restart();
    server.create(&sample::stream_between(1, 2));
    receiver.wait_until(Duration::from_secs(10), "the next event", |arrivals| arrivals.len() > events.len());
    server.terminate();
}

#[test]
fn without_a_master_key_a_server_that_others_reach_sends_nothing() {
    let receiver = Receiver::kind();
    let launch = launch(&receiver).unset("FLUXORA_MASTER_KEY").set("HOST", "0.0.0.0");
    let ended = launch.ends();
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("FLUXORA_MASTER_KEY must be given"), "{}", ended.stderr);
    let mut server = TestServer::launch(launch.unset("FLUXORA_WEBHOOK_URL"));
    let off = server.wait_for_message("listening")["off"].as_str().unwrap().to_owned();
    assert!(off.contains("webhooks (FLUXORA_MASTER_KEY)"), "{off}");
    server.terminate();
    assert!(receiver.arrivals().is_empty());
}

#[test]
fn an_address_that_the_operator_did_not_allow_is_refused_at_the_start() {
    let receiver = Receiver::kind();
    let ended = launch(&receiver).unset("WEBHOOK_ALLOWED_NETWORKS").ends();
    assert_eq!(ended.code, Some(78));
    assert!(ended.stderr.contains("FLUXORA_WEBHOOK_URL cannot be used"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
}
