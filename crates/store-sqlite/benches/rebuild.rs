//! What a fork of depth 2 and a late event cost on a chain of many clones of three streams, and how long reads of a stream take
//! during the fork. The same for a fork that touches a few streams with long histories.
//!
//! `cargo bench -p fluxora-store-sqlite --bench rebuild -- [clones]`. Each clone has ten contract events.
//! `cargo bench -p fluxora-store-sqlite --bench rebuild -- histories [streams] [events of each]`.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench measures time and may stop at a fault"
)]

use std::sync::Arc;

use fluxora_store::Store;
use fluxora_store::conformance::clones::{Costs, Spawn, measure, measure_histories};
use fluxora_store_sqlite::{Location, Options, SqliteStore};

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let mut numbers = arguments.iter().filter_map(|argument| argument.parse().ok());
    let mut number = |default| numbers.next().unwrap_or(default);
    let spawn: Spawn = |work| Box::pin(async { tokio::spawn(work).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("bench.db"));
    let store = Arc::new(SqliteStore::open(&location, Options::default()).unwrap());
    let Costs { events, fork, late, quiet, during } =
        if arguments.iter().any(|argument| argument == "histories") {
            let (streams, each) = (number(87), number(7_000));
            measure_histories(store.clone(), streams, each, async || (), spawn).await
        } else {
            measure(store.clone(), number(100_000), async || (), spawn).await
        };
    println!("{events} events: late event {late:?}, fork of depth 2 {fork:?}");
    println!("reads before the fork: {quiet:?}");
    println!("reads during the fork: {during:?}");
    store.close().await;
}
