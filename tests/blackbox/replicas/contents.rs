use std::collections::BTreeSet;

use fluxora_store_postgres::testing::Database;
use serde_json::Value;

use super::client::{Cancel, Create, Log};
use super::{id, now};
use crate::http::{Connection, Request};
use crate::server::TestServer;

/// What must not be in the database: a query for it, and what each row it finds would be.
const HALF_DONE: [(&str, &str); 6] = [
    (
        "SELECT FROM streams s WHERE ROW(s.events, s.events, 1::bigint) IS DISTINCT FROM \
         (SELECT ROW(count(*), max(number), min(number)) FROM stream_events e WHERE e.stream = s.seq)",
        "a stream whose events are not numbered 1 to its count",
    ),
    (
        "SELECT FROM streams s WHERE 1 <> \
         (SELECT count(*) FROM stream_events e WHERE e.stream = s.seq AND e.number = 1 AND e.type = 'stream.created')",
        "a stream that was never created",
    ),
    (
        "SELECT FROM stream_events GROUP BY stream, type HAVING count(*) > 1",
        "a transition that was recorded twice",
    ),
    (
        "SELECT FROM streams s WHERE status IN ('cancelled', 'completed') AND NOT EXISTS (SELECT FROM stream_events e \
         WHERE e.stream = s.seq AND e.number = s.events AND e.type = 'stream.' || s.status)",
        "a stream whose status and last event disagree on how it ended",
    ),
    (
        "SELECT FROM idempotency_records r WHERE NOT EXISTS (SELECT FROM streams s \
         WHERE convert_from(r.response, 'UTF8')::json->>'location' = '/api/streams/' || s.id)",
        "an idempotency record without its stream",
    ),
    (
        "SELECT FROM streams s WHERE NOT EXISTS (SELECT FROM idempotency_records r \
         WHERE convert_from(r.response, 'UTF8')::json->>'location' = '/api/streams/' || s.id)",
        "a stream without its idempotency record",
    ),
];

/// Every acknowledged write is there exactly once, and the rest whole or not at all; a key means the same to every
/// replica; the stream clock has recorded each transition exactly once.
pub(super) fn check(logs: Vec<Log>, database: &Database, replicas: &[TestServer]) {
    nothing_is_half_done(database);
    let (mut creates, mut cancels) = (Vec::new(), Vec::new());
    for log in logs {
        creates.extend(log.creates);
        cancels.extend(log.cancels);
    }
    let answered = creates.iter().filter(|create| create.answer.is_some()).count();
    let mut ask: Vec<_> = replicas.iter().map(TestServer::connect).collect();
    let streams: Vec<_> =
        creates.iter().enumerate().map(|(n, create)| repeated_everywhere(create, &mut ask, n)).collect();
    let distinct: BTreeSet<_> = streams.iter().map(id).collect();
    assert_eq!(distinct.len(), creates.len(), "each key made one stream");
    let total = replicas[0].get("/api/streams?limit=1&includeTotal=true").expect(200)["total"].clone();
    assert_eq!(total, creates.len(), "there are streams that no client created");
    for (n, cancel) in cancels.iter().enumerate() {
        is_cancelled(cancel, &mut ask, n);
    }
    clock_is_through(database);
    for (n, (create, stream)) in creates.iter().zip(&streams).enumerate() {
        lived(create, stream, &mut ask, n);
    }
    nothing_is_half_done(database);
    let cancelled = cancels.iter().filter(|cancel| cancel.answer.is_some()).count();
    let of = (creates.len() - answered, cancels.len() - cancelled);
    println!(
        "{answered} creates and {cancelled} cancels acknowledged; {} creates and {} cancels never answered",
        of.0, of.1
    );
}

#[track_caller]
fn nothing_is_half_done(database: &Database) {
    for (sql, what) in HALF_DONE {
        assert_eq!(database.sql(&format!("SELECT count(*) FROM ({sql}) AS found")), "0", "there is {what}");
    }
}

/// Sends a create again to every replica: each gives the answer that the client was given, if it was.
fn repeated_everywhere(create: &Create, ask: &mut [Connection], n: usize) -> Value {
    let mut answer = create.answer.clone();
    for replica in n..n + ask.len() {
        let replica = replica % ask.len();
        let response = ask[replica].send(&create.request()).unwrap();
        let repeated = response.header("idempotency-replayed") == Some("true");
        assert!(repeated || answer.is_none(), "{} was acknowledged and is made again", create.key);
        let body = response.expect(201);
        assert_eq!(*answer.get_or_insert_with(|| body.clone()), body, "{}", create.key);
    }
    answer.unwrap()
}

fn is_cancelled(cancel: &Cancel, ask: &mut [Connection], n: usize) {
    let replica = n % ask.len();
    let stream =
        ask[replica].send(&Request::get(&format!("/api/streams/{}", cancel.id))).unwrap().expect(200);
    if let Some(answer) = &cancel.answer {
        assert_eq!(stream["status"], "cancelled");
        for field in ["cancelledAt", "streamedAmount", "refundedAmount"] {
            assert_eq!(stream[field], answer[field], "{field} of {}", cancel.id);
        }
    }
}

/// Waits until the stream clock has recorded the end of every short stream.
fn clock_is_through(database: &Database) {
    let running =
        "SELECT count(*) FROM streams WHERE status IN ('scheduled', 'active') AND end_time - start_time = 1";
    let begun = now();
    while database.sql(running) != "0" {
        assert!(begun.elapsed() < crate::PATIENCE, "the stream clock does not record what has fallen due");
    }
}

/// A stream's history has numbers without a hole, and each transition of its life once.
fn lived(create: &Create, stream: &Value, ask: &mut [Connection], n: usize) {
    let replica = n % ask.len();
    let history = format!("/api/streams/{}/events", id(stream));
    let page = ask[replica].send(&Request::get(&history)).unwrap().expect(200);
    let events = page["events"].as_array().unwrap();
    for (number, event) in (1_u64..).zip(events) {
        assert_eq!(event["streamSeq"], number, "{page}");
    }
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    // A stream that was made late had started when it was made.
    let whole_life = ["stream.created", "stream.started", "stream.completed"];
    let expect: &[&str] = match (create.short, stream["status"].as_str()) {
        (true, Some("scheduled")) => &whole_life,
        (true, _) => &["stream.created", "stream.completed"],
        (false, _) if types.len() > 1 => &["stream.created", "stream.cancelled"],
        (false, _) => &["stream.created"],
    };
    assert_eq!(types, expect, "{page}");
}
