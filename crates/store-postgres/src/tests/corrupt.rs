use fluxora_store::{CorruptRow, StoreError, StreamFilter, StreamQuery, TimeEventStore};
use fluxora_stream::EventKind;

use super::*;

pub(super) const DROP: &str = "DO $$ DECLARE c record; BEGIN \
    FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0 LOOP \
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; \
    FOR c IN SELECT contypid::regtype AS t, conname FROM pg_constraint WHERE contypid <> 0 AND connamespace = 'public'::regnamespace LOOP \
        EXECUTE format('ALTER DOMAIN %s DROP CONSTRAINT %I', c.t, c.conname); END LOOP; END $$;";

/// Three streams, after every check was dropped and these columns of stream 2 were set.
async fn meddled(set: &str) -> Option<PostgresStore> {
    let database = Cluster::shared()?.database();
    let store = open(&database).await;
    put(&store, 1..=3).await;
    database.sql(&format!("{DROP} UPDATE streams SET {set} WHERE seq = 2"));
    Some(store)
}

pub(super) fn row<T: std::fmt::Debug>(result: Result<T, StoreError>) -> CorruptRow {
    match result {
        Err(StoreError::Corrupt(row)) => row,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_is_named_and_others_are_not_concerned() {
    for (column, set) in [
        ("origin", "origin = 'moon'"),
        ("sender", "sender = 'GABC'"),
        ("recipient", "recipient = ''"),
        ("deposit", "deposit = 'NaN'"),
        ("rate", "rate = 0.00000001"),
        ("start_time", "start_time = -1"),
        ("end_time", "end_time = 18446744073709551616"),
        ("withdrawn", "withdrawn = 1e40"),
        ("status", "status = 'asleep'"),
        ("status_at", "status = 'cancelled'"),
        ("created_at", "created_at = 'infinity'"),
        ("updated_at", "updated_at = '200000-01-01'"),
        ("events", "events = -1"),
    ] {
        let Some(store) = meddled(set).await else { return };
        let found = row(store.stream(&id(2)).await);
        assert_eq!((found.table, found.column, found.row.as_str()), ("streams", column, "2"), "{found}");
        assert!(store.stream(&id(1)).await.unwrap().is_some());
        let query =
            StreamQuery { filter: StreamFilter::default(), at: UnixTime::of(t(0)), before: None, limit: 10 };
        let page = store.list_streams(&query).await.unwrap();
        assert_eq!((page.streams.len(), page.unreadable), (2, vec![found]));
        assert_eq!(row(store.cancel_stream(&id(2), fluxora_store::still(t(20))).await).column, column);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_cannot_be_read_does_not_count_against_the_limit_of_a_step() {
    let Some(store) = meddled("sender = 'GABC'").await else { return };
    let step = store.record_due(t(50), 2).await.unwrap();
    assert_eq!((step.streams, step.unreadable.len(), step.more), (2, 1, false));
    let step = store.record_due(t(50), 2).await.unwrap();
    assert_eq!((step.streams, step.unreadable.len()), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn time_events_of_other_streams_do_not_wait_for_a_row_that_cannot_be_read() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    assert!(store.begin_time_events().await.unwrap());
    put(&store, 1..=3).await;
    while store.schedule_time_events(t(0), 10).await.unwrap().more {}
    database.sql(&format!("{DROP} UPDATE streams SET sender = 'x' || sender WHERE seq = 1"));
    while store.emit_time_events(t(500), 1).await.unwrap().more {}
    for (n, expect) in [(2, true), (3, true), (1, false)] {
        assert_eq!(has_ended(&store, n).await, expect, "{n}");
    }
    database.sql("UPDATE streams SET sender = substr(sender, 2) WHERE seq = 1");
    for instant in store.open_instants(None, 10).await.unwrap() {
        assert!(store.settle_instant(&instant, true, t(501)).await.unwrap(), "{instant:?}");
    }
    assert!(has_ended(&store, 1).await, "once the row can be read");
}

async fn has_ended(store: &PostgresStore, n: u64) -> bool {
    let page = store.stream_events(&id(n), 0, 100).await.unwrap().unwrap();
    page.events.iter().any(|logged| logged.event.kind == EventKind::Ended)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_whose_count_is_not_that_of_its_history_does_not_change() {
    let Some(store) = meddled("events = 5").await else { return };
    let found = row(store.cancel_stream(&id(2), fluxora_store::still(t(20))).await);
    assert_eq!(
        (found.column, found.reason.as_str()),
        ("events", "the last event of its history is number 1")
    );
    assert_eq!(store.record_due(t(50), 10).await.unwrap().unreadable, [found]);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_answers_that_cannot_be_read_are_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, [1]).await;
    store.create_stream(keyed(2, "k", "r")).await.unwrap();
    database.sql(&format!(
        "{DROP} UPDATE stream_events SET data = '{{}}' WHERE seq = 1; \
         UPDATE stream_events SET type = 'stream.exploded' WHERE seq = 2; UPDATE idempotency_records SET made_at = 'infinity'"
    ));
    for (n, column, seq) in [(1, "data", "1"), (2, "type", "2")] {
        let found = row(store.stream_events(&id(n), 0, 10).await);
        assert_eq!((found.table, found.column, found.row.as_str()), ("stream_events", column, seq));
    }
    let found = row(store.create_stream(keyed(3, "k", "r")).await);
    let name = "POST /api/streams k";
    assert_eq!((found.table, found.column, found.row.as_str()), ("idempotency_records", "made_at", name));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_summary_counts_rows_that_cannot_be_read() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    database.sql(DROP);
    let sql = async |sql: &'static str| drop(database.sql(sql));
    fluxora_store::conformance::streams_that_cannot_be_decoded_are_counted_beside_the_sums(&store, sql).await;
}
