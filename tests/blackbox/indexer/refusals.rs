//! A batch that is refused writes nothing.

use serde_json::{Value, json};

use super::batch;
use super::chain::{Chain, ChainPosition, FIRST, created, withdrawn_to};
use super::indexing;
use super::worker::{Worker, push};
use crate::envelope;
use crate::faults::unavailable;
use crate::http::{Request, Response};
use crate::sample::{self, with};
use crate::server::TestServer;

const PLACE: ChainPosition = ChainPosition { transaction: 1, event: 0 };

/// A server to which nothing has been pushed, and a sound event for it.
struct Empty {
    server: TestServer,
    worker: Worker,
    event: Value,
}

impl Empty {
    fn new() -> Self {
        let server = TestServer::launch(indexing());
        let worker = Worker::of(&server);
        let event = Chain::of(1).event(FIRST, PLACE, &created(0, FIRST));
        Self { server, worker, event }
    }

    #[track_caller]
    fn refuses(&mut self, body: &Value, expect: &[(&str, &str)]) {
        envelope::invalid(&self.worker.send(&push(body.to_string())), expect);
    }

    /// Refuses a batch of a sound event and one that is this with changes.
    #[track_caller]
    fn refuses_with(&mut self, changes: &Value, expect: &[(&str, &str)]) {
        let spoilt = with(self.event.clone(), changes);
        let sound = with(self.event.clone(), &json!({ "eventId": "sound", "ledger": FIRST }));
        self.refuses(&batch(&[sound, spoilt], None), expect);
    }

    /// Nothing of what was refused is there.
    #[track_caller]
    fn end(mut self) {
        assert_eq!(self.worker.events(1000), [Value::Null; 0]);
        let indexer = self.worker.get("/health")["indexer"].clone();
        assert_eq!((&indexer["tip"], &indexer["status"]), (&Value::Null, &json!("starting")), "{indexer}");
        self.server.terminate();
    }
}

#[test]
fn one_missing_hash_refuses_the_whole_batch() {
    let mut empty = Empty::new();
    empty.refuses_with(&json!({ "ledgerHash": null }), &[("events[1].ledgerHash", "REQUIRED")]);
    let explicit = json!({ "ledgerHash": Value::Null });
    let mut spoilt = empty.event.clone();
    spoilt["ledgerHash"] = explicit["ledgerHash"].clone();
    empty.refuses(&batch(&[spoilt], None), &[("events[0].ledgerHash", "INVALID_TYPE")]);
    let tip = json!({ "ledger": FIRST });
    let body = batch(std::slice::from_ref(&empty.event), Some(&tip));
    empty.refuses(&body, &[("tip.ledgerHash", "REQUIRED")]);
    empty.end();
}

#[test]
fn each_field_of_an_event_is_checked_and_named_with_its_place() {
    let mut empty = Empty::new();
    let long = "x".repeat(129);
    for (field, wrong, code) in [
        ("ledgerHash", json!(""), "INVALID_VALUE"),
        ("ledgerHash", json!(long), "INVALID_VALUE"),
        ("ledgerHash", json!("a\u{0}b"), "INVALID_VALUE"),
        ("ledgerHash", json!(7), "INVALID_TYPE"),
        ("previousLedgerHash", json!(""), "INVALID_VALUE"),
        ("eventId", json!(""), "INVALID_VALUE"),
        ("eventId", json!(long), "INVALID_VALUE"),
        ("contractId", json!(["C"]), "INVALID_TYPE"),
        ("contractId", json!("C1"), "INVALID_ADDRESS"),
        ("contractId", json!(""), "INVALID_ADDRESS"),
        ("contractId", json!(sample::account(1)), "INVALID_ADDRESS"),
        ("contractId", json!(sample::contract(1).to_lowercase()), "INVALID_ADDRESS"),
        ("contractId", json!(sample::SECRET_KEY), "SECRET_KEY_REFUSED"),
        ("topic", json!({}), "INVALID_TYPE"),
        ("txHash", json!(true), "INVALID_TYPE"),
        ("ledger", json!(-1), "INVALID_VALUE"),
        ("ledger", json!(1.5), "INVALID_VALUE"),
        ("ledger", json!(4_294_967_296_u64), "INVALID_VALUE"),
        ("ledger", json!("1000"), "INVALID_TYPE"),
        ("txIndex", json!(-1), "INVALID_VALUE"),
        ("operationIndex", json!("0"), "INVALID_TYPE"),
        ("eventIndex", json!(0.5), "INVALID_VALUE"),
        ("happenedAt", json!("yesterday"), "INVALID_VALUE"),
        ("happenedAt", json!("2026-01-01"), "INVALID_VALUE"),
        ("happenedAt", json!("20260101T000500Z"), "INVALID_VALUE"),
        ("happenedAt", json!("2026-01-01T00:05:60Z"), "INVALID_VALUE"),
        ("happenedAt", json!("1969-12-31T23:59:59Z"), "INVALID_VALUE"),
        ("happenedAt", json!(1_767_225_600), "INVALID_TYPE"),
        ("payload", json!("{}"), "INVALID_TYPE"),
        ("payload", json!([]), "INVALID_TYPE"),
    ] {
        empty.refuses_with(&json!({ field: wrong }), &[(&format!("events[1].{field}"), code)]);
    }
    for field in [
        "eventId",
        "ledger",
        "contractId",
        "topic",
        "txHash",
        "txIndex",
        "operationIndex",
        "eventIndex",
        "happenedAt",
        "payload",
    ] {
        empty.refuses_with(&json!({ field: null }), &[(&format!("events[1].{field}"), "REQUIRED")]);
    }
    empty.end();
}

