use serde_json::{Value, json};

use crate::balance::{self, amount};
use crate::envelope;
use crate::http::{Connection, Request};
use crate::sample;
use crate::server::{Launch, TestServer};

/// The stream as it is at a second.
#[track_caller]
fn at(connection: &mut Connection, stream: &Value, second: u64) -> Value {
    let id = stream["id"].as_str().unwrap();
    let answer = connection.send(&Request::get(&format!("/api/streams/{id}?at={second}"))).unwrap();
    let found = answer.expect(200);
    assert_eq!(found["asOf"], second);
    found
}

fn second(stream: &Value, field: &str) -> u64 {
    stream[field].as_u64().unwrap_or_else(|| panic!("{field} is no time in {stream}"))
}

/// A server whose clock ticks fast.
fn fast() -> TestServer {
    TestServer::launch(Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "20"))
}

/// Waits until at least two whole seconds have passed, by having a stream complete.
fn let_two_seconds_pass(server: &TestServer) {
    let terms = json!({ "depositAmount": "2", "ratePerSecond": "1" });
    let short = server.create(&sample::with(sample::stream(), &terms));
    server.wait_for_message("due transitions recorded");
    assert_eq!(server.stream(short["id"].as_str().unwrap())["status"], "completed");
}

#[test]
fn in_the_future_the_present_terms_are_carried_forward() {
    let mut server = TestServer::start();
    let mut connection = server.connect();
    let now = second(&server.create(&sample::stream()), "asOf");
    let (start, end) = (now + 1_000, now + 1_200);
    let stream = server.create(&sample::with(sample::stream(), &json!({ "startTime": start })));
    for (when, status, streamed, remaining) in [
        (start - 1, "scheduled", "0.0", "100.0"),
        (start, "active", "0.0", "100.0"),
        (start + 1, "active", "0.5", "99.5"),
        (end - 1, "active", "99.5", "0.5"),
        (end, "completed", "100.0", "0.0"),
        (end + 1, "completed", "100.0", "0.0"),
        (u64::MAX, "completed", "100.0", "0.0"),
    ] {
        let found = at(&mut connection, &stream, when);
        let figures = [&found["status"], &found["streamedAmount"], &found["remainingAmount"]];
        assert_eq!(figures, [status, streamed, remaining], "{found}");
    }
    assert_eq!(server.stream(stream["id"].as_str().unwrap())["status"], "scheduled");
    server.terminate();
}

#[test]
fn in_the_past_it_is_what_its_history_says_it_was() {
    let mut server = fast();
    let mut connection = server.connect();
    let now = second(&server.create(&sample::stream()), "asOf");
    let terms = json!({ "startTime": now - 100, "endTime": now + 10_000, "depositAmount": "5000.00" });
    let stream = server.create(&sample::with(sample::stream(), &terms));
    let created = second(&stream, "asOf");
    let_two_seconds_pass(&server);
    let cancelled = server.cancel(stream["id"].as_str().unwrap());
    let end = second(&cancelled, "asOf");
    assert!(end >= created + 2, "cancelled at {end}, created at {created}");

    let id = stream["id"].as_str().unwrap();
    for before in [0, 1, created - 50, created - 1] {
        let answer = connection.send(&Request::get(&format!("/api/streams/{id}?at={before}"))).unwrap();
        envelope::error(&answer, 404, "NOT_FOUND");
    }
    for when in created..end {
        let found = at(&mut connection, &stream, when);
        balance::check(&found);
        assert_eq!((&found["status"], found.get("cancelledAt")), (&json!("active"), None), "{found}");
        assert_eq!(found["updatedAt"], stream["updatedAt"], "{found}");
        assert_eq!(found["refundedAmount"], "0.00", "{found}");
    }
    for when in [end, end + 1, end + 1_000_000, u64::MAX] {
        let mut expect = cancelled.clone();
        expect["asOf"] = json!(when);
        assert_eq!(at(&mut connection, &stream, when), expect);
    }
    balance::check(&cancelled);
    assert_eq!(cancelled["remainingAmount"], "0.00");
    let at_end = amount(&stream, "ratePerSecond").checked_mul_int((end - now + 100).into()).unwrap();
    assert_eq!(amount(&cancelled, "streamedAmount"), at_end);
    server.terminate();
}

