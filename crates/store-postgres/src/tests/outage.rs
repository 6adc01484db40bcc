//! The server stops and starts again, on a separate cluster.

use std::time::Duration;

use fluxora_store::{Store, StoreError};
use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use super::*;
use crate::testing::Settings;

/// What one request may take: the wait for a connection, making it, and the work.
const LIMIT: Duration = Duration::from_secs(12);

async fn unavailable(store: &PostgresStore) {
    let begun = Instant::now();
    let requests = join_all((0..40).map(|n| async move {
        match n % 3 {
            0 => store.stream(&id(1)).await.map(drop),
            1 => store.create_stream(create(1_000 + n)).await.map(drop),
            _ => store.cancel_stream(&id(1), fluxora_store::still(t(20))).await.map(drop),
        }
    }));
    for outcome in timeout(LIMIT, requests).await.expect("no request hangs") {
        assert!(
            matches!(outcome, Err(StoreError::Unavailable { .. } | StoreError::Overloaded)),
            "{outcome:?}"
        );
    }
    assert!(store.check().await.is_err());
    assert!(begun.elapsed() < LIMIT);
}

/// Everything works within 5 seconds.
async fn recovered(store: &PostgresStore, n: u64) {
    let recovering = async {
        while store.create_stream(create(n)).await.is_err() {}
        while store.stream(&id(n)).await.is_err() {}
        while store.cancel_stream(&id(n), fluxora_store::still(t(20))).await.is_err() {}
        while store.check().await.is_err() {}
    };
    timeout(Duration::from_secs(5), recovering).await.expect("it works again within 5 seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_refused_within_limits_while_the_server_is_away_and_served_when_it_is_back() {
    let Some(cluster) = Cluster::start(Settings { durable: true, ..Settings::default() }) else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, 1..=20).await;
    join_all((1..=10).map(|n| {
        let id = id(n);
        let store = &store;
        async move { store.stream(&id).await.unwrap() }
    }))
    .await;

    cluster.stop();
    unavailable(&store).await;
    cluster.restart();
    recovered(&store, 30).await;

    cluster.kill();
    unavailable(&store).await;
    cluster.restart();
    recovered(&store, 31).await;
    assert_eq!(
        database.sql("SELECT count(*) FROM streams WHERE id <= '01930000-0000-7000-8000-000000000014'"),
        "20"
    );

    let options = Options {
        statement_timeout: Duration::from_secs(1),
        connect_timeout: Duration::from_secs(1),
        ..Options::default()
    };
    let store = open_with(&database, options).await;
    recovered(&store, 32).await;
    cluster.freeze();
    unavailable(&store).await;
    cluster.thaw();
    recovered(&store, 33).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_the_server_ends_is_replaced() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, [1]).await;
    store.stream(&id(1)).await.unwrap();
    database.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fluxora' AND datname = current_database()");
    recovered(&store, 2).await;
}