#[test]
fn all_faults_of_a_body_are_reported_at_once() {
    let mut empty = Empty::new();
    let body = json!({
        "events": [with(empty.event.clone(), &json!({ "txHash": null, "colour": "red" })), 7],
        "tip": { "ledger": -1, "ledgerHash": "h", "closedAt": "noon", "height": 1 },
        "atOnce": true,
    });
    let response = empty.worker.send(&push(body.to_string()));
    let error = envelope::error(&response, 400, "VALIDATION_ERROR");
    let mut found = envelope::details(&error);
    found.sort_unstable();
    let expect = [
        ("atOnce", "UNKNOWN_FIELD"),
        ("events[0].colour", "UNKNOWN_FIELD"),
        ("events[0].txHash", "REQUIRED"),
        ("events[1]", "INVALID_TYPE"),
        ("tip.closedAt", "INVALID_VALUE"),
        ("tip.height", "UNKNOWN_FIELD"),
        ("tip.ledger", "INVALID_VALUE"),
    ];
    assert_eq!(found, expect.map(|(field, code)| (field.to_owned(), code.to_owned())));
    empty.end();
}

#[test]
fn a_field_that_is_given_twice_is_refused_wherever_it_stands() {
    let mut empty = Empty::new();
    let sound = batch(std::slice::from_ref(&empty.event), Some(&Chain::of(2).newest())).to_string();
    for (place, twice, field) in [
        (r#"{"contractId""#, r#"{"payload":{},"contractId""#, "events[0].payload"),
        (r#"{"contractId""#, r#"{"ledgerHash":"x","contractId""#, "events[0].ledgerHash"),
        (r#""tip":{"#, r#""tip":{"ledger":1,"#, "tip.ledger"),
        (r#","tip":{"#, r#","tip":null,"tip":{"#, "tip"),
    ] {
        assert!(sound.contains(place), "{place} is not in {sound}");
        let response = empty.worker.send(&push(sound.replacen(place, twice, 1)));
        envelope::invalid(&response, &[(field, "DUPLICATE_FIELD")]);
    }
    empty.end();
}

#[test]
fn a_batch_has_1_to_100_events_or_a_tip() {
    let mut empty = Empty::new();
    empty.refuses(&json!({}), &[("events", "REQUIRED")]);
    empty.refuses(&json!({ "events": [] }), &[("events", "BATCH_SIZE")]);
    empty.refuses(&json!({ "events": {} }), &[("events", "INVALID_TYPE")]);
    empty.refuses(&json!({ "tip": Chain::of(1).newest() }), &[("events", "REQUIRED")]);
    let many: Vec<_> =
        (0..101).map(|n| with(empty.event.clone(), &json!({ "eventId": n.to_string() }))).collect();
    empty.refuses(&batch(&many, None), &[("events", "BATCH_SIZE")]);
    empty.refuses(&json!({ "events": [], "tip": [] }), &[("tip", "INVALID_TYPE")]);
    let twice = br#"{"events":[],"events":[]}"#;
    envelope::invalid(&empty.worker.send(&push(&twice[..])), &[("events", "DUPLICATE_FIELD")]);
    empty.end();
}

#[test]
fn an_empty_batch_with_a_tip_reports_a_ledger_without_events() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let mut chain = Chain::of(1);
    let answer = worker.push(&batch(&[], Some(&chain.newest())));
    let hash = &chain.newest()["ledgerHash"];
    assert_eq!(
        answer,
        json!({
            "outcome": "persisted",
            "insertedCount": 0,
            "duplicateCount": 0,
            "insertedEventIds": [],
            "duplicateEventIds": [],
            "tip": { "ledger": FIRST, "ledgerHash": hash },
            "lastSafeLedger": FIRST - 1,
            "pendingCount": 0,
            "unknownCount": 0,
            "unreadableCount": 0,
        })
    );
    chain.grow();
    let answer =
        worker.push(&batch(&[], Some(&with(chain.newest(), &json!({ "closedAt": "2026-01-01T00:00:05Z" })))));
    assert_eq!(answer["lastSafeLedger"], FIRST);
    server.terminate();
}

#[test]
fn a_batch_that_contradicts_itself_is_refused() {
    let mut empty = Empty::new();
    let chain = Chain::of(3);
    let [first, second] = [FIRST, FIRST + 1].map(|ledger| chain.event(ledger, PLACE, &created(0, ledger)));
    let other = |event: &Value, changes: &Value| {
        let other = with(event.clone(), &json!({ "eventId": "another", "eventIndex": 1 }));
        with(other, changes)
    };
    let mismatch = "LEDGER_HASH_MISMATCH";
    for (events, tip, expect) in [
        (
            vec![first.clone(), other(&first, &json!({ "ledgerHash": "x" }))],
            None,
            ("events[1].ledgerHash", mismatch),
        ),
        (
            vec![first.clone(), other(&first, &json!({ "previousLedgerHash": "x" }))],
            None,
            ("events[1].previousLedgerHash", mismatch),
        ),
        (
            vec![first.clone()],
            Some(with(chain.ledger(FIRST), &json!({ "ledgerHash": "x" }))),
            ("tip.ledgerHash", mismatch),
        ),
        (
            vec![first.clone(), other(&first, &json!({ "happenedAt": "2026-01-02T00:00:00Z" }))],
            None,
            ("events[1].happenedAt", "CLOSE_TIME_MISMATCH"),
        ),
        (
            vec![first.clone()],
            Some(with(chain.ledger(FIRST), &json!({ "closedAt": "2026-01-02T00:00:00Z" }))),
            ("tip.closedAt", "CLOSE_TIME_MISMATCH"),
        ),
        (
            vec![first.clone(), with(second.clone(), &json!({ "previousLedgerHash": "x" }))],
            None,
            ("events", mismatch),
        ),
        (vec![second.clone()], Some(chain.ledger(FIRST)), ("tip.ledger", "TIP_TOO_LOW")),
    ] {
        empty.refuses(&batch(&events, tip.as_ref()), &[expect]);
    }
    let response = empty.worker.send(&push(batch(&[first.clone(), second, first], None).to_string()));
    let error = envelope::error(&response, 409, "CONFLICT");
    let duplicate = ("events[2].eventId".to_owned(), "DUPLICATE_EVENT_ID".to_owned());
    assert_eq!(envelope::details(&error), [duplicate]);
    empty.end();
}

#[test]
fn the_message_of_a_conflict_names_the_position_and_the_id() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let chain = Chain::of(2);
    let known = chain.event(FIRST, PLACE, &created(0, FIRST));
    worker.push(&batch(std::slice::from_ref(&known), Some(&chain.newest())));
    let changed = json!({ "eventId": "another", "payload": withdrawn_to(0, 7) });
    let fresh = chain.event(FIRST, ChainPosition { event: 1, ..PLACE }, &withdrawn_to(0, 5));
    for events in [
        vec![with(known.clone(), &changed)],
        vec![with(known, &json!({ "eventIndex": 9 }))],
        vec![fresh.clone(), with(fresh, &changed)],
    ] {
        let error =
            envelope::error(&worker.send(&push(batch(&events, None).to_string())), 409, "EVENT_CONFLICT");
        let message =
            "1 of the events are known with other contents at the same position or under the same id";
        assert_eq!(error["message"], message, "{events:?}");
        let detail = "an event with other contents is known at this position, or under this id";
        assert_eq!(error["details"][0]["message"], detail, "{events:?}");
    }
    server.terminate();
}

#[test]
fn what_is_stored_under_an_id_or_a_hash_is_never_overwritten() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let chain = Chain::of(2);
    let known = chain.event(FIRST, PLACE, &created(0, FIRST));
    worker.push(&batch(std::slice::from_ref(&known), Some(&chain.newest())));
    let before = (worker.streams(4_000_000_000), worker.events(1000));

    let fresh = chain.event(FIRST, ChainPosition { event: 1, ..PLACE }, &withdrawn_to(0, 5));
    for changes in [
        json!({ "payload": withdrawn_to(0, 7) }),
        json!({ "topic": "other" }),
        json!({ "txHash": "other" }),
        json!({ "eventIndex": 9 }),
        json!({ "contractId": sample::contract(9) }),
    ] {
        let body = batch(&[fresh.clone(), with(known.clone(), &changes)], None);
        let error = envelope::error(&worker.send(&push(body.to_string())), 409, "EVENT_CONFLICT");
        let expect = ("events[1].eventId".to_owned(), "EVENT_DIFFERS".to_owned());
        let found = envelope::details(&error);
        assert_eq!(
            (found[0].0.starts_with("events[1]"), &found[0].1),
            (true, &expect.1),
            "{changes}: {error}"
        );
    }
    let another_time = json!({ "happenedAt": "2026-01-02T00:00:00Z" });
    let closed_later = with(chain.ledger(FIRST), &json!({ "closedAt": "2026-01-02T00:00:00Z" }));
    for (events, tip, field, code) in [
        (vec![with(known.clone(), &another_time)], None, "events[0]", "EVENT_DIFFERS"),
        (vec![with(fresh, &another_time)], None, "events[0].happenedAt", "LEDGER_DIFFERS"),
        (vec![], Some(closed_later), "tip.closedAt", "LEDGER_DIFFERS"),
    ] {
        let response = worker.send(&push(batch(&events, tip.as_ref()).to_string()));
        let error = envelope::error(&response, 409, "EVENT_CONFLICT");
        assert_eq!(envelope::details(&error), [(field.to_owned(), code.to_owned())]);
    }
    let relinked = with(known.clone(), &json!({ "previousLedgerHash": "other" }));
    let response = worker.send(&push(batch(&[relinked], None).to_string()));
    let error = envelope::error(&response, 409, "EVENT_CONFLICT");
    let expect = ("events[0].previousLedgerHash".to_owned(), "LEDGER_DIFFERS".to_owned());
    assert_eq!(envelope::details(&error), [expect]);

    assert_eq!((worker.streams(4_000_000_000), worker.events(1000)), before);
    server.terminate();
}

#[test]
fn the_body_is_json_of_at_most_256_kib() {
    let empty = Empty::new();
    let padded = |bytes: usize| {
        let body = batch(std::slice::from_ref(&empty.event), None).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    let (most, more) = (padded(262_144), padded(262_145));
    let too_large = |response: &Response| _ = envelope::error(response, 413, "PAYLOAD_TOO_LARGE");
    too_large(&empty.server.send(&push(more.as_str())));
    too_large(&empty.server.send(&push(more.as_str()).chunked(65_536)));
    let unsupported = |response: &Response| _ = envelope::error(response, 415, "UNSUPPORTED_MEDIA_TYPE");
    unsupported(&empty.server.send(&push("{}").without("content-type")));
    unsupported(&empty.server.send(&push("{}").without("content-type").header("content-type", "text/plain")));
    unsupported(&empty.server.send(&push("{}").header("content-encoding", "gzip")));
    let invalid = |code| [("body", code)];
    envelope::invalid(&empty.server.send(&push("")), &invalid("REQUIRED"));
    envelope::invalid(&empty.server.send(&push("{")), &invalid("INVALID_JSON"));
    envelope::invalid(&empty.server.send(&push("[]")), &invalid("BODY_NOT_OBJECT"));
    envelope::invalid(&empty.server.send(&push(&b"\xff"[..])), &invalid("INVALID_UTF8"));
    let deep = format!(r#"{{"events":{}{}}}"#, "[".repeat(20), "]".repeat(20));
    envelope::invalid(&empty.server.send(&push(deep)), &invalid("BODY_TOO_DEEP"));
    let target = format!("{}?dryRun=true", super::EVENTS);
    let unknown = Request::post(&target, "{}").header("x-indexer-worker-token", super::WORKER_TOKEN);
    envelope::invalid(&empty.server.send(&unknown), &[("query", "UNKNOWN_FIELD")]);

    let Empty { mut server, mut worker, .. } = empty;
    worker.send(&push(most)).expect(200);
    server.terminate();
}

#[test]
fn while_storage_is_away_a_batch_is_a_503_and_taken_later() {
    let Empty { mut server, mut worker, event } = Empty::new();
    let body = batch(&[event], Some(&Chain::of(2).newest()));
    let other = rusqlite::Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    unavailable(&worker.send(&push(body.to_string())));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(worker.push(&body)["insertedCount"], 1);
    assert_eq!(worker.streams(4_000_000_000).len(), 1);
    server.terminate();
}
