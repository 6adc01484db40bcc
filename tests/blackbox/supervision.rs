//! A background worker keeps failing: the server says so, starts it again, and in the end stops, so that what watches over it acts.
//!
//! The defect is one that the stream clock really meets: a trigger that somebody has put into the database refuses every change of a
//! stream. To the clock that is no outage, which it would wait for, but a statement that does not work.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::sample;
use crate::server::{Launch, TestServer};
use crate::shutdown::{STOPPING, half_sent};

/// The exit code of a server whose worker keeps failing.
const A_WORKER_KEEPS_FAILING: i32 = 70;
/// The longest wait before a restart is then 4 seconds: time enough to look.
const MAX_RESTARTS: u64 = 4;
const REFUSE: &str =
    "CREATE TRIGGER refusal BEFORE UPDATE ON streams BEGIN SELECT RAISE(ABORT, 'not today'); END";
const RECORDED: &str = "due transitions recorded";

fn restarts(max_restarts: u64) -> Launch {
    let launch = Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "10");
    launch.set("WORKER_MAX_RESTARTS", max_restarts.to_string())
}

/// A stream whose end has come, so that the clock has something to record.
fn over() -> Value {
    sample::with(sample::stream(), &json!({ "startTime": 1_000, "endTime": 1_050 }))
}

/// A server with a stream whose end cannot be recorded.
fn with_defect(max_restarts: u64) -> (TestServer, Value) {
    let server = TestServer::launch(restarts(max_restarts));
    alter(&server, REFUSE);
    let stream = server.create(&over());
    (server, stream)
}

fn alter(server: &TestServer, sql: &str) {
    Connection::open(server.database()).unwrap().execute_batch(sql).unwrap();
}

/// What `/health` says of the whole, and of the stream clock.
fn health(server: &TestServer) -> (Value, Value) {
    let health = server.get("/health").expect(200);
    let mut workers = health["workers"].as_array().unwrap().iter();
    let clock = workers.find(|worker| worker["name"] == "stream_clock").unwrap();
    (health["status"].clone(), clock.clone())
}

/// The failure lines so far: level, and number of restarts.
fn failures(server: &TestServer) -> Vec<(Value, Value)> {
    let failed =
        |line: &Value| line["worker"] == "stream_clock" && line["error"].to_string().contains("not today");
    let lines = server.log().into_iter().filter(failed);
    lines.map(|line| (line["level"].clone(), line["restarts"].clone())).collect()
}

/// Waits until the clock has been started again so often, has failed again, and waits; the rest of the server is well.
#[track_caller]
fn backs_off(server: &TestServer, restarts: u64, stream: &str) {
    let line = server
        .wait_for_line("a failure", |line| line["worker"] == "stream_clock" && line["restarts"] == restarts);
    let wait_ms = line["next_attempt_ms"].as_u64().unwrap();
    let longest_ms = 500 << restarts;
    assert!((longest_ms / 2..=longest_ms).contains(&wait_ms), "{line}");
    // The line comes a moment before the state.
    let is_told = |(_, clock): &(Value, Value)| clock["state"] == "backing_off";
    let (status, clock) = std::iter::repeat_with(|| health(server)).find(is_told).unwrap();
    assert_eq!((&status, &clock["restarts"]), (&json!("degraded"), &json!(restarts)));
    let error = clock["lastError"].as_str().unwrap();
    assert!(error.starts_with("the store failed") && !error.contains("not today"), "{error}");
    server.get("/health/ready").expect(200);
    assert_eq!(server.stream(stream)["status"], "completed");
}

#[test]
fn a_worker_that_keeps_failing_shows_in_health_then_ends_the_server_and_what_watches_over_it_brings_it_back()
{
    let (mut server, stream) = with_defect(MAX_RESTARTS);
    let id = stream["id"].as_str().unwrap();
    backs_off(&server, MAX_RESTARTS - 2, id);
    backs_off(&server, MAX_RESTARTS - 1, id);
    let (mut in_flight, rest) = half_sent(&server);
    server.wait_for_message(STOPPING);
    in_flight.write(&rest).unwrap();
    let late = in_flight.read().unwrap().expect(201);

    assert_eq!(server.ends(), Some(A_WORKER_KEEPS_FAILING));
    let failed = failures(&server);
    let expect: Vec<_> = (0..MAX_RESTARTS).map(|restarts| (json!("WARN"), json!(restarts))).collect();
    assert_eq!(failed[..expect.len()], expect, "each failure once");
    assert_eq!(failed[expect.len()], (json!("ERROR"), json!(MAX_RESTARTS)));
    let log = server.log();
    let [.., stopped, last] = log.as_slice() else { panic!("{log:?}") };
    assert_eq!(
        (&stopped["message"], &last["message"]),
        (&json!("stopped"), &json!("fluxora-server ended with an error"))
    );
    let reason = last["error"].as_str().unwrap();
    assert!(
        reason.starts_with("the worker stream_clock keeps failing: 5 times within 600 seconds"),
        "{reason}"
    );
    assert!(reason.contains(": not today"), "{reason}");

    // As systemd and Docker do: a process that fails is restarted. The defect is still there.
    server.restart();
    backs_off(&server, MAX_RESTARTS - 2, id);
    // The defect is fixed, and the next start of the worker or of the server succeeds.
    alter(&server, "DROP TRIGGER refusal");
    server.wait_for_message(RECORDED);
    let (status, clock) = health(&server);
    assert_eq!((status, &clock["state"]), (json!("ok"), &json!("running")));
    assert_eq!(clock["restarts"], MAX_RESTARTS - 1);
    assert!(clock["lastError"].is_string(), "what was wrong can still be read: {clock}");
    server.stream(late["id"].as_str().unwrap());
    server.terminate();
}

#[test]
fn a_server_that_allows_no_restart_stops_at_the_first_failure() {
    let mut server = with_defect(0).0;
    assert_eq!(server.ends(), Some(A_WORKER_KEEPS_FAILING));
    assert_eq!(failures(&server)[0], (json!("ERROR"), json!(0)));
}

#[test]
fn a_worker_that_waits_for_its_next_start_does_not_hold_up_a_stop() {
    let (mut server, stream) = with_defect(MAX_RESTARTS);
    backs_off(&server, MAX_RESTARTS - 1, stream["id"].as_str().unwrap());
    server.terminate();
}

#[test]
fn an_outage_of_storage_is_waited_for_and_is_no_failure_of_a_worker() {
    let mut server = TestServer::launch(restarts(0));
    let other = Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    server.wait_for_message("outage: the worker retries at its next tick");
    other.execute_batch("ROLLBACK").unwrap();
    server.create(&over());
    server.wait_for_message(RECORDED);
    let (status, clock) = health(&server);
    assert_eq!(status, "ok");
    assert_eq!(
        clock,
        json!({ "name": "stream_clock", "state": "running", "restarts": 0, "lastError": null })
    );
    server.terminate();
}
