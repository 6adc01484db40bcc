use std::time::Duration;

use fluxora_store::{Store, StoreError, StreamFilter};
use futures_util::future::join_all;
use tokio::time::Instant;

use super::replicas::session;
use super::*;

/// A database whose table of streams is locked until the lock is released.
async fn locked(options: Options) -> Option<(PostgresStore, tokio_postgres::Client)> {
    let database = Cluster::shared()?.database();
    let store = open_with(&database, options).await;
    put(&store, [1]).await;
    let (holder, _) = session(&database).await;
    holder.batch_execute("BEGIN; LOCK TABLE streams").await.unwrap();
    Some((store, holder))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_waits_for_a_connection_no_longer_than_the_limit() {
    let options = Options { pool: 2, wait: Duration::from_millis(200), ..Options::default() };
    let Some((store, holder)) = locked(options).await else { return };
    let first = id(1);
    let (two, rest) = tokio::join!(join_all((0..2).map(|_| store.stream(&first))), async {
        let begun = Instant::now();
        let rest = join_all((0..5).map(|_| store.stream(&first))).await;
        let waited = begun.elapsed();
        holder.batch_execute("COMMIT").await.unwrap();
        assert!(waited < Duration::from_secs(2), "{waited:?}");
        rest
    });
    assert!(rest.iter().all(|read| matches!(read, Err(StoreError::Overloaded))), "{rest:?}");
    assert!(two.iter().all(|read| matches!(read, Ok(Some(_)))), "{two:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_wait_for_a_connection_than_may() {
    let options = Options { pool: 1, waiting: 2, wait: Duration::from_secs(60), ..Options::default() };
    let Some((store, holder)) = locked(options).await else { return };
    let first = id(1);
    let mut reads: Vec<_> = (0..8).map(|_| Box::pin(store.stream(&first))).collect();
    // Each asks once: the first has the connection, two may wait.
    let mut refused = 0;
    let mut waiting = Vec::new();
    for mut read in reads.drain(..) {
        match poll(&mut read).await {
            std::task::Poll::Ready(Err(StoreError::Overloaded)) => refused += 1,
            std::task::Poll::Ready(other) => panic!("{other:?}"),
            std::task::Poll::Pending => waiting.push(read),
        }
    }
    assert_eq!((refused, waiting.len()), (5, 3));
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(join_all(waiting).await.iter().all(|read| matches!(read, Ok(Some(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_of_creates_refuses_at_once_and_loses_nothing() {
    let options = Options { queue: 4, batch: 2, ..Options::default() };
    let Some((store, holder)) = locked(options).await else { return };
    let mut creates: Vec<_> = (10..30).map(|n| Box::pin(store.create_stream(create(n)))).collect();
    let mut refused = 0;
    let mut waiting = Vec::new();
    for mut create in creates.drain(..) {
        match poll(&mut create).await {
            std::task::Poll::Ready(Err(StoreError::Overloaded)) => refused += 1,
            std::task::Poll::Ready(other) => panic!("{other:?}"),
            std::task::Poll::Pending => waiting.push(create),
        }
    }
    assert!(refused >= 14, "{refused} of 20 were refused");
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(join_all(waiting).await.iter().all(|created| matches!(created, Ok(Created::Done))));
    let count = store.count_streams(&StreamFilter::default(), UnixTime::of(t(0))).await.unwrap().count;
    assert_eq!(count, 1 + 20 - refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_takes_too_long_is_ended_and_so_is_nothing_else() {
    let options = Options { statement_timeout: Duration::from_millis(200), ..Options::default() };
    let Some((store, holder)) = locked(options).await else { return };
    let read = store.stream(&id(1)).await;
    let Err(StoreError::Unavailable { reason, .. }) = &read else { panic!("{read:?}") };
    assert!(reason.contains("within its time limit"), "{reason}");
    let create = store.create_stream(create(2)).await;
    assert!(matches!(create, Err(StoreError::Unavailable { .. })), "{create:?}");
    holder.batch_execute("COMMIT").await.unwrap();
    assert!(matches!(store.stream(&id(1)).await, Ok(Some(_))));
    assert_eq!(store.stream(&id(2)).await.unwrap(), None, "a write that was given up is absent");
    store.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_closing_what_was_taken_on_is_done_and_the_rest_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    let mut creates: Vec<_> = (0..50).map(|n| Box::pin(store.create_stream(create(n)))).collect();
    for create in &mut creates {
        assert!(poll(create).await.is_pending());
    }
    store.close().await;
    assert!(join_all(creates).await.iter().all(|created| matches!(created, Ok(Created::Done))));
    assert_eq!(database.sql("SELECT count(*) FROM streams"), "50");
    store.close().await;
    for refused in [
        store.create_stream(create(99)).await.map(drop),
        store.stream(&id(1)).await.map(drop),
        store.check().await,
    ] {
        assert!(
            matches!(&refused, Err(StoreError::Unavailable { reason, .. }) if reason.contains("closed")),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fork_may_take_longer_than_a_statement_of_a_request() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let options = Options { statement_timeout: Duration::from_millis(500), ..patient() };
    let store = open_with(&database, options).await;
    chain::push(&store, "a", vec![chain::created(10, 0, 1), chain::withdrew(11, 0, 1, 5)]).await;
    let (holder, _) = session(&database).await;
    holder.batch_execute("BEGIN; LOCK TABLE contract_events IN SHARE MODE").await.unwrap();
    let fork = chain::push(&store, "b", vec![chain::withdrew(11, 1, 1, 7)]);
    // A unit of work of a request would end after 1.5 seconds.
    let waited = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND wait_event_type = 'Lock' AND now() - query_start > '2 s'";
    let waits = |database: &Database| database.sql(waited) == "1";
    let release = async {
        while !waits(&database) {
            tokio::task::yield_now().await;
        }
        assert!(matches!(store.stream(&id(1)).await, Ok(None)), "requests are answered meanwhile");
        holder.batch_execute("COMMIT").await.unwrap();
    };
    let (fork, ()) = tokio::join!(fork, release);
    assert_eq!(fork.reorg.unwrap().events_removed, 1);
}
