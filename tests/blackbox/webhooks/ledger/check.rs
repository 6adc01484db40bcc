//! What must hold when everything has been settled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use fluxora_webhook::{Secret, UnixSeconds, Verifier};
use serde_json::Value;

use super::Endpoint;
use crate::http::{Connection, Request};
use crate::server::TestServer;
use crate::webhooks::now;
use crate::webhooks::receiver::Arrival;

/// What was recorded and received, for the line that a test prints.
#[derive(Default)]
pub(super) struct Totals {
    deliveries: usize,
    attempts: usize,
    lost_leases: usize,
    requests: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { deliveries, attempts, lost_leases, requests } = self;
        write!(
            f,
            "{deliveries} deliveries, {attempts} attempts, {lost_leases} of them lost, {requests} requests"
        )
    }
}

/// Every event that an endpoint's filter leaves in has one delivery, which was settled once and received with the same id and body on
/// each attempt; the first receptions of a stream's events are in their order; and every signature is valid.
pub(super) fn check(
    server: &TestServer,
    endpoint: &Endpoint,
    events: &[Value],
    arrivals: &[Arrival],
) -> Totals {
    let expected: BTreeMap<u64, &Value> = events
        .iter()
        .filter(|event| (endpoint.gets)(event))
        .map(|event| (event["sequence"].as_u64().unwrap(), event))
        .collect();
    let mut connection = server.connect();
    let deliveries = deliveries(&mut connection, endpoint);
    let sequences: BTreeSet<u64> = deliveries.keys().copied().collect();
    assert_eq!(
        sequences,
        expected.keys().copied().collect(),
        "{}: one delivery for each event",
        endpoint.path
    );
    let mut totals = Totals { deliveries: deliveries.len(), ..Totals::default() };
    for delivery in deliveries.values() {
        check_attempts(&mut connection, delivery, &mut totals);
    }
    let read = get(&mut connection, &format!("/api/webhooks/endpoints/{}", endpoint.id));
    let counts = ["pending", "dead", "delivered"].map(|name| read["deliveries"][name].as_u64().unwrap());
    let settled = u64::try_from(expected.len()).unwrap();
    assert_eq!(counts, [0, 0, settled], "{}: each is settled once", endpoint.path);

    let arrivals = arrivals.iter().filter(|arrival| arrival.path == endpoint.path);
    let received = check_arrivals(endpoint, &deliveries, &expected, arrivals.clone());
    assert_eq!(received, sequences, "{}: each event was received", endpoint.path);
    totals.requests = arrivals.count();
    totals
}

fn get(connection: &mut Connection, target: &str) -> Value {
    connection.send(&Request::get(target)).unwrap().expect(200)
}

/// Every delivery to the endpoint, by the position of its event.
fn deliveries(connection: &mut Connection, endpoint: &Endpoint) -> BTreeMap<u64, Value> {
    let first = format!("/api/webhooks/deliveries?endpointId={}&limit=100", endpoint.id);
    let (mut found, mut target) = (BTreeMap::new(), first.clone());
    loop {
        let page = get(connection, &target);
        for delivery in page["deliveries"].as_array().unwrap() {
            assert_eq!(delivery["status"], "delivered", "{delivery}");
            let before = found.insert(delivery["sequence"].as_u64().unwrap(), delivery.clone());
            assert_eq!(before, None, "an event has two deliveries to one endpoint");
        }
        let Some(cursor) = page["nextCursor"].as_str() else { return found };
        target = format!("{first}&cursor={cursor}");
    }
}

/// The attempts are numbered without a gap, and the last one, no other, was a success.
fn check_attempts(connection: &mut Connection, delivery: &Value, totals: &mut Totals) {
    let id = delivery["id"].as_str().unwrap();
    let read = get(connection, &format!("/api/webhooks/deliveries/{id}"));
    let attempts = read["attempts"].as_array().unwrap();
    let numbers: Vec<_> = attempts.iter().map(|attempt| attempt["number"].as_u64().unwrap()).collect();
    let count = read["attemptCount"].as_u64().unwrap();
    assert_eq!(numbers, (1..=count).collect::<Vec<_>>(), "{read}");
    let (last, others) = attempts.split_last().expect("a delivered delivery was attempted");
    assert_eq!(last["outcome"], "delivered", "{read}");
    assert!(others.iter().all(|attempt| attempt["outcome"] != "delivered"), "{read}");
    totals.attempts += attempts.len();
    totals.lost_leases += attempts.iter().filter(|attempt| attempt["outcome"] == "lease_expired").count();
}

/// Checks the requests to one endpoint; the positions of the events that were received.
fn check_arrivals<'a>(
    endpoint: &Endpoint,
    deliveries: &BTreeMap<u64, Value>,
    expected: &BTreeMap<u64, &Value>,
    arrivals: impl Iterator<Item = &'a Arrival>,
) -> BTreeSet<u64> {
    let now = UnixSeconds::from(now());
    let secret = Secret::new(endpoint.secret).unwrap();
    let verifier = Verifier::new(&secret).with_tolerance_seconds(86_400);
    let mut bodies: BTreeMap<u64, &[u8]> = BTreeMap::new();
    let mut lanes: BTreeMap<String, u64> = BTreeMap::new();
    for arrival in arrivals {
        verifier.verify(&arrival.headers, &arrival.body, now).expect("each signature is valid");
        let mut event = arrival.event();
        let sequence = event["sequence"].as_u64().unwrap();
        let id = event.as_object_mut().unwrap().remove("delivery_id").unwrap();
        assert_eq!(id, arrival.header("x-fluxora-delivery-id"));
        assert_eq!(id, deliveries[&sequence]["id"], "each attempt has the id of the delivery");
        assert_eq!(&event, expected[&sequence], "the body is the event");
        assert_eq!(event["type"], arrival.header("x-fluxora-event"));
        if let Some(first) = bodies.insert(sequence, &arrival.body) {
            assert_eq!(first, arrival.body, "each attempt has the same bytes");
            continue;
        }
        let lane = lanes.entry(event["streamId"].as_str().unwrap().to_owned()).or_default();
        let number = event["streamSeq"].as_u64().unwrap();
        assert!(*lane < number, "{}: event {number} of a stream first came after {lane}", endpoint.path);
        *lane = number;
    }
    bodies.into_keys().collect()
}
