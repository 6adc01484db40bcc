//! Events that time brings about: each at its instant, once, whatever is killed and however many servers there are; and those
//! that a reorg retracts. Each reaches the feed and webhooks.

use std::collections::BTreeMap;
use std::thread;

use fluxora_store_postgres::testing::Cluster;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::http::Request;
use crate::indexer::{WORKER_TOKEN, indexing};
use crate::sample;
use crate::server::{Launch, TestServer};
use crate::webhooks::{Receiver, delivers_everything, sending};

/// One tick of the stream clock, in milliseconds.
const TICK: &str = "50";
/// How late an event may be recorded on a machine that runs other tests.
const LATE_MS: i64 = 20_000;
const KINDS: [&str; 4] = ["stream.started", "stream.cliff_reached", "stream.exhausted", "stream.ended"];

fn history(server: &TestServer, id: &str) -> Vec<Value> {
    let page = server.get(&format!("/api/streams/{id}/events?limit=100")).expect(200);
    page["events"].as_array().unwrap().clone()
}

pub(crate) fn instant(event: &Value, name: &str) -> Timestamp {
    event[name].as_str().unwrap().parse().unwrap()
}

/// Waits until the stream has this event, by asking for it with a wait.
#[track_caller]
fn wait_for(server: &TestServer, id: &str, kind: &str) -> Value {
    for _ in 0..30 {
        let page = server.get(&format!("/api/streams/{id}/events?type={kind}&after=0&wait=5")).expect(200);
        if let Some(event) = page["events"].as_array().unwrap().last() {
            return event.clone();
        }
    }
    panic!("{id} has no {kind}: {:?}", history(server, id));
}

/// The terms of a stream that begins in `wait` seconds, with a cliff a second later, and ends two seconds after it.
fn short(server: &TestServer, wait: u64) -> Value {
    let now = server.create(&sample::stream())["asOf"].as_u64().unwrap();
    let start = now + wait;
    let terms = json!({"startTime": start, "cliffTime": start + 1, "endTime": start + 3, "depositAmount": "6", "ratePerSecond": "3"});
    sample::with(sample::stream(), &terms)
}

/// Each kind once, at its instant: exhausted after two seconds, ended after three.
#[track_caller]
fn check(server: &TestServer, stream: &Value) {
    let id = stream["id"].as_str().unwrap();
    let events = history(server, id);
    let start = stream["startTime"].as_i64().unwrap();
    for (kind, after) in KINDS.into_iter().zip([0, 1, 2, 3]) {
        let of_kind: Vec<_> = events.iter().filter(|event| event["type"] == kind).collect();
        assert_eq!(of_kind.len(), 1, "{kind}: {events:?}");
        assert_eq!(instant(of_kind[0], "occurredAt").as_second(), start + after, "{kind}");
        assert!(instant(of_kind[0], "recordedAt") >= instant(of_kind[0], "occurredAt"), "{kind}");
    }
    let numbers: Vec<_> = events.iter().map(|event| event["streamSeq"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(1..=u64::try_from(events.len()).unwrap()), "{numbers:?}");
}

#[test]
fn each_time_event_of_an_api_stream_is_recorded_at_its_instant_also_when_the_server_is_killed() {
    let mut server =
        TestServer::launch(Launch::new().set("STREAM_CLOCK_INTERVAL_MS", TICK).unset("TIME_EVENTS"));
    let running = server.create(&short(&server, 2));
    let id = running["id"].as_str().unwrap();
    wait_for(&server, id, "stream.ended");
    check(&server, &running);
    for event in history(&server, id).iter().filter(|event| KINDS.contains(&event["type"].as_str().unwrap()))
    {
        let late =
            instant(event, "recordedAt").as_millisecond() - instant(event, "occurredAt").as_millisecond();
        assert!(late <= LATE_MS, "{late} ms late: {event}");
    }

    let killed = server.create(&short(&server, 1));
    let id = killed["id"].as_str().unwrap().to_owned();
    for kind in ["stream.cliff_reached", "stream.exhausted"] {
        wait_for(&server, &id, kind);
        server.kill9();
        server.restart();
    }
    wait_for(&server, &id, "stream.ended");
    check(&server, &killed);
    server.terminate();
}

#[test]
fn two_servers_on_one_database_record_each_time_event_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let launch = || {
        Launch::new()
            .set("DATABASE_URL", database.url())
            .set("STREAM_CLOCK_INTERVAL_MS", TICK)
            .set("TIME_EVENTS", "true")
    };
    let mut servers: Vec<_> = (0..2).map(|_| TestServer::launch(launch())).collect();
    let terms = short(&servers[0], 4);
    let streams: Vec<Value> = thread::scope(|scope| {
        let created: Vec<_> = servers
            .iter()
            .map(|server| scope.spawn(|| (0..10).map(|_| server.create(&terms)).collect::<Vec<_>>()))
            .collect();
        created.into_iter().flat_map(|created| created.join().unwrap()).collect()
    });
    wait_for(&servers[0], streams[0]["id"].as_str().unwrap(), "stream.cliff_reached");
    servers[1].kill9();
    servers[1].restart();
    for stream in &streams {
        wait_for(&servers[0], stream["id"].as_str().unwrap(), "stream.ended");
        check(&servers[1], stream);
    }
    servers.iter_mut().for_each(TestServer::terminate);
}

/// The second at which a ledger closes.
fn closes(ledger: u64) -> u64 {
    closes_every(5, ledger)
}

pub(crate) fn closes_every(seconds: u64, ledger: u64) -> u64 {
    1_767_225_600 + seconds * ledger
}