#[test]
fn at_every_instant_nothing_of_the_deposit_is_lost_and_what_has_streamed_never_falls() {
    let mut server = TestServer::start();
    let mut connection = server.connect();
    let now = second(&server.create(&sample::stream()), "asOf");
    for terms in [
        json!({}),
        json!({ "depositAmount": "1.0000001", "ratePerSecond": "0.03" }),
        json!({ "depositAmount": "9223372036854775807.9999999", "ratePerSecond": "9223372036854775.807" }),
        json!({ "startTime": now + 50, "cliffTime": now + 90 }),
        json!({ "startTime": now + 50, "endTime": now + 111 }),
        json!({ "startTime": now - 500, "cliffTime": now + 10, "endTime": now + 60, "depositAmount": "1000" }),
    ] {
        let stream = server.create(&sample::with(sample::stream(), &terms));
        let mut before = amount(&stream, "streamedAmount");
        let first = second(&stream, "asOf");
        for when in
            (first..first + 130).step_by(3).chain([second(&stream, "endTime"), first + 100_000, u64::MAX])
        {
            let found = at(&mut connection, &stream, when);
            balance::check(&found);
            if when < first + 130 {
                let streamed = amount(&found, "streamedAmount");
                assert!(before <= streamed, "{before} is more than {found}");
                before = streamed;
            }
        }
    }
    server.terminate();
}

#[test]
fn an_instant_that_is_no_unix_second_is_refused() {
    let mut server = TestServer::start();
    let id = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    let refused = |query: &str, expect: &[(&str, &str)]| {
        envelope::invalid(&server.get(&format!("/api/streams/{id}?{query}")), expect);
    };
    for bad in
        ["", "-1", "%2B1", "+1", "1.5", "1e9", "now", "0x1", "18446744073709551616", "2026-01-01", "%D9%A1"]
    {
        refused(&format!("at={bad}"), &[("at", "INVALID_VALUE")]);
    }
    refused("at=1&at=1", &[("at", "DUPLICATE_FIELD")]);
    refused("At=1", &[("query", "UNKNOWN_FIELD")]);
    refused("at=x&limit=1", &[("at", "INVALID_VALUE"), ("query", "UNKNOWN_FIELD")]);
    server.terminate();
}

#[test]
fn a_history_is_read_page_by_page_oldest_first() {
    let mut server = fast();
    let now = second(&server.create(&sample::stream()), "asOf");
    let stream = server.create(&sample::with(sample::stream(), &json!({ "startTime": now + 3 })));
    let id = stream["id"].as_str().unwrap();
    server.wait_for_message("due transitions recorded");
    let cancelled = server.cancel(id);

    let all = server.get(&format!("/api/streams/{id}/events")).expect(200);
    let events = all["events"].as_array().unwrap();
    let types: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["stream.created", "stream.started", "stream.cancelled"]);
    assert_eq!((&all["hasMore"], all.get("nextCursor")), (&json!(false), None));
    for (number, event) in (1..).zip(events) {
        assert_eq!(event["streamSeq"], number);
        assert_eq!(event["id"], format!("evt_{id}_{number}"));
        assert_eq!(event["streamId"], id);
    }
    assert_eq!(events[0]["data"]["changes"]["depositAmount"], "100");
    assert_eq!(events[0]["occurredAt"], stream["createdAt"]);
    assert_eq!(events[0]["data"]["cause"], json!({ "type": "api" }));
    assert_eq!(events[1]["data"], json!({ "cause": { "type": "clock" }, "changes": { "status": "active" } }));
    let sequences: Vec<_> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert!(sequences.is_sorted_by(|a, b| a < b), "positions in the event log: {sequences:?}");
    assert_eq!(events[2]["occurredAt"], cancelled["cancelledAt"]);
    for name in ["streamedAmount", "refundedAmount"] {
        assert_eq!(events[2]["data"][name], cancelled[name]);
    }

    let (mut target, mut walked) = (format!("/api/streams/{id}/events?limit=1"), Vec::new());
    loop {
        let page = server.get(&target).expect(200);
        walked.extend(page["events"].as_array().unwrap().clone());
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        assert_eq!(page["hasMore"], true);
        target = format!("/api/streams/{id}/events?limit=1&cursor={cursor}");
    }
    assert_eq!(walked, *events);

    let cursor = target.split_once("cursor=").unwrap().1;
    let other = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    let foreign = server.get(&format!("/api/streams/{other}/events?cursor={cursor}"));
    envelope::invalid(&foreign, &[("cursor", "INVALID_CURSOR")]);
    for limit in ["0", "101", "x"] {
        let answer = server.get(&format!("/api/streams/{id}/events?limit={limit}"));
        envelope::invalid(&answer, &[("limit", "INVALID_VALUE")]);
    }
    server.terminate();
}
