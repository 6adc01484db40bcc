//! The runway of a treasury comes down to thresholds: each crossing once, also when the server is killed, and again after a top-up.

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use crate::indexer::indexing;
use crate::sample;
use crate::server::{Launch, TestServer};
use crate::time_events::{Fork, closes_every, instant};
use crate::webhooks::{Receiver, delivers_everything, sending};

/// Ledgers close every ten minutes.
const STEP: u64 = 600;
const FORK: Fork = Fork { branch: "a", from: 0, seconds: STEP };

fn closes(ledger: u64) -> u64 {
    closes_every(STEP, ledger)
}

fn low(server: &TestServer, after: u64, wait: u64) -> Vec<Value> {
    let page = server
        .get(&format!(
            "/api/events?type=treasury.runway_low&sender={}&after={after}&wait={wait}",
            sample::account(1)
        ))
        .expect(200);
    page["events"].as_array().unwrap().clone()
}

/// Waits until a check has found the runway above every threshold.
fn wait_until_above(server: &TestServer, above: &dyn Fn(&TestServer) -> i64) {
    for _ in 0..60 {
        if above(server) == 1 {
            return;
        }
        server.get("/api/events?type=stream.removed&after=0&wait=1").expect(200);
    }
    panic!("the runway is not above the thresholds after a minute");
}

#[test]
fn a_runway_that_becomes_low_is_an_event_of_the_feed_once_and_again_after_a_top_up() {
    crosses(indexing(), &|server| {
        let database = rusqlite::Connection::open(server.database()).unwrap();
        database.query_row(ABOVE, [], |row| row.get(0)).unwrap()
    });
}

#[test]
fn a_runway_on_postgres_that_becomes_low_is_an_event_of_the_feed_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    crosses(indexing().set("DATABASE_URL", database.url()), &|_| database.sql(ABOVE).parse().unwrap());
}

/// Runways above every threshold.
const ABOVE: &str = "SELECT count(*) FROM treasury_runways WHERE below = 0 AND check_at > 0";

fn crosses(launch: Launch, above: &dyn Fn(&TestServer) -> i64) {
    let settings =
        [("STREAM_CLOCK_INTERVAL_MS", "50"), ("TIME_EVENTS", "true"), ("RUNWAY_LOW_HOURS", "2, 1")];
    let launch = settings.into_iter().fold(launch, |launch, (name, value)| launch.set(name, value));
    let receiver = Receiver::kind();
    let mut server = TestServer::launch(sending(launch, &receiver));
    // From ledger 10 for three hours: 18 ledgers.
    let created = json!({"topic": ["stream_created", "0", sample::account(1), sample::account(2)], "value": {
        "token": sample::contract(2), "deposited": "10800", "start_time": closes(10).to_string(),
        "end_time": closes(28).to_string(), "cliff_time": closes(10).to_string(),
        "cancellable": true, "pausable": true, "transferable": true}});
    FORK.push(&server, 10, &[("stream_created", created)]);
    FORK.push(&server, 11, &[]);
    wait_until_above(&server, above);

    // Ledger 16 is safe when ledger 17 is there: two hours are left.
    (12..=17).for_each(|ledger| FORK.push(&server, ledger, &[]));
    let first = only(&server, 0);
    assert_eq!(instant(&first, "occurredAt").as_second(), i64::try_from(closes(16)).unwrap());
    let runway = &first["data"]["runway"];
    assert_eq!((&runway["treasury"], &runway["thresholdHours"]), (&json!(sample::account(1)), &json!(2)));
    assert_eq!(runway["asset"], json!({"kind": "token", "contract": sample::contract(2)}));
    assert_eq!((&runway["runwaySeconds"], &runway["exhaustedAt"]), (&json!(7_200), &json!(closes(28))));
    let top_ups = [7_u64, 30, 90]
        .map(|days| json!({"days": days, "amount": (days * 86_400 - 7_200).to_string(), "complete": true}));
    assert_eq!(runway["topUps"], json!(top_ups));

    server.kill9();
    server.restart();
    (18..=23).for_each(|ledger| FORK.push(&server, ledger, &[]));
    let second = only(&server, sequence(&first));
    assert_eq!(second["data"]["runway"]["thresholdHours"], 1);

    // Topped up to last until ledger 40: two hours are left at ledger 28.
    let topped_up = json!({"topic": ["topped_up", "0", sample::account(1)],
        "value": {"amount": "7200", "deposited": "18000", "end_time": closes(40).to_string()}});
    FORK.push(&server, 24, &[("topped_up", topped_up)]);
    FORK.push(&server, 25, &[]);
    wait_until_above(&server, above);
    (26..=31).for_each(|ledger| FORK.push(&server, ledger, &[]));
    let third = only(&server, sequence(&second));
    assert_eq!(third["data"]["runway"]["thresholdHours"], 2);
    assert_eq!(low(&server, 0, 0).len(), 3);
    delivers_everything(&server, &receiver);
    server.terminate();
}

fn sequence(event: &Value) -> u64 {
    event["sequence"].as_u64().unwrap()
}

/// Waits for the one event after a position.
fn only(server: &TestServer, after: u64) -> Value {
    for _ in 0..30 {
        if let [event] = &low(server, after, 5)[..] {
            return event.clone();
        }
    }
    panic!("no runway became low after {after}: {:?}", low(server, 0, 0));
}