pub(crate) struct Fork {
    pub(crate) branch: &'static str,
    /// The first ledger of its own; those before are of `a`.
    pub(crate) from: u64,
    /// The seconds from one close to the next.
    pub(crate) seconds: u64,
}

impl Fork {
    fn hash(&self, ledger: u64) -> String {
        format!("{}{ledger}", if ledger < self.from { "a" } else { self.branch })
    }

    /// Pushes a ledger with these events, each a topic with its topics and value.
    pub(crate) fn push(&self, server: &TestServer, ledger: u64, events: &[(&str, Value)]) {
        let closed = i64::try_from(closes_every(self.seconds, ledger)).unwrap();
        let closed = Timestamp::from_second(closed).unwrap().to_string();
        let pushed = events.iter().enumerate().map(|(place, (topic, payload))| {
            json!({
                "eventId": format!("{}-{ledger}-{place}", self.branch), "ledger": ledger, "ledgerHash": self.hash(ledger),
                "previousLedgerHash": self.hash(ledger - 1), "contractId": sample::contract(1), "topic": topic,
                "txHash": format!("{}-{ledger}", self.branch), "txIndex": place, "operationIndex": 0, "eventIndex": 0,
                "payload": payload, "happenedAt": closed,
            })
        });
        let tip = json!({"ledger": ledger, "ledgerHash": self.hash(ledger), "previousLedgerHash": self.hash(ledger - 1), "closedAt": closed});
        let body = json!({"events": pushed.collect::<Vec<_>>(), "tip": tip});
        let push = Request::post("/internal/indexer/contract-events", body.to_string());
        server.send(&push.header("x-indexer-worker-token", WORKER_TOKEN)).expect(200);
    }
}

#[test]
fn a_reorg_that_moves_the_end_of_a_stream_retracts_its_event_and_the_feed_has_both() {
    moves_the_end(indexing());
}

#[test]
fn a_reorg_on_postgres_that_moves_the_end_of_a_stream_retracts_its_event() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    moves_the_end(indexing().set("DATABASE_URL", database.url()));
}

fn moves_the_end(launch: Launch) {
    let receiver = Receiver::kind();
    let launch = launch.set("STREAM_CLOCK_INTERVAL_MS", TICK).set("TIME_EVENTS", "true");
    let mut server = TestServer::launch(sending(launch, &receiver));
    let main = Fork { branch: "a", from: 0, seconds: 5 };
    let (sender, recipient) = (sample::account(1), sample::account(2));
    let created = json!({"topic": ["stream_created", "0", sender, recipient], "value": {
        "token": sample::contract(2), "deposited": "100", "start_time": closes(10).to_string(),
        "end_time": (closes(10) + 100).to_string(), "cliff_time": (closes(10) + 10).to_string(),
        "cancellable": true, "pausable": true, "transferable": true}});
    main.push(&server, 10, &[("stream_created", created)]);
    (11..=40).for_each(|ledger| main.push(&server, ledger, &[]));
    let id = format!("{}-0", sample::contract(1));
    let ended = wait_for(&server, &id, "stream.ended");
    assert_eq!(instant(&ended, "occurredAt").as_second(), i64::try_from(closes(10) + 100).unwrap());
    assert_eq!(ended["data"], json!({"cause": {"type": "clock"}, "changes": {}}));

    server.kill9();
    server.restart();
    let other = Fork { branch: "b", from: 20, seconds: 5 };
    let topped_up = json!({"topic": ["topped_up", "0", sender],
        "value": {"amount": "150", "deposited": "250", "end_time": (closes(10) + 250).to_string()}});
    other.push(&server, 20, &[("topped_up", topped_up)]);
    (21..=42).for_each(|ledger| other.push(&server, ledger, &[]));
    let retracted = || {
        let events = history(&server, &id);
        events.into_iter().filter(|event| !event["data"]["retracts"].is_null()).collect::<Vec<_>>()
    };
    for _ in 0..30 {
        if retracted().len() >= 2 {
            break;
        }
        server.get(&format!("/api/streams/{id}/events?type=stream.removed&after=0&wait=1")).expect(200);
    }
    let retracted: BTreeMap<_, _> = retracted()
        .into_iter()
        .map(|event| (event["data"]["retracts"]["type"].as_str().unwrap().to_owned(), event))
        .collect();
    assert_eq!(retracted.keys().collect::<Vec<_>>(), ["stream.ended", "stream.exhausted"]);
    assert_eq!(retracted["stream.ended"]["data"]["retracts"]["id"], ended["id"]);
    let cause = &retracted["stream.ended"]["data"]["cause"];
    assert_eq!(
        (&cause["type"], &cause["ledger"]),
        (&json!("contractEvent"), &json!(20)),
        "the top-up moved it"
    );

    (43..=62).for_each(|ledger| other.push(&server, ledger, &[]));
    let after = ended["sequence"].as_u64().unwrap();
    for _ in 0..30 {
        let page = server.get(&format!("/api/events?type=stream.ended&after={after}&wait=5")).expect(200);
        if !page["events"].as_array().unwrap().is_empty() {
            break;
        }
    }
    let page = server.get("/api/events?type=stream.ended&after=0").expect(200);
    let instants: Vec<_> = page["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| instant(event, "occurredAt").as_second())
        .collect();
    let expect = [100, 250].map(|after| i64::try_from(closes(10) + after).unwrap());
    assert_eq!(instants, expect, "{page}");
    delivers_everything(&server, &receiver);
    server.terminate();
}
