//! Clients that do not read, or send one byte at a time: memory and connections are bounded, and other clients are served.

use std::fs;
use std::time::{Duration, Instant};

use crate::PATIENCE;
use crate::http::Connection;
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
    use crate::http::Request;
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
    use crate::http::Request;
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
