//! Ingestion that breaks off between any two of its steps leaves nothing behind.

use std::time::Duration;

use fluxora_store::chain::ingest;
use fluxora_store::conformance::{Failing, a_chain_and_a_fork};

use super::*;
use crate::pipeline::PipelinedTransaction;

/// Every row of every table, as text.
fn everything(database: &Database) -> String {
    let tables =
        "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'";
    let rows = |table| format!("SELECT string_agg(t::text, E'\\n' ORDER BY t::text) FROM {table} t");
    database.sql(tables).split(' ').map(|table| database.sql(&rows(table))).collect::<Vec<_>>().join("\n\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn ingestion_that_breaks_off_at_any_step_leaves_everything_as_it_was() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    let [chain, fork] = a_chain_and_a_fork();
    store.ingest(chain, Rules::default(), t(0)).await.unwrap().unwrap();
    let before = everything(&database);
    let mut steps = 0;
    loop {
        let lease = Arc::new(store.lease_of_chain().await);
        let mut transaction = Failing::after(
            steps,
            PipelinedTransaction::begin_for(lease, &fork, Rules::default(), Duration::from_secs(60)),
        );
        let outcome = ingest(&mut transaction, &fork, Rules::default(), t(0)).await;
        // A failure before the commit leaves nothing written.
        drop(transaction);
        assert!(everything(&database) == before, "something stays of the first {steps} steps");
        if outcome.is_ok() {
            break;
        }
        steps += 1;
    }
    assert!(steps > 10, "a fork takes more than {steps} steps");
    let ingested = store.ingest(fork, Rules::default(), t(0)).await.unwrap().unwrap();
    let reorg = ingested.reorg.unwrap();
    assert_eq!((reorg.events_removed, reorg.streams_rebuilt), (2, 2), "the whole of it happens in the end");
}
