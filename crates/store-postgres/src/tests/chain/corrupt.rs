//! A row of the chain that cannot be read is named.

use fluxora_store::StoreError;
use fluxora_store::chain::{ContractEventQuery, Rewind};

use super::*;
use crate::tests::corrupt::{DROP, row};

/// Two chain streams and a reorg that removed a third, after every check was dropped and this statement run.
async fn meddled(sql: &str) -> Option<PostgresStore> {
    let database = Cluster::shared()?.database();
    let store = open(&database).await;
    push(&store, "a", vec![created(1, 0, 0), created(1, 1, 1), created(5, 0, 2)]).await;
    push(&store, "b", vec![created(5, 1, 3)]).await;
    database.sql(&format!("{DROP} {sql}"));
    Some(store)
}

async fn list(store: &PostgresStore) -> Result<(), StoreError> {
    let query = ContractEventQuery { limit: 10, ..ContractEventQuery::default() };
    store.contract_events(&query).await.map(drop)
}

async fn ingest(store: &PostgresStore) -> Result<(), StoreError> {
    let events = vec![created(1, 0, 0), created(5, 0, 2), created(20, 0, 9)];
    store.ingest(batch("b", events), Rules::default(), t(10)).await.map(drop)
}

fn found(result: Result<(), StoreError>, table: &str, column: &str, key: &str) {
    let found = row(result);
    assert_eq!((found.table, found.column, found.row.as_str()), (table, column, key), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_stream_of_the_chain_has_is_read_with_care() {
    for (column, set) in [
        ("origin", "origin = 'api'"),
        ("kind", "kind = 'round'"),
        ("kind", "kind = NULL"),
        ("checkpoint_amount", "checkpoint_amount = 'NaN'"),
        ("checkpoint_at", "checkpoint_at = 18446744073709551616"),
        ("chain", "chain = '{}'"),
        ("chain", "chain = '[]'"),
        ("withdrawn", "withdrawn = 1e40"),
    ] {
        let Some(store) = meddled(&format!("UPDATE streams SET {set} WHERE seq = 2")).await else { return };
        let read = store.stream(&on_chain(1)).await;
        found(read.map(drop), "streams", column, "2");
        let bring = batch("b", vec![withdrew(6, 0, 1, 1)]);
        let written = store.ingest(bring, Rules::default(), t(10)).await;
        found(written.map(drop), "streams", column, "2");
        assert!(store.stream(&on_chain(0)).await.unwrap().is_some(), "{column}");
        push(&store, "b", vec![withdrew(5, 3, 0, 1)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_event_that_cannot_be_read_is_named() {
    for (column, set) in [
        ("ledger", "ledger = -1"),
        ("tx_index", "tx_index = 4294967296"),
        ("operation_index", "operation_index = -1"),
        ("event_index", "event_index = -1"),
        ("contract_id", "contract_id = ''"),
        ("topic", "topic = E'a\\nb'"),
        ("tx_hash", "tx_hash = repeat('x', 129)"),
        ("happened_at", "happened_at = 'infinity'"),
        ("class", "class = 'odd'"),
        ("stream", "stream = 'NaN'"),
        ("other", "other = -1"),
        ("contract_id", "contract_id = 'CABC'"),
    ] {
        let sql = format!("UPDATE contract_events SET {set} WHERE id = '1-0'");
        let Some(store) = meddled(&sql).await else { return };
        if !matches!(
            set,
            "ledger = -1" | "class = 'odd'" | "stream = 'NaN'" | "other = -1" | "contract_id = 'CABC'"
        ) {
            found(list(&store).await, "contract_events", column, "1-0");
        }
        found(ingest(&store).await, "contract_events", column, "1-0");
        assert_eq!(store.chain_state().await.unwrap().events, 3, "nothing was written: {column}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_cannot_be_read_is_named() {
    for (column, set) in [
        ("hash", "hash = ''"),
        ("previous_hash", "previous_hash = ''"),
        ("closed_at", "closed_at = '-infinity'"),
    ] {
        let sql = format!("UPDATE ledgers SET {set} WHERE sequence = 1");
        let Some(store) = meddled(&sql).await else { return };
        found(ingest(&store).await, "ledgers", column, "1");
        let rewind = Rewind { to_ledger: 1, reason: "r".to_owned() };
        found(store.rewind(rewind, Rules::default(), t(10)).await.map(drop), "ledgers", column, "1");
        push(&store, "b", vec![withdrew(6, 0, 0, 1)]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_the_chain_stands_is_read_with_care() {
    for (table, column, sql) in [
        ("chain_state", "tip_ledger", "UPDATE chain_state SET tip_ledger = -1"),
        ("chain_state", "tip_hash", "UPDATE chain_state SET tip_hash = ''"),
        ("chain_state", "last_safe", "UPDATE chain_state SET last_safe = 4294967296"),
        ("chain_state", "final_ledger", "UPDATE chain_state SET final_ledger = -1"),
        ("chain_state", "events", "UPDATE chain_state SET events = -1"),
        ("chain_state", "pending", "UPDATE chain_state SET pending = -1"),
        ("chain_state", "unknown_events", "UPDATE chain_state SET unknown_events = -1"),
        ("chain_state", "unreadable_events", "UPDATE chain_state SET unreadable_events = -1"),
        ("chain_state", "synced_at", "UPDATE chain_state SET synced_at = 'infinity'"),
        ("chain_state", "refused_at", "UPDATE chain_state SET refused_at = 'infinity'"),
        ("chain_state", "refused_fork", "UPDATE chain_state SET refused_fork = -1"),
        ("reorgs", "at", "UPDATE reorgs SET at = 'infinity'"),
        ("reorgs", "fork_ledger", "UPDATE reorgs SET fork_ledger = -1"),
        ("reorgs", "depth", "UPDATE reorgs SET depth = -1"),
        ("reorgs", "tip_before", "UPDATE reorgs SET tip_before = -1"),
        ("reorgs", "events_removed", "UPDATE reorgs SET events_removed = -1"),
        ("reorgs", "streams_rebuilt", "UPDATE reorgs SET streams_rebuilt = -1"),
        ("reorgs", "existing_hash", "UPDATE reorgs SET existing_hash = ''"),
        ("reorgs", "incoming_hash", "UPDATE reorgs SET incoming_hash = ''"),
        ("reorgs", "reason", "UPDATE reorgs SET incoming_hash = NULL"),
        ("reorgs", "reason", "UPDATE reorgs SET reason = 'both'"),
    ] {
        let Some(store) = meddled(sql).await else { return };
        found(store.chain_state().await.map(drop), table, column, "1");
        found(ingest(&store).await, table, column, "1");
        if table == "reorgs" {
            found(store.reorgs(5).await.map(drop), table, column, "1");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_stream_that_cannot_be_read_is_named() {
    let Some(store) = meddled("UPDATE removed_streams SET events = -1").await else { return };
    // It would come back.
    let back = store.ingest(batch("b", vec![created(6, 0, 2)]), Rules::default(), t(10)).await;
    found(back.map(drop), "removed_streams", "events", "3");
}
