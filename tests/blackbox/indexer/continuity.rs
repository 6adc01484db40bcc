//! Two pushers with ids of their own, ledgers that are missing, and ledgers that have to be pushed again.

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::chain::{Chain, ChainPosition, FIRST, created, stream_id, withdrawn_to};
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

fn unlinked(event: Value) -> Value {
    sample::with(event, &json!({ "previousLedgerHash": null }))
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
