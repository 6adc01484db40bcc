//! What is stored or the disk beneath it goes wrong while the server runs.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::envelope;
use crate::http::{Request, Response};
use crate::sample;
use crate::server::TestServer;

/// Storage that does not answer, and when to come back.
#[track_caller]
pub(crate) fn unavailable(response: &Response) {
    envelope::error(response, 503, "SERVICE_UNAVAILABLE");
    let seconds = response.header("retry-after").and_then(|seconds| seconds.parse::<u8>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{}", response.everything());
}

#[test]
fn while_the_database_is_locked_writes_get_a_503_reads_go_on_and_it_recovers_by_itself() {
    let mut server = TestServer::start();
    let stream = server.create(&sample::stream());
    let id = stream["id"].as_str().unwrap();
    let keyed = Request::create_json(&sample::stream()).header("idempotency-key", "k");

    let other = Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    unavailable(&server.send(&keyed));
    unavailable(&server.send(&Request::delete(&format!("/api/streams/{id}"))));
    let health = server.get("/health").expect(503);
    assert_eq!(health["status"], "unavailable");
    assert_eq!(health["dependencies"]["storage"]["status"], "unavailable");
    assert_eq!(server.get("/health/ready").expect(503)["status"], "unavailable");
    server.get("/health/live").expect(200);
    assert_eq!(server.stream(id)["status"], "active");
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], 1);
    other.execute_batch("ROLLBACK").unwrap();

    assert_eq!(server.send(&keyed).header("idempotency-replayed"), None);
    server.cancel(id);
    assert_eq!(server.get("/health").expect(200)["status"], "ok");
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], 2);
    server.terminate();
}

#[test]
fn a_503_of_a_probe_is_logged_like_any_other_and_the_outage_of_storage_once() {
    let mut server = TestServer::start();
    let other = Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for path in ["/health", "/health/ready"] {
        server.get(path).expect(503);
    }
    other.execute_batch("ROLLBACK").unwrap();
    server.get("/health").expect(200);
    server.terminate();
    let log = server.log();
    let of_probes = log.iter().filter(|line| line["message"] == "request" && line["status"] == 503);
    let of_probes: Vec<_> = of_probes.map(|line| (&line["level"], &line["code"])).collect();
    assert_eq!(of_probes, [(&json!("WARN"), &json!("SERVICE_UNAVAILABLE")); 2]);
    for message in ["storage fails its health check", "storage passes its health check again"] {
        assert_eq!(log.iter().filter(|line| line["message"] == message).count(), 1, "{message}");
    }
}

/// A server with three streams, the second of which has a column that was spoilt behind its back.
fn with_spoilt_row(spoil: &str) -> (TestServer, [Value; 3]) {
    let server = TestServer::start();
    let streams = [(); 3].map(|()| server.create(&sample::stream()));
    let id = streams[1]["id"].as_str().unwrap();
    let other = Connection::open(server.database()).unwrap();
    assert_eq!(other.execute(spoil, [id]).unwrap(), 1);
    (server, streams)
}

/// An error that says nothing of how things are stored.
#[track_caller]
fn internal(response: &Response) {
    envelope::error(response, 500, "INTERNAL_ERROR");
    let text = response.everything().to_lowercase();
    for inside in ["sql", "table", "column", "row", "lots", "deposit", ".rs", "panic"] {
        assert!(!text.contains(inside), "{inside:?} in {text}");
    }
}

