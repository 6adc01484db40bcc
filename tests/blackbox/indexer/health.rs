//! The member `indexer` of `/health`, and the log lines of reorgs.

use serde_json::{Value, json};

use super::chain::{Chain, ChainPosition, FIRST, created, stream_id};
use super::worker::{Worker, push, rewind};
use super::{batch, indexing};
use crate::envelope;
use crate::http::Request;
use crate::server::TestServer;

const PLACE: ChainPosition = ChainPosition { transaction: 1, event: 0 };

/// The state of the service, and what it says of the indexer.
#[track_caller]
fn health(server: &TestServer) -> (String, Value) {
    let health = server.get("/health").expect(200);
    (health["status"].as_str().unwrap().to_owned(), health["indexer"].clone())
}

#[track_caller]
fn says(server: &TestServer, service: &str, expect: &Value) -> Value {
    let (status, indexer) = health(server);
    assert_eq!(status, service, "{indexer}");
    for (name, value) in expect.as_object().unwrap() {
        assert_eq!(indexer[name], *value, "{name} of {indexer}");
    }
    assert!(indexer["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{indexer}");
    indexer
}

#[test]
fn before_the_first_batch_it_is_starting_and_with_it_healthy() {
    let mut server = TestServer::launch(indexing().set("INDEXER_STALL_THRESHOLD_MS", "86400000"));
    let starting = json!({
        "status": "starting", "stalled": false, "thresholdMs": 86_400_000, "lastSuccessfulSyncAt": null, "lagMs": null,
        "clientImpact": "stale_chain_state", "operatorAction": "observe", "tip": null, "lastSafeLedger": null,
        "reorgDetected": false, "lastReorg": null, "refusedReorg": null, "pendingEvents": 0,
    });
    says(&server, "degraded", &starting);
    let chain = Chain::of(3);
    let mut worker = Worker::of(&server);
    let event = chain.event(FIRST + 2, PLACE, &created(0, FIRST + 2));
    worker.push(&batch(&[event], None));
    let healthy = json!({
        "status": "healthy", "stalled": false, "clientImpact": "none", "operatorAction": "none", "tip": FIRST + 2,
        "lastSafeLedger": FIRST + 1, "finalLedger": FIRST + 2 - 129, "pendingEvents": 1, "unknownEvents": 0,
        "unreadableEvents": 0, "reorgDetected": false,
    });
    let indexer = says(&server, "ok", &healthy);
    assert!(indexer["lastSuccessfulSyncAt"].as_str().unwrap().ends_with('Z'), "{indexer}");
    assert!(indexer["lagMs"].is_u64(), "{indexer}");
    server.get("/health/ready").expect(200);
    server.terminate();
}

#[test]
fn without_batches_for_as_long_as_the_threshold_it_is_stalled_until_one_comes() {
    let mut server = TestServer::launch(indexing().set("INDEXER_STALL_THRESHOLD_MS", "1000"));
    let mut chain = Chain::of(1);
    let mut worker = Worker::of(&server);
    let stalled = json!({
        "status": "stalled", "stalled": true, "thresholdMs": 1_000, "clientImpact": "stale_chain_state",
        "operatorAction": "page",
    });
    for _ in 0..2 {
        let has_stalled = || health(&server).1["status"] == "stalled";
        assert!((0..1_000_000).any(|_| has_stalled()), "it never stalls");
        says(&server, "degraded", &stalled);
        worker.push(&batch(&[], Some(&chain.newest())));
        says(&server, "ok", &json!({ "status": "healthy", "stalled": false }));
        chain.grow();
    }
    server.terminate();
}

#[test]
fn a_reorg_shows_until_the_tip_is_five_ledgers_past_it_and_is_logged_with_both_hashes() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let mut chain = Chain::of(4);
    let fork = FIRST + 1;
    let events =
        [FIRST, fork, fork + 1].map(|ledger| chain.event(ledger, PLACE, &created(u64::from(ledger), ledger)));
    worker.push(&batch(&events, Some(&chain.newest())));
    let existing = chain.ledger(fork)["ledgerHash"].clone();
    let stream = stream_id(u64::from(fork));
    let before = worker.stream(&stream, 4_000_000_000);

    chain.fork(fork);
    chain.grow();
    let incoming = chain.ledger(fork)["ledgerHash"].clone();
    let event = chain.event(fork, PLACE, &created(u64::from(fork), fork));
    let answer = worker.push(&batch(&[event], Some(&chain.newest())));
    let reorg = json!({
        "forkLedger": fork, "depth": 2, "existingHash": existing, "incomingHash": incoming, "removedEventCount": 2,
        "rebuiltStreamCount": 2,
    });
    assert_eq!(answer["reorg"], reorg, "{answer}");
    assert_eq!(answer["tip"]["ledger"], fork + 1);
    let line = server.wait_for_line("the reorg", |line| line["existing_hash"] == existing);
    let fields = ["fork_ledger", "depth", "incoming_hash", "events_removed", "streams_rebuilt"];
    assert_eq!(line["level"], "WARN", "{line}");
    assert_eq!(
        fields.map(|name| line[name].clone()),
        [json!(fork), json!(2), incoming, json!(2), json!(2)],
        "{line}"
    );

    let last = says(&server, "degraded", &json!({ "status": "healthy", "reorgDetected": true }))["lastReorg"]
        .clone();
    for (name, value) in reorg.as_object().unwrap() {
        assert_eq!(last[name], *value, "{last}");
    }
    assert_eq!(
        (&last["cause"], &last["number"], &last["tipBefore"]),
        (&json!("fork"), &json!(1), &json!(FIRST + 3))
    );
    let after = worker.stream(&stream, 4_000_000_000);
    assert_ne!(after["chain"]["txHash"], before["chain"]["txHash"], "the other transaction made it");
    envelope::error(
        &server.get(&format!("/api/streams/{}", stream_id(u64::from(fork + 1)))),
        404,
        "NOT_FOUND",
    );

    while chain.tip() < fork + 5 {
        says(&server, "degraded", &json!({ "reorgDetected": true }));
        chain.grow();
        worker.push(&batch(&[], Some(&chain.newest())));
    }
    says(&server, "ok", &json!({ "reorgDetected": false, "lastReorg": last }));
    server.terminate();
    server.restart();
    says(
        &server,
        "ok",
        &json!({ "status": "healthy", "tip": chain.tip(), "lastReorg": last, "lastSafeLedger": chain.tip() - 1 }),
    );
    server.terminate();
}

