//! Clients of the feed under the limits of connections: silence is no fault, not reading is.

use std::time::Duration;

use serde_json::json;

use crate::PATIENCE;
use crate::http::{Connection, EventStream, Request};
use crate::indexer::chain::{Chain, ChainPosition, FIRST, created};
use crate::indexer::worker::Worker;
use crate::indexer::{batch, indexing};
use crate::overload::now;
use crate::sample;
use crate::server::{Launch, TestServer};

/// As few connections as the server can be set to.
fn small() -> Launch {
    indexing().set("MAX_CONNECTIONS", "16")
}

/// More connections than fit, each in the middle of a head.
fn crowd(server: &TestServer) -> Vec<Connection> {
    let mut crowd: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for connection in &mut crowd {
        connection.write(b"GET / HTTP/1.1\r\nx: ").ok();
    }
    crowd
}

#[test]
fn a_client_that_gets_only_heartbeats_is_not_cut() {
    let mut server = TestServer::launch(small().set("FEED_HEARTBEAT_SECONDS", "1"));
    let mut stream = EventStream::open(server.address(), Request::get("/api/events")).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().name, "hello");
    let _crowd = crowd(&server);
    // Longer than every time limit for a head, a body and progress of an answer.
    for _ in 0..15 {
        stream.heartbeat().unwrap();
    }
    server.create(&sample::stream());
    assert_eq!(stream.next().unwrap().unwrap().name, "message");
    server.terminate();
}

#[test]
fn a_long_poll_of_thirty_seconds_is_answered() {
    let mut server = TestServer::launch(small().set("FEED_MAX_CLIENTS", "1"));
    let mut poll = server.connect();
    let request = Request::get("/api/events?wait=30").head();
    let since = now();
    poll.write(&request).unwrap();
    // The poll has begun once no place is left. If this other poll, of one second, took its place, it was refused.
    while server.get("/api/events?wait=1").status != 503 {
        poll.read().unwrap().expect(503);
        poll.write(&request).unwrap();
    }
    let _crowd = crowd(&server);
    let page = poll.read().unwrap().expect(200);
    assert_eq!((&page["events"], &page["next"]), (&json!([]), &json!(0)));
    assert!(since.elapsed() >= Duration::from_secs(29), "{:?}", since.elapsed());
    // The connection serves the next request.
    poll.send(&Request::get("/api/streams")).unwrap().expect(200);
    server.terminate();
}

#[test]
fn a_client_that_does_not_read_is_cut_and_leaves_its_place_to_another() {
    let mut server = TestServer::launch(small().set("FEED_MAX_CLIENTS", "1"));
    let mut unread = EventStream::open(server.address(), Request::get("/api/events")).unwrap();
    assert_eq!(unread.next().unwrap().unwrap().name, "hello");
    let another = || EventStream::open(server.address(), Request::get("/api/events"));
    another().map(drop).expect_err("one place is taken");
    let mut worker = Worker::of(&server);
    let mut chain = Chain::of(1);
    for number in 0..10 {
        let ledger = if number == 0 { FIRST } else { chain.grow() };
        let mut payload = created(number, ledger);
        payload["value"]["memo"] = json!(format!("0x{}", "ab".repeat(100_000)));
        let at = ChainPosition { transaction: 1, event: 0 };
        worker.push(&batch(&[chain.event(ledger, at, &payload)], None));
    }
    let since = now();
    while another().is_err() {
        assert!(since.elapsed() < PATIENCE, "the client that does not read holds its place");
        let mut idle = server.connect().with_patience(Duration::from_millis(200)).unwrap();
        idle.is_closed().expect_err("nothing was asked");
    }
    assert!(since.elapsed() > Duration::from_secs(8), "{:?}", since.elapsed());
    server.terminate();
}

#[test]
fn clients_of_the_feed_do_not_count_as_connections() {
    let mut server = TestServer::launch(small());
    let open = || EventStream::open(server.address(), Request::get("/api/events")).unwrap();
    let mut streams: Vec<_> = (0..60).map(|_| open()).collect();
    for stream in &mut streams {
        assert_eq!(stream.next().unwrap().unwrap().name, "hello");
    }
    server.create(&sample::stream());
    for stream in &mut streams {
        assert_eq!(stream.next().unwrap().unwrap().name, "message");
    }
    server.terminate();
}