#[test]
fn a_row_that_cannot_be_read_is_a_500_for_itself_alone_and_the_log_names_it() {
    let spoil = "UPDATE streams SET deposit = 'lots' WHERE id = ?1";
    let (mut server, streams) = with_spoilt_row(spoil);
    let [first, spoilt, third] = streams.each_ref().map(|stream| stream["id"].as_str().unwrap());
    internal(&server.get(&format!("/api/streams/{spoilt}")));
    internal(&server.get(&format!("/api/streams/{spoilt}?at=4000000000")));
    internal(&server.send(&Request::delete(&format!("/api/streams/{spoilt}"))));
    server.wait_for_line("the cause of the 500", |line| {
        let cause = line["cause"].as_str().unwrap_or_default();
        line["level"] == "ERROR"
            && line["status"] == 500
            && ["row 2 ", "table streams", "column deposit"].iter().all(|part| cause.contains(part))
    });

    let page = server.get("/api/streams?includeTotal=true").expect(200);
    let listed: Vec<_> = page["streams"].as_array().unwrap().iter().map(|stream| &stream["id"]).collect();
    assert_eq!(listed, [third, first]);
    assert_eq!((&page["unreadable"], &page["total"]), (&1.into(), &3.into()));
    server.wait_for_line("the row that is left out", |line| {
        line["level"] == "ERROR"
            && line["table"] == "streams"
            && line["column"] == "deposit"
            && line["row"] == "2"
            && line["span"]["request_id"].is_string()
    });
    for _ in 0..20 {
        server.get("/api/streams").expect(200);
    }
    let left_out = |line: &&Value| line["message"].as_str().is_some_and(|text| text.contains("left out"));
    assert_eq!(server.log().iter().filter(left_out).count(), 1, "the row is logged once");
    let one_by_one = crate::walk::walk(&server, "", 1, |_| ());
    assert_eq!(crate::walk::ids(&one_by_one), [third, first]);
    server.stream(first);
    server.cancel(third);
    server.get("/health").expect(200);

    let other = Connection::open(server.database()).unwrap();
    other.execute("UPDATE streams SET deposit = '100' WHERE id = ?1", [spoilt]).unwrap();
    assert_eq!(server.stream(spoilt)["depositAmount"], "100");
    assert_eq!(server.cancel(spoilt)["status"], "cancelled");
    server.terminate();
}

#[test]
fn every_column_that_was_spoilt_is_named_and_brings_nothing_down() {
    for (column, value) in [
        ("sender", "'GABC'"),
        ("recipient", "x'00ff'"),
        ("rate", "'1e5'"),
        ("start_time", "'soon'"),
        ("end_time", "-1"),
        ("withdrawn", "''"),
        ("created_at", "9223372036854775807"),
        ("updated_at", "-9223372036854775808"),
        ("events", "9223372036854775807"),
    ] {
        // A text column of a strict table takes a blob only through a cast.
        let spoil = format!("UPDATE streams SET {column} = CAST({value} AS {}) WHERE id = ?1", kind(value));
        let (mut server, streams) = with_spoilt_row(&spoil);
        let spoilt = streams[1]["id"].as_str().unwrap();
        internal(&server.get(&format!("/api/streams/{spoilt}")));
        let named = format!("column {column}");
        server
            .wait_for_line(&named, |line| line["cause"].as_str().is_some_and(|cause| cause.contains(&named)));
        server.stream(streams[0]["id"].as_str().unwrap());
        server.terminate();
    }
}

fn kind(value: &str) -> &'static str {
    if value.starts_with(['\'', 'x']) { "TEXT" } else { "INTEGER" }
}

#[test]
fn an_event_that_cannot_be_read_leaves_the_stream_readable() {
    let spoil = "UPDATE stream_events SET data = '{}' WHERE stream = (SELECT seq FROM streams WHERE id = ?1)";
    let (mut server, streams) = with_spoilt_row(spoil);
    let id = streams[1]["id"].as_str().unwrap();
    internal(&server.get(&format!("/api/streams/{id}/events")));
    server.wait_for_line("the cause of the 500", |line| {
        let cause = line["cause"].as_str().unwrap_or_default();
        ["row 2 ", "table stream_events", "column data"].iter().all(|part| cause.contains(part))
    });
    assert_eq!(server.stream(id)["status"], "active");
    assert_eq!(server.get("/api/streams").expect(200)["streams"].as_array().unwrap().len(), 3);
    server.terminate();
}
