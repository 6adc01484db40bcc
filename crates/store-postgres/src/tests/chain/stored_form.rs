//! What an operator sees, and what comes back.

use fluxora_store::chain::ContractEventQuery;
use fluxora_store::conformance::a_rebuild_decodes_every_stored_event_again;

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_comes_back_to_the_letter() {
    let Some(store) = fresh().await else { return };
    let deep = format!("{}1{}", r#"{"a":["#.repeat(10), "]}".repeat(10));
    let payloads = [
        "{}",
        "{ \"b\" : 1.0e400,\t\"a\":\n-0, \"a\":[ ] }",
        r#"{"text":"\u0000 \ud800 \/ é \" 🚀","big":123456789012345678901234567890.10}"#,
        &deep,
    ];
    let events: Vec<_> = (0..).zip(payloads).map(|(n, payload)| event(1, n, "odd", payload)).collect();
    push(&store, "a", events.clone()).await;
    let page = store.contract_events(&ContractEventQuery { limit: 10, ..Default::default() }).await.unwrap();
    assert_eq!(page.events.into_iter().map(|listed| listed.event).collect::<Vec<_>>(), events);
    let again = push(&store, "a", events).await;
    assert_eq!((again.inserted, again.duplicates), (vec![], vec![0, 1, 2, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_can_be_asked_about_in_sql() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    push(&store, "a", vec![created(4_294_967_000, 3, u64::MAX), withdrew(4_294_967_001, 0, u64::MAX, 7)])
        .await;
    for (sql, expect) in [
        (
            "SELECT stream + 1, ledger, tx_index, class, (payload->'value'->>'deposit_amount')::bigint FROM contract_events WHERE topic = 'created'",
            "18446744073709551616|4294967000|3|stream|100",
        ),
        (
            "SELECT kind, checkpoint_amount, to_timestamp(checkpoint_at) = created_at - INTERVAL '250 ms', withdrawn * 2, chain->'createdLedger' FROM streams",
            "linear|0.0000000|t|0.0000014|4294967000",
        ),
        ("SELECT contract_id || '-' || 18446744073709551615 = id, due_at IS NULL FROM streams", "t|t"),
        (
            "SELECT string_agg(type || ' ' || (data->'cause'->>'ledger'), ', ' ORDER BY seq) FROM stream_events",
            "stream.created 4294967000, stream.withdrawn 4294967001",
        ),
        (
            "SELECT tip_ledger - last_safe, events, pending, synced_at AT TIME ZONE 'UTC' FROM chain_state",
            "1|2|0|2026-01-01 00:16:40.25",
        ),
    ] {
        assert_eq!(database.sql(sql), expect, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reorgs_are_numbered_without_a_hole_also_where_one_was_undone() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    let numbers = || database.sql("SELECT string_agg(number::text, ',' ORDER BY number) FROM reorgs");
    push(&store, "a", vec![created(1, 0, 0)]).await;
    push(&store, "b", vec![created(1, 1, 1)]).await;
    database.sql(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; \
         CREATE TRIGGER fail BEFORE UPDATE ON chain_state FOR EACH STATEMENT EXECUTE FUNCTION fail()",
    );
    let failed = store.ingest(batch("c", vec![created(1, 2, 2)]), Rules::default(), t(1_000)).await;
    assert!(matches!(failed, Err(fluxora_store::StoreError::Internal { .. })), "{failed:?}");
    assert_eq!(numbers(), "1");
    database.sql("DROP TRIGGER fail ON chain_state");
    let ingested = push(&store, "c", vec![created(1, 2, 2)]).await;
    assert_eq!((ingested.reorg.map(|reorg| reorg.number), numbers().as_str()), (Some(2), "1,2"));
    assert_eq!(
        database.sql("SELECT string_agg(id, ',') FROM contract_events"),
        "1-2",
        "nothing of the others is left"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_true_cannot_be_written() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    push(&store, "a", vec![created(1, 0, 0), withdrew(2, 0, 0, 1)]).await;
    put(&store, [1]).await;
    let (client, _task) = replicas::session(&database).await;
    for sql in [
        "UPDATE streams SET withdrawn = deposit + 1 WHERE origin = 'api'",
        "UPDATE streams SET chain = '{}' WHERE origin = 'api'",
        "UPDATE streams SET kind = NULL WHERE origin = 'chain'",
        "UPDATE streams SET kind = 'round' WHERE origin = 'chain'",
        "UPDATE streams SET chain = '[]' WHERE origin = 'chain'",
        "UPDATE contract_events SET ledger = 4294967296",
        "UPDATE contract_events SET stream = 18446744073709551616",
        "UPDATE contract_events SET stream = NULL, other = 1",
        "UPDATE contract_events SET payload = '[]'",
        "UPDATE contract_events SET class = 'odd'",
        "UPDATE contract_events SET id = '1-0'",
        "UPDATE chain_state SET pending = events + 1",
        "UPDATE chain_state SET tip_hash = NULL",
        "UPDATE chain_state SET last_safe = tip_ledger + 1",
        "UPDATE chain_state SET one = 2",
        "INSERT INTO chain_state SELECT (chain_state).* FROM chain_state",
        "INSERT INTO reorgs VALUES (1, now(), 1, 0, 1, 0, 0, 'a', NULL, NULL)",
        "INSERT INTO reorgs VALUES (1, now(), 1, 0, 1, 0, 0, 'a', 'b', 'c')",
    ] {
        assert!(client.batch_execute(sql).await.is_err(), "{sql}");
    }
    // On chain, more can be taken out than was put in.
    client.batch_execute("UPDATE streams SET withdrawn = deposit + 1 WHERE origin = 'chain'").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_puts_right_what_an_older_version_read_from_events() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    let sql = async |sql: &'static str| {
        database.sql(sql);
    };
    a_rebuild_decodes_every_stored_event_again(&store, sql).await;
}
