//! Two pushers with different ids, ledgers that are missing, removed or implausible, and what `/health` shows of them.

use fluxora_store_postgres::testing::Cluster;
use serde_json::json;

use super::chain::{Chain, ChainPosition, FIRST, created, stream_id, unlinked, withdrawn_to};
use super::worker::{Worker, push};
use super::{batch, indexing};
use crate::envelope;
use crate::sample;
use crate::server::{Launch, TestServer};

const AT: u64 = 4_000_000_000;

fn on_both(check: impl Fn(Launch)) {
    check(indexing());
    if let Some(cluster) = Cluster::shared() {
        check(indexing().set("DATABASE_URL", cluster.database().url()));
    }
}

fn at(event: u32) -> ChainPosition {
    ChainPosition { transaction: 1, event }
}

#[test]
fn one_withdrawal_under_two_ids_counts_once() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let chain = Chain::of(3);
        let events = [
            chain.event(FIRST, at(0), &created(0, FIRST)),
            chain.event(FIRST + 1, at(0), &withdrawn_to(0, 400_000_000_u64)),
        ];
        worker.push(&batch(&events, Some(&chain.newest())));
        let renamed = events.clone().map(|event| {
            let id = json!({ "eventId": format!("other-{}", event["eventId"]) });
            sample::with(event, &id)
        });
        let answer = worker.push(&batch(&renamed, Some(&chain.newest())));
        assert_eq!((&answer["insertedCount"], &answer["duplicateCount"]), (&json!(0), &json!(2)), "{answer}");
        assert_eq!(worker.stream(&stream_id(0), AT)["withdrawnAmount"], "40.0000000");
        let other = chain.event(FIRST + 1, at(0), &withdrawn_to(0, 1));
        let third = batch(&[sample::with(other, &json!({ "eventId": "third" }))], None);
        let refused = worker.send(&push(third.to_string()));
        let error = envelope::error(&refused, 409, "EVENT_CONFLICT");
        assert_eq!(error["details"][0]["code"], "EVENT_DIFFERS", "{error}");
        server.terminate();
    });
}

#[test]
fn a_missing_ledger_holds_the_safe_ledger_back_and_shows_until_it_is_pushed() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let chain = Chain::of(4);
        worker.push(&batch(&[chain.event(FIRST, at(0), &created(0, FIRST))], None));
        let late = chain.event(FIRST + 2, at(0), &withdrawn_to(0, 5));
        let answer = worker.push(&batch(&[late], Some(&chain.newest())));
        let hole = json!({ "fromLedger": FIRST + 1, "toLedger": FIRST + 1 });
        assert_eq!((&answer["hole"], &answer["lastSafeLedger"]), (&hole, &json!(FIRST)), "{answer}");
        let health = worker.get("/health");
        assert_eq!((&health["status"], &health["indexer"]["hole"]), (&json!("degraded"), &hole), "{health}");
        let answer = worker.push(&batch(&[], Some(&chain.ledger(FIRST + 1))));
        assert_eq!(
            (&answer["hole"], &answer["lastSafeLedger"]),
            (&json!(null), &json!(FIRST + 2)),
            "{answer}"
        );
        assert_eq!(worker.get("/health")["status"], "ok");
        server.terminate();
    });
}

#[test]
fn an_event_that_a_reorg_removed_without_proof_is_asked_for_until_it_is_pushed_again() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let mut chain = Chain::of(3);
        let created = unlinked(chain.event(FIRST, at(0), &created(0, FIRST)));
        let old = unlinked(chain.event(FIRST + 1, at(0), &withdrawn_to(0, 5)));
        worker.push(&batch(&[created, old], None));
        chain.fork(FIRST + 1);
        chain.grow();
        let later = unlinked(chain.event(FIRST + 2, at(0), &withdrawn_to(0, 7)));
        worker.push(&batch(std::slice::from_ref(&later), None));
        let earlier = unlinked(chain.event(FIRST + 1, at(0), &withdrawn_to(0, 20)));
        let answer = worker.push(&batch(&[earlier], None));
        assert_eq!(answer["resyncFromLedger"], FIRST + 2, "{answer}");
        let health = worker.get("/health");
        assert_eq!(health["indexer"]["resyncFromLedger"], FIRST + 2, "{health}");
        assert_eq!(health["status"], "degraded");
        let answer = worker.push(&batch(&[later], None));
        assert_eq!(answer["resyncFromLedger"], json!(null), "{answer}");
        server.terminate();
    });
}

#[test]
fn a_later_ledger_of_a_new_branch_stays_when_an_earlier_one_arrives() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let mut chain = Chain::of(2);
        let start = [chain.event(FIRST, at(0), &created(0, FIRST))];
        let old = [chain.event(FIRST + 1, at(0), &withdrawn_to(0, 50_000_000))];
        worker.push(&batch(&start, None));
        worker.push(&batch(&old, None));
        chain.fork(FIRST + 1);
        (0..3).for_each(|_| _ = chain.grow());
        // It links to a ledger that was never pushed, so nothing contradicts the old branch yet.
        let later = chain.event(FIRST + 3, at(0), &withdrawn_to(0, 70_000_000));
        let answer = worker.push(&batch(&[later], Some(&chain.newest())));
        assert_eq!(answer.get("reorg"), None, "{answer}");
        let earlier = chain.event(FIRST + 2, at(0), &withdrawn_to(0, 200_000_000));
        let answer = worker.push(&batch(&[earlier], None));
        let reorg = &answer["reorg"];
        assert_eq!(
            (&reorg["forkLedger"], &reorg["removedEventCount"]),
            (&json!(FIRST + 1), &json!(1)),
            "{answer}"
        );
        assert_eq!(answer.get("resyncFromLedger"), None, "{answer}");
        assert_eq!(answer["hole"], json!({ "fromLedger": FIRST + 1, "toLedger": FIRST + 1 }), "{answer}");
        let answer = worker.push(&batch(&[], Some(&chain.ledger(FIRST + 1))));
        assert_eq!((answer.get("hole"), &answer["lastSafeLedger"]), (None, &json!(FIRST + 3)), "{answer}");
        assert_eq!(worker.stream(&stream_id(0), AT)["withdrawnAmount"], "27.0000000");
        server.terminate();
    });
}