#[test]
fn a_reorg_into_final_ledgers_is_refused_shown_and_left_to_an_operator() {
    let mut server = TestServer::launch(indexing().set("INDEXER_MAX_REORG_DEPTH", "3"));
    let mut worker = Worker::of(&server);
    let chain = Chain::of(8);
    let event = chain.event(FIRST + 1, PLACE, &created(0, FIRST + 1));
    worker.push(&batch(&[event], None));
    for ledger in FIRST + 2..=chain.tip() {
        worker.push(&batch(&[], Some(&chain.ledger(ledger))));
    }
    let (tip, final_ledger) = (chain.tip(), chain.tip() - 4);
    let before = (worker.streams(4_000_000_000), worker.events(1000));
    let mut other = chain.clone();
    other.fork(final_ledger);
    let contradiction = batch(&[], Some(&other.newest()));
    envelope::error(&worker.send(&push(contradiction.to_string())), 409, "REORG_TOO_DEEP");

    assert_eq!((worker.streams(4_000_000_000), worker.events(1000)), before);
    let refused = says(
        &server,
        "degraded",
        &json!({ "status": "healthy", "operatorAction": "page", "tip": tip, "finalLedger": final_ledger, "reorgDetected": false }),
    );
    assert_eq!(refused["refusedReorg"]["forkLedger"], final_ledger, "{refused}");
    server.wait_for_line("the refusal", |line| {
        line["level"] == "ERROR" && line["final_ledger"] == final_ledger
    });

    server.terminate();
    server.restart();
    let again = says(&server, "degraded", &json!({ "operatorAction": "page" }));
    assert_eq!(again["refusedReorg"], refused["refusedReorg"]);
    let rewound = server
        .send(&rewind(&json!({ "toLedger": final_ledger - 1, "reason": "the network was reset" })))
        .expect(200);
    assert_eq!(rewound["tip"]["ledger"], final_ledger - 1, "{rewound}");
    says(&server, "degraded", &json!({ "refusedReorg": null, "reorgDetected": true }));
    server.send(&push(contradiction.to_string())).expect(200);
    server.terminate();
}

#[test]
fn the_deepest_fork_that_is_not_final_is_taken() {
    let mut server = TestServer::launch(indexing().set("INDEXER_MAX_REORG_DEPTH", "3"));
    let mut worker = Worker::of(&server);
    let mut chain = Chain::of(8);
    for ledger in FIRST..=chain.tip() {
        worker.push(&batch(&[], Some(&chain.ledger(ledger))));
    }
    chain.fork(chain.tip() - 3);
    let answer = worker.push(&batch(&[], Some(&chain.newest())));
    assert_eq!((&answer["reorg"]["depth"], &answer["tip"]["ledger"]), (&json!(3), &json!(chain.tip())));
    server.terminate();
}

#[test]
fn a_shorter_chain_is_no_reorg() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let chain = Chain::of(6);
    worker.push(&batch(&[], Some(&chain.newest())));
    for ledger in FIRST..chain.tip() {
        let answer = worker.push(&batch(&[], Some(&chain.ledger(ledger))));
        assert_eq!((answer.get("reorg"), &answer["tip"]["ledger"]), (None, &json!(chain.tip())), "{answer}");
        assert_eq!(answer["lastSafeLedger"], chain.tip() - 1);
    }
    says(&server, "ok", &json!({ "reorgDetected": false }));
    server.terminate();
}

#[test]
fn last_safe_rises_with_the_tip_less_the_margin() {
    let mut server = TestServer::launch(indexing().set("INDEXER_SAFETY_MARGIN", "3"));
    let mut worker = Worker::of(&server);
    let chain = Chain::of(8);
    let stream = format!("/api/streams/{}", stream_id(0));
    for ledger in FIRST..=chain.tip() {
        let events =
            if ledger == FIRST { vec![chain.event(FIRST, PLACE, &created(0, FIRST))] } else { Vec::new() };
        let answer = worker.push(&batch(&events, Some(&chain.ledger(ledger))));
        assert_eq!(answer["lastSafeLedger"], ledger - 3, "{answer}");
        let is_safe = FIRST <= ledger - 3;
        assert_eq!(answer["pendingCount"], u8::from(!is_safe));
        assert_eq!(worker.send(&Request::get(&stream)).status, if is_safe { 200 } else { 404 });
    }
    server.terminate();
}
