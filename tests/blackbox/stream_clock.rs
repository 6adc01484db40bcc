use serde_json::{Value, json};

use crate::envelope;
use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};

const RECORDED: &str = "due transitions recorded";

/// Waits until the clock has recorded this many events since the server started.
#[track_caller]
fn wait_for_events(server: &TestServer, wanted: u64) {
    let mut events = 0;
    server.process().stdout.wait_for("the stream clock", |line| {
        let line: Value = serde_json::from_str(line).unwrap();
        if line["message"] == RECORDED {
            events += line["events"].as_u64().unwrap();
        }
        (events >= wanted).then_some(())
    });
}

/// Type, occurrence and data of each event of a stream.
#[track_caller]
fn history(server: &TestServer, stream: &Value) -> Vec<Value> {
    let id = stream["id"].as_str().unwrap();
    let page = server.get(&format!("/api/streams/{id}/events")).expect(200);
    page["events"].as_array().unwrap().clone()
}

fn types(history: &[Value]) -> Vec<&str> {
    history.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The data of an event that the clock records at the end of a stream.
fn completed(streamed: &str, refunded: &str) -> Value {
    json!({
        "cause": { "type": "clock" },
        "changes": { "status": "completed" },
        "streamedAmount": streamed,
        "refundedAmount": refunded,
    })
}

const WHOLE_LIFE: [&str; 3] = ["stream.created", "stream.started", "stream.completed"];

#[test]
fn a_start_and_an_end_are_recorded_once_with_the_second_in_which_they_fell_due() {
    let mut server = TestServer::launch(Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "50"));
    let in_a_while = || server.create(&sample::stream())["asOf"].as_u64().unwrap() + 4;
    let terms = |start| json!({ "startTime": start, "depositAmount": "3.5", "ratePerSecond": "2", "endTime": start + 1 });
    let start = in_a_while();
    let first = server.create(&sample::with(sample::stream(), &terms(start)));
    wait_for_events(&server, 2);
    let recorded = history(&server, &first);
    assert_eq!(types(&recorded), WHOLE_LIFE);
    assert_eq!(recorded[1]["occurredAt"], rfc_3339(&server, start));
    assert_eq!(recorded[2]["occurredAt"], rfc_3339(&server, start + 1));
    assert_eq!(recorded[2]["data"], completed("2.0", "1.5"));
    for event in &recorded {
        assert!(event["recordedAt"].as_str() >= event["occurredAt"].as_str(), "{event}");
    }
    // By the time another stream has had its whole life the clock has passed the first one many times.
    let second = server.create(&sample::with(sample::stream(), &terms(in_a_while())));
    wait_for_events(&server, 4);
    assert_eq!(types(&history(&server, &second)), WHOLE_LIFE);
    assert_eq!(history(&server, &first), recorded);
    server.terminate();
}

/// A second as an event shows it.
fn rfc_3339(server: &TestServer, second: u64) -> Value {
    let database = rusqlite::Connection::open(server.database()).unwrap();
    let text = "SELECT strftime('%Y-%m-%dT%H:%M:%S.000Z', ?1, 'unixepoch')";
    let text: String = database.query_row(text, [i64::try_from(second).unwrap()], |row| row.get(0)).unwrap();
    json!(text)
}

#[test]
fn what_fell_due_while_no_server_ran_is_recorded_once_at_the_next_start() {
    let mut server = TestServer::launch(Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "3600000"));
    let stream = server.create(&sample::stream());
    server.kill9();
    // As if the stream had run its whole time meanwhile.
    let database = rusqlite::Connection::open(server.database()).unwrap();
    let shift = "UPDATE streams SET start_time = 1000, cliff_time = 1000, end_time = 1200, due_at = 1200";
    assert_eq!(database.execute(shift, []).unwrap(), 1);
    drop(database);

    server.restart();
    wait_for_events(&server, 1);
    let recorded = history(&server, &stream);
    assert_eq!(types(&recorded), ["stream.created", "stream.completed"]);
    assert_eq!(recorded[1]["occurredAt"], stream["createdAt"]);
    assert_eq!(recorded[1]["data"], completed("100.0", "0.0"));
    server.kill9();
    server.restart();
    server.create(&sample::stream());
    assert_eq!(history(&server, &stream), recorded);
    server.terminate();
}

#[test]
fn what_has_fallen_due_counts_before_it_is_recorded() {
    let mut server = TestServer::launch(Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "3600000"));
    let past = sample::with(sample::stream(), &json!({ "startTime": 1_000, "endTime": 1_050 }));
    let stream = server.create(&past);
    let id = stream["id"].as_str().unwrap();
    assert_eq!(stream["status"], "completed");
    assert_eq!(server.get("/api/streams?status=completed").expect(200)["streams"][0]["id"], id);
    assert_eq!(server.get("/api/streams?status=active").expect(200)["streams"], json!([]));
    let cancel = server.send(&Request::delete(&format!("/api/streams/{id}")));
    envelope::error(&cancel, 409, "CONFLICT");
    assert_eq!(stream["streamedAmount"], "25.0");
    assert_eq!(stream["refundedAmount"], "75.0");
    server.terminate();
}
