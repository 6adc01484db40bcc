//! What a summary of a treasury with a tenth of all streams costs, and what its sums cost a create.
//!
//! `cargo bench -p fluxora-store-postgres --bench treasury -- [streams]`: 1,000,000 by default.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench measures time and may stop at a fault"
)]

use fluxora_store::Store;
use fluxora_store::conformance::treasuries::{Costs, measure};
use fluxora_store_postgres::testing::{Cluster, Settings};
use fluxora_store_postgres::{Location, Options, PostgresStore};

#[tokio::main]
async fn main() {
    let streams = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let Some(cluster) = Cluster::start(Settings::default()) else { return };
    let database = cluster.database();
    let location = Location::parse(&database.url()).unwrap();
    let store = PostgresStore::open(&location, Options::default()).await.unwrap();
    let settled = async || drop(database.sql("VACUUM ANALYZE"));
    let marks = async |on: bool| {
        let switch = if on { "ENABLE" } else { "DISABLE" };
        drop(database.sql(&format!("ALTER TABLE streams {switch} TRIGGER mark_inserted")));
    };
    let Costs { count, large, small, stale, create_percent } = measure(&store, streams, settled, marks).await;
    println!("{streams} streams: counting one {count:?}; a create costs {create_percent} %");
    println!("p50 and p99 of a summary: large {large:?}, small {small:?}, 1,000 uncounted {stale:?}");
    store.close().await;
}
