//! Transactions that change the chain are serialized, and block no others.

use std::time::Duration;

use fluxora_indexer::Refusal;
use fluxora_store::chain::{ChainTransaction, Rebuild, Rewind, Scope, StreamWrite};
use fluxora_store::{Sequence, Store, StoreError};
use fluxora_stream::{ChainStream, ContractState};
use futures_util::future::join_all;

use super::*;
use crate::faults::Fault;
use crate::pipeline::PipelinedTransaction;
use crate::tests::replicas::session;

fn everything() -> Rebuild {
    Rebuild { scope: Scope::Everything, verify_only: false, progress: Arc::new(|_| {}) }
}

fn one_stroop_withdrawn(mut stream: ChainStream) -> ChainStream {
    let ContractState::V9(state) = &mut stream.body.state else { panic!("a stream of another family") };
    state.flow.withdrawn = "0.0000001".parse().unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_brought_to_several_replicas_all_count() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let stores = [open(&database).await, open(&database).await];
    push(&stores[0], "a", (0..10).map(|n| created(1, n, n.into())).collect()).await;
    let bring = |n: u32| {
        let events = (0..10).map(|stream| withdrew(1, 10 + n * 10 + stream, stream.into(), 1)).collect();
        let store = &stores[usize::from(n.is_multiple_of(2))];
        async move { push(store, "a", events).await }
    };
    join_all((0..8).map(bring)).await;
    let sql = "SELECT count(*), min(withdrawn), max(withdrawn) FROM streams";
    assert_eq!(database.sql(sql), "10|0.0000008|0.0000008");
    let state = stores[1].chain_state().await.unwrap();
    assert_eq!((state.events, state.pending), (90, 0));
    let report = stores[0].rebuild(everything(), t(2_000)).await.unwrap();
    assert_eq!((report.events, report.streams, report.differences), (90, 10, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_creates_cancels_and_the_clock_never_wait_in_a_circle() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let stores = [open(&database).await, open(&database).await];
    let rounds = join_all((0..8_u32).map(|round| {
        let stores = &stores;
        async move {
            let [one, other] = [0, 1].map(|n| &stores[usize::try_from((round + n) % 2).unwrap()]);
            let first = u64::from(round) * 10;
            let events = (0..10).map(|n| created(1, round * 10 + n, first + u64::from(n))).collect();
            let ids: Vec<_> = (0..10).map(|n| id(first + n)).collect();
            let ((), _, _) = tokio::join!(
                async {
                    put(other, first..first + 10).await;
                    for id in &ids {
                        other.cancel_stream(id, fluxora_store::still(t(5))).await.unwrap();
                    }
                },
                push(one, "a", events),
                async { other.record_due(t(200), 5).await.unwrap() },
            );
        }
    }));
    tokio::time::timeout(Duration::from_secs(60), rounds).await.unwrap();
    assert_eq!(stores.each_ref().map(Store::retries), [0, 0]);
    // The log can be followed: no position is used twice, and each stream's events have no gap.
    let sql = "SELECT count(DISTINCT seq) = count(*), count(DISTINCT stream), bool_and(last = count) FROM stream_events JOIN \
               (SELECT stream, max(number) AS last, count(*) AS count FROM stream_events GROUP BY stream) s USING (stream)";
    assert_eq!(database.sql(sql), "t|160|t");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_chain_lock_blocks_batches_up_to_their_limit_and_no_readers() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let options = Options { statement_timeout: Duration::from_millis(300), ..patient() };
    let store = open_with(&database, options).await;
    push(&store, "a", vec![created(1, 0, 0)]).await;
    let (holder, _task) = session(&database).await;
    holder.batch_execute("BEGIN; SELECT FROM chain_state FOR UPDATE").await.unwrap();
    let late = store.ingest(batch("a", vec![withdrew(1, 1, 0, 5)]), Rules::default(), t(10)).await;
    assert!(matches!(late, Err(StoreError::Unavailable { .. })), "{late:?}");
    assert_eq!(store.chain_state().await.unwrap().events, 1);
    assert!(store.stream_at(&on_chain(0), UnixTime::MAX).await.unwrap().is_some());
    // A rebuild has a separate limit.
    let waited = "SELECT bool_or(clock_timestamp() - query_start > INTERVAL '600 ms') FROM pg_stat_activity \
                  WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (rebuilt, ()) = tokio::join!(store.rebuild(everything(), t(20)), async {
        let watching = database.clone();
        tokio::task::spawn_blocking(move || until(&watching, waited, "t")).await.unwrap();
        holder.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(rebuilt.unwrap().streams, 1);
    push(&store, "a", vec![withdrew(1, 1, 0, 5)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_that_takes_too_long_is_given_up_and_changes_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let options = Options { rebuild_timeout: Duration::from_millis(300), ..patient() };
    let store = open_with(&database, options).await;
    push(&store, "a", vec![created(1, 0, 0)]).await;
    let (holder, _task) = session(&database).await;
    holder.batch_execute("BEGIN; SELECT FROM chain_state FOR UPDATE").await.unwrap();
    let rebuilt = store.rebuild(everything(), t(20)).await;
    assert!(matches!(rebuilt, Err(StoreError::Unavailable { .. })), "{rebuilt:?}");
    let rewind = Rewind { to_ledger: 0, reason: "too slow".to_owned() };
    let rewound = store.rewind(rewind, Rules::default(), t(20)).await;
    assert!(matches!(rewound, Err(StoreError::Unavailable { .. })), "{rewound:?}");
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!((store.chain_state().await.unwrap().events, store.reorgs(1).await.unwrap()), (1, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_the_server_rolls_back_for_a_conflict_is_retried() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    for (n, table) in (1..).zip(["contract_events", "streams", "stream_events", "chain_state"]) {
        database.sql(&format!(
            "CREATE SEQUENCE faults_{n}; CREATE FUNCTION fail_{n}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('faults_{n}') <= 2 THEN RAISE EXCEPTION USING ERRCODE = '40001'; END IF; RETURN NULL; END $$; \
             CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION fail_{n}()"
        ));
        push(&store, "a", vec![created(n, 0, n.into())]).await;
        database.sql(&format!("DROP TRIGGER fail ON {table}"));
        assert_eq!(store.retries(), 2 * u64::from(n), "{table}");
    }
    assert_eq!(database.sql("SELECT count(*) FROM streams"), "4");
    assert_eq!(database.sql("SELECT count(*) FROM stream_events"), "4");
    assert_eq!(store.chain_state().await.unwrap().events, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_writes_that_it_was_refused_and_nothing_else() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    push(&store, "a", vec![created(1, 0, 0), created(500, 0, 1)]).await;
    let refused = store.ingest(batch("b", vec![created(1, 1, 2)]), Rules::default(), t(10)).await.unwrap();
    assert!(matches!(refused, Err(Refusal::TooDeep { .. })), "{refused:?}");
    let state = store.chain_state().await.unwrap();
    assert_eq!((state.events, state.refused.map(|refused| refused.fork_ledger)), (2, Some(1)));
    let sql =
        "SELECT (SELECT string_agg(hash, ' ' ORDER BY sequence) FROM ledgers), (SELECT count(*) FROM reorgs)";
    assert_eq!(database.sql(sql), "a1 a500 a502|0");
}

/// A row that was deleted by hand fails the transaction; it is not written in part.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_stream_that_went_away_undoes_the_whole_transaction() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    push(&store, "a", vec![created(1, 0, 0), created(1, 1, 1)]).await;
    let stream = store.stream(&on_chain(0)).await.unwrap().unwrap();
    let gone = Sequence(77);
    for write in [
        StreamWrite::Update(gone, stream.clone()),
        StreamWrite::Restore(gone, stream.clone()),
        StreamWrite::Remove { sequence: gone, id: on_chain(0), event_count: 2 },
    ] {
        let moved = one_stroop_withdrawn(stream.clone().into_chain().unwrap()).into();
        let mut chain = PipelinedTransaction::begin(Arc::new(store.lease().await));
        let written = chain.write(&[StreamWrite::Update(Sequence(1), moved), write], &[]).await;
        let Err(Fault::Store(StoreError::Internal { reason, .. })) = written else { panic!("{written:?}") };
        assert!(reason.contains("rows were touched, not"), "{reason}");
        drop(chain);
        assert_eq!(store.stream(&on_chain(0)).await.unwrap(), Some(stream.clone()));
    }
}

/// Also where only its life is written, because its terms were read and are the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_goes_away_after_it_was_read_is_not_written() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    push(&store, "a", vec![created(1, 0, 0), created(1, 1, 1)]).await;
    let mut chain = PipelinedTransaction::begin(Arc::new(store.lease().await));
    let read = chain.streams(&[on_chain(0)]).await.unwrap().remove(0);
    let lived = one_stroop_withdrawn(read.stream.unwrap());
    chain.query("deleting", "DELETE FROM streams WHERE seq = 1", &[]).await.unwrap();
    let written = chain.write(&[StreamWrite::Update(read.sequence, lived.into())], &[]).await;
    let Err(Fault::Store(StoreError::Internal { reason, .. })) = written else { panic!("{written:?}") };
    assert!(reason.contains("rows were touched, not"), "{reason}");
}
