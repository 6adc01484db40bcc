//! A rewind by an operator, and changes that only the chain may make.

use serde_json::json;

use super::chain::{Chain, ChainPosition, FIRST, created, stream_id, unlinked, withdrawn_to};
use super::worker::{Worker, rewind};
use super::{batch, indexing};
use crate::envelope;
use crate::http::Request;
use crate::server::TestServer;

const PLACE: ChainPosition = ChainPosition { transaction: 1, event: 0 };

#[test]
fn each_field_of_a_rewind_is_checked() {
    let mut server = TestServer::launch(indexing());
    let long = "x".repeat(501);
    for (body, expect) in [
        (json!({}), &[("toLedger", "REQUIRED"), ("reason", "REQUIRED")][..]),
        (json!({ "toLedger": -1, "reason": "r" }), &[("toLedger", "INVALID_VALUE")]),
        (json!({ "toLedger": "1", "reason": "r" }), &[("toLedger", "INVALID_TYPE")]),
        (json!({ "toLedger": 1, "reason": "" }), &[("reason", "INVALID_VALUE")]),
        (json!({ "toLedger": 1, "reason": long }), &[("reason", "INVALID_VALUE")]),
        (json!({ "toLedger": 1, "reason": "r", "force": true }), &[("force", "UNKNOWN_FIELD")]),
    ] {
        envelope::invalid(&server.send(&rewind(&body)), expect);
    }
    assert_eq!(server.get("/health").expect(200)["indexer"]["lastReorg"], json!(null));
    server.terminate();
}

#[test]
fn a_rewind_undoes_what_came_after_its_ledger_and_is_recorded_with_its_reason() {
    let mut server = TestServer::launch(indexing().set("INDEXER_MAX_REORG_DEPTH", "1"));
    let mut worker = Worker::of(&server);
    let mut chain = Chain::of(9);
    let events: Vec<_> = [
        (FIRST, created(0, FIRST)),
        (FIRST + 4, withdrawn_to(0, 5)),
        (FIRST + 5, created(1, FIRST + 5)),
        (FIRST + 8, withdrawn_to(0, 1)),
    ]
    .map(|(ledger, payload)| unlinked(chain.event(ledger, PLACE, &payload)))
    .to_vec();
    worker.push(&batch(&events, Some(&unlinked(chain.newest()))));

    let reason = "ledgers of another network were pushed";
    let answer = worker.send(&rewind(&json!({ "toLedger": FIRST + 3, "reason": reason }))).expect(200);
    let expect = json!({
        "number": 1, "at": answer["rewind"]["at"], "cause": "rewind", "forkLedger": FIRST + 4, "depth": 4,
        "tipBefore": FIRST + 8, "removedEventCount": 3, "rebuiltStreamCount": 2, "existingHash": null,
        "incomingHash": null, "reason": reason,
    });
    // The tip is the newest ledger that stays and is known: the first.
    let expect = json!({
        "outcome": "rewound", "rewind": expect, "tip": { "ledger": FIRST, "ledgerHash": chain.ledger(FIRST)["ledgerHash"] },
        "lastSafeLedger": FIRST - 1, "pendingCount": 1,
    });
    assert_eq!(answer, expect);
    let line = server.wait_for_message("operator rewound the chain");
    assert_eq!((&line["level"], &line["to_ledger"]), (&json!("WARN"), &json!(FIRST + 3)), "{line}");
    assert_eq!(server.get("/health").expect(200)["indexer"]["lastReorg"], expect["rewind"]);
    assert_eq!(worker.stream_ids(), [""; 0], "its ledger is not safe any more");
    assert_eq!(worker.events(10).len(), 1);

    chain.fork(FIRST + 1);
    let answer = worker.push(&batch(&[], Some(&chain.newest())));
    assert_eq!((answer.get("reorg"), &answer["lastSafeLedger"]), (None, &json!(FIRST)), "{answer}");
    assert_eq!(worker.stream_ids(), [stream_id(0)]);
    assert_eq!(worker.stream(&stream_id(0), 4_000_000_000)["withdrawnAmount"], "0.0000000");
    let history = worker.get(&format!("/api/streams/{}/events", stream_id(0)));
    let types: Vec<_> =
        history["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        ["stream.created", "stream.withdrawn", "stream.removed", "stream.created"],
        "{history}"
    );
    server.terminate();
}

#[test]
fn a_rewind_that_would_undo_nothing_is_refused_and_not_recorded() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let to = |ledger: u32| rewind(&json!({ "toLedger": ledger, "reason": "a slip of the pen" }));
    envelope::error(&worker.send(&to(0)), 409, "CONFLICT");
    let chain = Chain::of(3);
    worker.push(&batch(&[], Some(&chain.newest())));
    for ledger in [chain.tip(), chain.tip() * 10, u32::MAX] {
        envelope::error(&worker.send(&to(ledger)), 409, "CONFLICT");
    }
    let health = worker.get("/health");
    assert_eq!(
        (&health["status"], &health["indexer"]["lastReorg"]),
        (&json!("ok"), &json!(null)),
        "{health}"
    );
    worker.send(&to(chain.tip() - 1)).expect(200);
    server.terminate();
}

#[test]
fn a_stream_of_the_chain_is_not_cancelled_through_the_api() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let chain = Chain::of(2);
    let event = chain.event(FIRST, PLACE, &created(7, FIRST));
    worker.push(&batch(&[event], Some(&chain.newest())));
    let path = format!("/api/streams/{}", stream_id(7));
    let before = worker.stream(&stream_id(7), 4_000_000_000);
    envelope::error(&server.send(&Request::delete(&path)), 409, "CHAIN_MANAGED");
    assert_eq!(worker.stream(&stream_id(7), 4_000_000_000), before);
    let other = format!("/api/streams/{}", stream_id(8));
    envelope::error(&server.send(&Request::delete(&other)), 404, "NOT_FOUND");
    server.terminate();
}
