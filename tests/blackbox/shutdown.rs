use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::http::{Connection, Request};
use crate::overload::now;
use crate::sample;
use crate::server::{Launch, TestServer};

pub(crate) const STOPPING: &str = "stopping: no new requests, waiting for those in flight";

/// The time between two bytes of a client that trickles.
const DRIP: Duration = Duration::from_millis(100);

/// A create whose body is sent by half. The server works on it: it has asked for the body.
pub(crate) fn half_sent(server: &TestServer) -> (Connection, Vec<u8>) {
    let mut connection = server.connect();
    let request = Request::create_json(&sample::stream()).header("expect", "100-continue");
    connection.write(&request.head()).unwrap();
    assert_eq!(connection.read().unwrap().status, 100);
    let (first, rest) = request.body().split_at(request.body().len() / 2);
    connection.write(first).unwrap();
    (connection, rest.to_vec())
}

#[track_caller]
fn answers_what_is_in_flight(signal: Signal, name: &str) {
    let mut server = TestServer::start();
    let (mut connection, rest) = half_sent(&server);
    server.signal(signal);
    assert_eq!(server.wait_for_message(STOPPING)["signal"], name);
    connection.write(&rest).unwrap();
    let stream = connection.read().unwrap().expect(201);
    server.has_stopped();
    assert!(connection.is_closed().unwrap_or(true));
    let last = server.log().pop().unwrap();
    assert_eq!(last["message"], "stopped");

    server.restart();
    server.stream(stream["id"].as_str().unwrap());
    server.terminate();
}

#[test]
fn sigterm_lets_a_request_in_flight_finish_and_ends_in_order() {
    answers_what_is_in_flight(Signal::TERM, "SIGTERM");
}

#[test]
fn sigint_lets_a_request_in_flight_finish_and_ends_in_order() {
    answers_what_is_in_flight(Signal::INT, "SIGINT");
}

#[test]
fn sigquit_lets_a_request_in_flight_finish_and_ends_in_order() {
    answers_what_is_in_flight(Signal::QUIT, "SIGQUIT");
}

#[test]
fn sighup_and_the_user_signals_are_logged_and_ignored() {
    let mut server = TestServer::start();
    for (signal, name) in [(Signal::HUP, "SIGHUP"), (Signal::USR1, "SIGUSR1"), (Signal::USR2, "SIGUSR2")] {
        server.signal(signal);
        let line = server.wait_for_line(name, |line| line["signal"] == name);
        assert_eq!(line["level"], "INFO", "{line}");
        server.create(&sample::stream());
    }
    server.terminate();
}

#[test]
fn connections_that_are_idle_do_not_hold_up_a_stop() {
    let mut server = TestServer::launch(Launch::new().set("SHUTDOWN_TIMEOUT_SECONDS", "600"));
    let mut used: Vec<_> = (0..5).map(|_| server.connect()).collect();
    for connection in &mut used {
        connection.send(&Request::get("/health/live")).unwrap().expect(200);
    }
    let unused: Vec<_> = (0..5).map(|_| server.connect()).collect();
    server.terminate();
    drop(unused);
}

#[test]
fn a_request_that_never_finishes_holds_up_a_stop_only_so_long() {
    let mut server = TestServer::launch(Launch::new().set("SHUTDOWN_TIMEOUT_SECONDS", "1"));
    let (_connection, _) = half_sent(&server);
    server.terminate();
}

#[test]
fn clients_that_trickle_hold_up_a_stop_for_five_seconds_and_no_request_in_flight_is_lost() {
    const HEAD: &str = "GET /api/streams HTTP/1.1\r\nhost: localhost\r\nx: ";
    const CHUNKED: &str = "POST /api/streams HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        expect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n";
    const SIZED: &str = "POST /api/streams HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
        expect: 100-continue\r\ncontent-length: 9999\r\n\r\n";
    const ANSWERED: &str = "GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n";
    const NOT_READ: &str =
        "GET /health/live HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    // What is sent first, the answer to it, and what is sent again and again.
    let kinds = [
        (HEAD, None, "a"),
        (ANSWERED, Some(200), "GET"),
        (NOT_READ, Some(200), "1\r\na\r\n"),
        (CHUNKED, Some(100), "1\r\n \r\n"),
        (SIZED, Some(100), " "),
    ];

    let mut server = TestServer::launch(Launch::new().set("SHUTDOWN_TIMEOUT_SECONDS", "600"));
    let (mut in_flight, rest) = half_sent(&server);
    let mut trickling: Vec<_> = (0..40)
        .flat_map(|_| kinds)
        .map(|(begin, answer, drop)| {
            let mut connection = server.connect();
            connection.write(begin.as_bytes()).unwrap();
            answer.inspect(|status| assert_eq!(connection.read().unwrap().status, *status));
            (connection, drop.as_bytes())
        })
        .collect();
    let (end, ended) = mpsc::channel::<()>();
    let took = thread::scope(|scope| {
        scope.spawn(move || {
            while ended.recv_timeout(DRIP) == Err(RecvTimeoutError::Timeout) {
                // The server closes some of them meanwhile.
                trickling.retain_mut(|(connection, drop)| connection.write(drop).is_ok());
            }
        });
        let since = now();
        server.signal(Signal::TERM);
        server.wait_for_message(STOPPING);
        in_flight.write(&rest).unwrap();
        in_flight.read().unwrap().expect(201);
        server.has_stopped();
        drop(end);
        since.elapsed()
    });
    // Five seconds for the bodies; each would have fifteen without a stop.
    assert!((4..12).contains(&took.as_secs()), "{took:?}");
    let cut = |line: &&Value| line["code"] == "REQUEST_TIMEOUT";
    assert_eq!(server.log().iter().filter(cut).count(), 80, "bodies that were cut");
}

#[test]
fn a_server_that_stops_takes_no_new_connections() {
    let mut server = TestServer::start();
    let (mut connection, rest) = half_sent(&server);
    server.signal(Signal::TERM);
    server.wait_for_message(STOPPING);
    connection.write(&rest).unwrap();
    connection.read().unwrap().expect(201);
    server.has_stopped();
    assert!(Connection::open(server.address()).is_err());
}

#[test]
fn health_says_that_the_server_is_shutting_down() {
    let mut server = TestServer::start();
    // A lock keeps the question waiting while the signal comes.
    let other = rusqlite::Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let mut connection = server.connect();
    let announced = Request::get("/health").header("content-length", "1").header("expect", "100-continue");
    connection.write(&announced.head()).unwrap();
    assert_eq!(connection.read().unwrap().status, 100);
    server.signal(Signal::TERM);
    server.wait_for_message(STOPPING);
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(connection.read().unwrap().expect(503)["status"], "shutting_down");
    server.has_stopped();
}
