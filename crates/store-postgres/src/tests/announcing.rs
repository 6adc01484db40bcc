//! Notifications of the event log between stores on one database.

use std::time::Duration;

use fluxora_store::{EventFilter, EventLog, Sequence, Store};
use tokio::time::timeout;

use super::*;

/// Only a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(40);

async fn follows(reader: &PostgresStore, head: u64) {
    let all = EventFilter::default();
    let following = async {
        while reader.events_after(Sequence(0), &all, 1_000).await.unwrap().next != Sequence(head) {
            reader.appended().await;
        }
    };
    timeout(PATIENCE, following).await.expect("the reader is woken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_the_readers_of_all_stores_and_again_when_their_connections_were_lost() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let [writer, reader] = [open(&database).await, open(&database).await];
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND query IN ('LISTEN fluxora_events', 'NOTIFY fluxora_events')";
    for round in 1..=3 {
        // The first commit starts the writer's connection, and a wait that of the reader.
        let woken = async {
            follows(&reader, 2 * round).await;
        };
        let writes = async {
            writer.create_stream(create(2 * round)).await.unwrap();
            // The reader listens: it is woken by this one at the latest.
            let both = async {
                while database.sql(listening) != "2" {
                    tokio::task::yield_now().await;
                }
            };
            timeout(PATIENCE, both).await.expect("both listen");
            writer.create_stream(create(2 * round + 1)).await.unwrap();
        };
        tokio::join!(woken, writes);
        follows(&writer, 2 * round).await;
        database.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
             AND query IN ('LISTEN fluxora_events', 'NOTIFY fluxora_events')",
        );
    }
    for store in [writer, reader] {
        store.close().await;
    }
}
