//! What a fork of depth 2 and a late event cost on a chain of many clones of three streams, and how long reads of a stream take
//! during the fork. The same for a fork that touches a few streams with long histories.
//!
//! `cargo bench -p fluxora-store-postgres --bench rebuild -- [clones]`. Each clone has ten contract events.
//! `cargo bench -p fluxora-store-postgres --bench rebuild -- histories [streams] [events of each]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench measures time and may stop at a fault"
)]

use std::sync::Arc;

use fluxora_store::Store;
use fluxora_store::conformance::clones::{Costs, Spawn, measure, measure_histories};
use fluxora_store_postgres::testing::{Cluster, Settings};
use fluxora_store_postgres::{Location, Options, PostgresStore};

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let mut number = |default| numbers.next().unwrap_or(default);
    let spawn: Spawn = |work| Box::pin(async { tokio::spawn(work).await.unwrap() });
    let Some(cluster) = Cluster::start(Settings::default()) else { return };
    let database = cluster.database();
    let location = Location::parse(&database.url()).unwrap();
    let store = Arc::new(PostgresStore::open(&location, Options::default()).await.unwrap());
    let analyze = async || drop(database.sql("ANALYZE"));
    let Costs { events, fork, late, quiet, during } =
        if arguments.iter().any(|argument| argument == "histories") {
            let (streams, each) = (number(87), number(7_000));
            measure_histories(store.clone(), streams, each, analyze, spawn).await
        } else {
            measure(store.clone(), number(100_000), analyze, spawn).await
        };
    println!("{events} events: late event {late:?}, fork of depth 2 {fork:?}");
    println!("reads before the fork: {quiet:?}");
    println!("reads during the fork: {during:?}");
    store.close().await;
}