#[test]
fn events_of_a_stream_that_was_never_created_are_counted_logged_and_shown() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let chain = Chain::of(3);
        let events = [
            chain.event(FIRST + 1, at(0), &withdrawn_to(0, 5)),
            chain.event(FIRST + 1, at(1), &withdrawn_to(0, 6)),
        ];
        worker.push(&batch(&events, Some(&chain.newest())));
        let line = server.wait_for_message(
            "contract events without a stream: the creation of their streams was never pushed, or cannot be read",
        );
        assert_eq!(
            (&line["level"], &line["events"], &line["first_event"], &line["first_stream"]),
            (&json!("WARN"), &json!(2), &json!(format!("{}-1-0", FIRST + 1)), &json!(stream_id(0))),
            "{line}"
        );
        assert_eq!(worker.get("/health")["indexer"]["orphanEvents"], 2);
        worker.push(&batch(&[chain.event(FIRST, at(0), &created(0, FIRST))], None));
        assert_eq!(worker.get("/health")["indexer"]["orphanEvents"], 0);
        assert_eq!(worker.stream(&stream_id(0), AT)["withdrawnAmount"], "0.0000011");
        server.terminate();
    });
}

#[test]
fn an_implausible_ledger_is_refused_in_a_tip_and_in_an_event_and_shows_until_the_next_batch() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch.set("INDEXER_MAX_TIP_JUMP", "50"));
        let mut worker = Worker::of(&server);
        let chain = Chain::of(3);
        // Unix seconds in the place of a ledger, as the first one there ever is.
        let seconds = json!({ "ledger": 1_767_225_600, "ledgerHash": "h" });
        let refused = worker.send(&push(batch(&[], Some(&seconds)).to_string()));
        assert_eq!(envelope::error(&refused, 409, "IMPLAUSIBLE_TIP")["details"][0]["field"], "tip.ledger");
        // Without a close time it counts as closed when it arrives.
        worker.push(&batch(&[], Some(&chain.newest())));
        let far = sample::with(
            unlinked(chain.event(FIRST, at(0), &created(0, FIRST))),
            &json!({ "ledger": FIRST + 1_000_000, "ledgerHash": "far" }),
        );
        let refused = worker.send(&push(batch(&[far], None).to_string()));
        let error = envelope::error(&refused, 409, "IMPLAUSIBLE_TIP");
        let detail = &error["details"][0];
        assert_eq!(
            (&detail["field"], &detail["code"]),
            (&json!("events[0].ledger"), &json!("LEDGER_TOO_HIGH")),
            "{error}"
        );
        server.kill9();
        server.restart();
        let mut worker = Worker::of(&server);
        let health = worker.get("/health");
        assert_eq!(health["indexer"]["refusedTip"]["ledger"], FIRST + 1_000_000, "it is stored: {health}");
        assert_eq!(
            (&health["status"], &health["indexer"]["operatorAction"], &health["indexer"]["tip"]),
            (&json!("degraded"), &json!("page"), &json!(chain.tip())),
            "{health}"
        );
        worker.push(&batch(&[], Some(&chain.newest())));
        let health = worker.get("/health");
        assert_eq!(
            (&health["status"], &health["indexer"]["refusedTip"]),
            (&json!("ok"), &json!(null)),
            "{health}"
        );
        server.terminate();
    });
}

#[test]
fn refused_pushes_degrade_health_at_once_with_the_reason_until_one_is_stored() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let chain = Chain::of(2);
        let event = chain.event(FIRST, at(0), &created(0, FIRST));
        worker.push(&batch(std::slice::from_ref(&event), Some(&chain.newest())));
        assert_eq!(worker.get("/health")["status"], "ok");
        let other = sample::with(event.clone(), &json!({ "payload": withdrawn_to(0, 1) }));
        let body = batch(&[other], None).to_string();
        for count in 1..=2 {
            envelope::error(&worker.send(&push(body.clone())), 409, "EVENT_CONFLICT");
            let health = worker.get("/health");
            let failed = &health["indexer"]["failedPushes"];
            assert_eq!(
                (&health["status"], &failed["count"], &failed["code"], &health["indexer"]["operatorAction"]),
                (&json!("degraded"), &json!(count), &json!("EVENT_CONFLICT"), &json!("page")),
                "{health}"
            );
            assert!(failed["message"].as_str().is_some_and(|message| !message.is_empty()), "{health}");
        }
        worker.push(&batch(&[event], None));
        let health = worker.get("/health");
        assert_eq!(
            (&health["status"], &health["indexer"]["failedPushes"]),
            (&json!("ok"), &json!(null)),
            "{health}"
        );
        server.terminate();
    });
}
