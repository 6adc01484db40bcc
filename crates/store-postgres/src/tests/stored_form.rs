//! What an operator sees, and what comes back.

use fluxora_stream::{LoggedEvent, StreamEvent};

use super::*;

/// The data of an event as on the wire and in a text column.
fn data<'e>(events: impl IntoIterator<Item = &'e StreamEvent>) -> Vec<String> {
    events.into_iter().map(|event| serde_json::to_string(&event.data).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_an_event_comes_back_to_the_letter() {
    let Some(store) = fresh().await else { return };
    let mut create = create(1);
    let changes = &mut create.event.data.changes;
    changes.deposit_amount = Some("1000000.0000000".parse().unwrap());
    changes.cliff_time = Some(UnixTime::of(t(15)));
    changes.end_time = Some(UnixTime::MAX);
    let expect = data([&create.event]);
    store.create_stream(create).await.unwrap();
    let page = store.stream_events(&id(1), 0, 10).await.unwrap().unwrap();
    assert_eq!(data(page.events.iter().map(|LoggedEvent { event, .. }| event)), expect);
    store.cancel_stream(&id(1), fluxora_store::still(t(20))).await.unwrap();
    let history = store.stream_events(&id(1), 0, 10).await.unwrap().unwrap().events;
    let started = r#"{"cause":{"type":"clock"},"changes":{"status":"active"}}"#;
    let cancelled = r#"{"cause":{"type":"api"},"changes":{"status":"cancelled","statusSince":1767225620},"streamedAmount":"10.00","refundedAmount":"90.00"}"#;
    assert_eq!(data(history.iter().map(|LoggedEvent { event, .. }| event))[1..], [started, cancelled]);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_have_types_that_can_be_asked_about() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, [1]).await;
    let sql = "SELECT deposit, deposit * 2, to_timestamp(start_time) AT TIME ZONE 'UTC', due_at = start_time, \
               created_at AT TIME ZONE 'UTC', data->'changes'->>'depositAmount' FROM streams JOIN stream_events e ON e.stream = streams.seq";
    assert_eq!(database.sql(sql), "100.00|200.00|2026-01-01 00:00:10|t|2026-01-01 00:00:00.25|100.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_are_kept_to_the_millisecond_and_extreme_ones_are_no_fault() {
    let Some(store) = fresh().await else { return };
    let now: Timestamp = "2026-01-01T00:00:00.123456789Z".parse().unwrap();
    let mut create = create(1);
    create.stream.created_at = now;
    create.stream.updated_at = now;
    store.create_stream(create).await.unwrap();
    let stored = store.stream(&id(1)).await.unwrap().unwrap();
    assert_eq!(stored.created_at, "2026-01-01T00:00:00.123Z".parse().unwrap());
    assert_eq!(store.delete_expired_idempotency_records(Timestamp::MIN).await.unwrap(), 0);
    assert_eq!(store.delete_expired_idempotency_records(Timestamp::MAX).await.unwrap(), 0);
    assert_eq!(store.stream_at(&id(1), UnixTime::MAX).await.unwrap(), Some(stored));
    assert_eq!(store.stream_at(&id(1), UnixTime::EPOCH).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_copied_or_holds_nothing_to_keep() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    open(&database).await;
    let mut known = crate::copy::copied_tables();
    // The counts in `contracts` and the sums of treasuries follow from the copied events and streams. A lease belongs to a
    // running process.
    known.extend(["contracts", "fluxora_schema_history", "leases", "write_proofs"]);
    known.extend(["treasury_contributions", "treasury_marks", "treasury_progress", "treasury_sums"]);
    known.push("treasury_unreadable");
    // The instants of streams follow from the event log, runways from the sums.
    known.extend(["stream_instants", "time_events_cursor", "treasury_runways"]);
    known.sort_unstable();
    let tables = "SELECT string_agg(tablename, ' ' ORDER BY tablename COLLATE \"C\") FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(database.sql(tables), known.join(" "));
}

#[tokio::test(flavor = "multi_thread")]
async fn event_rows_that_cannot_be_read_name_their_column() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    let sql = async |sql: &'static str| {
        database.sql(sql);
    };
    fluxora_store::conformance::an_event_row_that_cannot_be_read_names_its_column(&store, sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn event_rows_of_an_earlier_version_are_read() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    let sql = async |sql: String| {
        database.sql(&sql);
    };
    fluxora_store::conformance::event_rows_of_an_earlier_version_read_in_the_present_shape(&store, sql).await;
}
