//! Clients that do not read, or send one byte at a time: memory and connections are bounded, and other clients are served.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::PATIENCE;
use crate::http::{Connection, Request};
use crate::sample;
use crate::server::{Launch, TestServer};

const LIST: &[u8] = b"GET /api/streams?limit=100 HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// Resident memory in MiB.
fn memory(server: &TestServer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.process().id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1_024
}

/// Waits until the server has closed the connection, and returns how long it took.
fn until_closed(connection: &mut Connection, since: Instant) -> Duration {
    loop {
        match connection.is_closed() {
            Ok(true) => return since.elapsed(),
            Ok(false) => drop(connection.read().unwrap()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return since.elapsed(),
            Err(error) => panic!("{error}"),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test measures how long the server waits")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[test]
fn answers_that_are_not_read_take_a_bounded_memory_and_block_nobody() {
    let mut server = TestServer::start();
    for _ in 0..100 {
        server.create(&sample::stream());
    }
    let before = memory(&server);
    let requests = LIST.repeat(300);
    let mut connections: Vec<_> = (0..150).map(|_| server.connect()).collect();
    for connection in &mut connections {
        // The rest does not fit once the server reads no further.
        connection.write_within(&requests, Duration::from_millis(5)).ok();
    }
    server.get("/health/live").expect(200);
    let grown = memory(&server).saturating_sub(before);
    assert!(grown < 64, "{grown} MiB more");
    server.terminate();
}

#[test]
fn every_head_of_a_connection_has_a_time_limit() {
    let mut server = TestServer::start();
    let mut connection = server.connect();
    connection.write(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    connection.read().unwrap();
    let since = now();
    connection.write(b"GET /health/live HTTP/1.1\r\nx: ").unwrap();
    let took = until_closed(&mut connection, since);
    assert!(took > Duration::from_secs(9) && took < PATIENCE, "{took:?}");
    server.terminate();
}

#[test]
fn a_body_that_never_ends_has_a_time_limit_after_the_answer_too() {
    let mut server = TestServer::start();
    let mut connection = server.connect();
    let since = now();
    let request =
        b"GET /health/live HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n";
    connection.write(request).unwrap();
    connection.read().unwrap();
    let took = until_closed(&mut connection, since);
    assert!(took > Duration::from_secs(9) && took < PATIENCE, "{took:?}");
    server.terminate();
}

#[test]
fn connections_that_wait_give_way_to_new_ones() {
    let mut server = TestServer::launch(Launch::new().set("MAX_CONNECTIONS", "16"));
    let mut waiting: Vec<_> = (0..200).map(|_| server.connect()).collect();
    for connection in &mut waiting {
        connection.write(b"GET / HTTP/1.1\r\nx: ").ok();
    }
    for path in ["/health/live", "/api/streams"] {
        server.get(path).expect(200);
    }
    server.terminate();
}

#[test]
fn a_request_under_a_name_that_is_not_allowed_is_refused() {
    let mut server = TestServer::start();
    for (host, status) in
        [("evil.test", 421), ("127.0.0.1.evil.test:80", 421), ("localhost:1", 200), ("[::1]:80", 200)]
    {
        let request = |path| Request::get(path).without("host").header("host", host);
        let answer = server.send(&request("/api/streams"));
        assert_eq!(answer.status, status, "{host}");
        server.send(&request("/health/live")).expect(200);
        if status == 421 {
            let create = Request::create_json(&sample::stream()).without("host").header("host", host);
            assert_eq!(server.send(&create).expect(421)["error"]["code"], "HOST_NOT_ALLOWED");
        }
    }
    server.terminate();
}

#[test]
fn health_shows_places_to_the_operator_only() {
    let secret = "o".repeat(32);
    let launch = Launch::new().unset("HEALTH_DETAILS").set("OPERATOR_TOKEN", &secret);
    let mut server = TestServer::launch(launch);
    let storage =
        |request: &Request| server.send(request).expect(200)["dependencies"]["storage"]["backend"].clone();
    let health = Request::get("/health");
    assert_eq!(storage(&health), "sqlite");
    assert_eq!(storage(&health.clone().header("x-operator-token", "wrong")), "sqlite");
    assert_eq!(storage(&health.header("x-operator-token", &secret)), "sqlite, data/fluxora.db");
    server.terminate();
}

/// What an operator wrote or configured, what a pusher sent and why a push was refused.
const DETAILS: [&str; 3] = ["data/fluxora.db", "the reason of the operator", "the topic of a pusher"];

#[test]
fn health_shows_no_reason_no_error_and_no_text_of_a_pusher_to_the_public() {
    let (worker, operator) = ("w".repeat(32), "o".repeat(32));
    let launch = Launch::new()
        .unset("HEALTH_DETAILS")
        .set("INDEXER_WORKER_TOKEN", &worker)
        .set("OPERATOR_TOKEN", &operator);
    let mut server = TestServer::launch(launch);
    let event = |ledger: u32| {
        json!({
            "eventId": format!("event-{ledger}"), "ledger": ledger, "ledgerHash": format!("hash-{ledger}"),
            "contractId": sample::contract(1), "topic": "the topic of a pusher", "txHash": "tx",
            "txIndex": 1, "operationIndex": 0, "eventIndex": 0, "happenedAt": "2026-01-01T00:00:00Z",
            "payload": { "topic": ["the topic of a pusher"], "value": {} }
        })
    };
    let push = |body: Value| {
        let push = Request::post("/internal/indexer/contract-events", body.to_string());
        server.send(&push.header("x-indexer-worker-token", &worker))
    };
    let tip = json!({ "ledger": 1_001, "ledgerHash": "hash-1001" });
    push(json!({ "events": [event(1_000)], "tip": tip })).expect(200);
    let rewind = json!({ "toLedger": 1_000, "reason": "the reason of the operator" }).to_string();
    server
        .send(&Request::post("/api/admin/indexer/rewind", rewind).header("x-operator-token", &operator))
        .expect(200);
    push(json!({ "events": "no list" })).expect(400);
    let shown = |request: &Request| server.send(request).expect(200).to_string();
    let health = Request::get("/health");
    let public = shown(&health);
    let full = shown(&health.header("x-operator-token", &operator));
    for detail in DETAILS {
        assert!(!public.contains(detail), "{detail} is in {public}");
        assert!(full.contains(detail), "{detail} is not in {full}");
    }
    // Only the operator sees the message of the refused push.
    let public: Value = serde_json::from_str(&public).unwrap();
    let full: Value = serde_json::from_str(&full).unwrap();
    let message = |health: &Value| health["indexer"]["failedPushes"]["message"].clone();
    assert!(message(&full).is_string() && message(&public).is_null(), "{public}");
    server.terminate();
}

#[test]
fn the_limit_of_open_files_is_raised_and_probes_are_answered_when_it_is_reached() {
    let launch = Launch::new().through(&["prlimit", "--nofile=64:200"]);
    let mut server = TestServer::launch(launch);
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.process().id())).unwrap();
    let open_files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert_eq!(open_files.split_whitespace().nth(3), Some("200"), "{open_files}");
    server.wait_for_line("what fits", |line| {
        line["message"].as_str().is_some_and(|text| text.contains("fit under the limit of open files"))
    });
    // More than fit; those beyond the bound are closed.
    let held: Vec<_> = (0..300)
        .map(|_| {
            let mut connection = server.connect();
            connection.write(b"GET /api/streams HTTP/1.1\r\nx: ").ok();
            connection
        })
        .collect();
    for _ in 0..20 {
        let probe = || Connection::open(server.address())?.send(&Request::get("/health/live"));
        assert_eq!(probe().unwrap().status, 200);
    }
    drop(held);
    server.terminate();
}
