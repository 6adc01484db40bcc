//! What a fork of depth 2 and a late event cost on a chain of many clones of three streams.
//!
//! `cargo bench -p fluxora-store-postgres --bench rebuild -- [clones]`. Each clone has ten contract events.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench measures time and may stop at a fault"
)]

use fluxora_store::Store;
use fluxora_store::conformance::clones::{Costs, measure};
use fluxora_store_postgres::testing::{Cluster, Settings};
use fluxora_store_postgres::{Location, Options, PostgresStore};

#[tokio::main]
async fn main() {
    let clones = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let Some(cluster) = Cluster::start(Settings::default()) else { return };
    let database = cluster.database();
    let location = Location::parse(&database.url()).unwrap();
    let store = PostgresStore::open(&location, Options::default()).await.unwrap();
    let analyze = async || drop(database.sql("ANALYZE"));
    let Costs { events, fork, late } = measure(&store, clones, analyze).await;
    println!("{clones} clones, {events} events: late event {late:?}, fork of depth 2 {fork:?}");
    store.close().await;
}
