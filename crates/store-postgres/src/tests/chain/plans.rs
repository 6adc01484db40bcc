//! How the server goes about each query of the chain: by the index that is made for it, whether or not it knows how many rows there
//! are.

use super::*;
use crate::chain::{ARRIVED, LIST, QUERIES, WINDOW};
use crate::tests::plans::lines;

const FILL: &str = "INSERT INTO ledgers SELECT n, 'a' || n, 'a' || n - 1, now() FROM generate_series(1, 20000) n; \
    INSERT INTO contract_events SELECT n || '-' || m, n, m, 0, 0, CASE n % 2 WHEN 0 THEN 'C1' ELSE 'C2' END, 'withdrew', 'tx', now(), '{}', \
        'stream', (n + m) % 5000, CASE m WHEN 0 THEN n % 5000 END FROM generate_series(1, 20000) n, generate_series(0, 4) m; \
    INSERT INTO streams (id, origin, contract_id, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, \
        created_at, updated_at, events, kind, checkpoint_amount, checkpoint_at, chain) \
    SELECT 'C1-' || n, 'chain', 'C1', 'G' || n % 100, 'G' || n % 5000, 100, 1, n, n, n + 100, 0, 'active', now(), now(), 1, 'linear', 0, n, '{}' \
        FROM generate_series(1, 20000) n; \
    INSERT INTO streams (id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, created_at, \
        updated_at, events) \
    SELECT gen_random_uuid(), 'api', 'G' || n % 100, 'G' || n % 5000, 100, 1, n, n, n + 100, 0, 'active', now(), now(), 1 \
        FROM generate_series(1, 20000) n; \
    INSERT INTO ledger_proofs SELECT n, 'a', 'a', '{}', '0.0' FROM generate_series(1, 20000) n; \
    INSERT INTO removed_streams SELECT 100000 + n, 'C2-' || n, 2 FROM generate_series(1, 20000) n; \
    INSERT INTO reorgs SELECT n, now(), n, 1, n, 0, 0, 'a', 'b', NULL FROM generate_series(1, 20000) n;";

/// The plan for any values, on a connection that changes the chain.
async fn plan(store: &PostgresStore, sql: &str) -> String {
    let client = store.lease_of_chain().await;
    let statement = client.prepare(sql).await.unwrap();
    let nulls = vec!["NULL"; statement.params().len()].join(", ");
    let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
    client.batch_execute(&format!("DEALLOCATE ALL; PREPARE q AS {sql}")).await.unwrap();
    lines(&client.simple_query(&format!("EXPLAIN EXECUTE q {arguments}")).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_query_follows_the_index_that_is_made_for_it() {
    let Some(cluster) = Cluster::shared() else { return };
    // Where three streams have all the dependents, a lookup by one of them is expected to find a third of these.
    let skewed = "UPDATE contract_events SET other = n % 3 FROM generate_series(0, 4999) n WHERE stream = n AND other IS NOT NULL;";
    let skewed = format!("{FILL} {skewed} ANALYZE");
    for fill in ["", FILL, &format!("{FILL} ANALYZE"), &skewed] {
        let database = cluster.database();
        let store = open(&database).await;
        if !fill.is_empty() {
            database.sql(fill);
        }
        for (sql, indexes) in QUERIES {
            let plan = plan(&store, sql).await;
            // Of chain_state there is one row.
            let scans = plan.matches("Seq Scan").count() - plan.matches("Seq Scan on chain_state").count();
            assert_eq!(scans, 0, "{sql}\n{plan}");
            for index in indexes {
                assert!(plan.contains(index), "{index}\n{sql}\n{plan}");
            }
            // What is looked up by stream begins with no scan of the events in order, for any statistics say.
            let by_stream = sql.contains("CROSS JOIN LATERAL");
            assert!(!by_stream || !plan.contains("contract_events_in_order"), "{sql}\n{plan}");
            // Pages are read in the order of an index, with at most a sort within one position on chain.
            let sorts = plan.matches("Sort  (").count() - plan.matches("Incremental Sort  (").count();
            assert!(sorts == 0 || !sql.contains("LIMIT"), "{sql}\n{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_contract_events_is_read_in_order_from_any_place() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    for fill in [FILL, "ANALYZE"] {
        database.sql(fill);
        pages_follow_their_index(&store.lease().await).await;
    }
}

async fn pages_follow_their_index(client: &crate::pool::Lease) {
    for (from, contract, topic) in [
        ("0", "NULL", "NULL"),
        ("15000", "NULL", "NULL"),
        ("15000", "'C1'", "NULL"),
        ("0", "'C2'", "'withdrew'"),
        ("0", "'C2'", "'rare'"),
        ("0", "NULL", "'rare'"),
    ] {
        let last = ["9223372036854775807", "0", "0", "0", "''"];
        let place = [from, "4294967295", from, "2", "0", "0"];
        let page = [&place[..], &["'x'"], &last, &["10000", contract, topic, "101"]].concat();
        let window = [&place[..], &["9999"]].concat();
        let arrived = [from, "20000", "10000", "0", "4294967295", contract, topic, "101"];
        for (sql, values, index) in [
            (LIST, page, "contract_events_in_order"),
            (WINDOW, window, "contract_events_in_order"),
            (ARRIVED, arrived.to_vec(), "contract_events_by_arrival"),
        ] {
            let mut sql = sql.to_owned();
            // From the last on: $1 is also the beginning of $10.
            for (n, value) in values.iter().enumerate().rev() {
                sql = sql.replace(&format!("${}", n + 1), value);
            }
            let rows = client.simple_query(&format!("EXPLAIN {sql}")).await.unwrap();
            let plan = lines(&rows);
            assert!(plan.contains(index) && !plan.contains("Seq Scan"), "{plan}");
            assert!(!plan.contains("Sort  ("), "{plan}");
        }
    }
}
