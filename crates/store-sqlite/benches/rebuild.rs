//! What a fork of depth 2 and a late event cost on a chain of many clones of three streams.
//!
//! `cargo bench -p fluxora-store-sqlite --bench rebuild -- [clones]`. Each clone has ten contract events.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench measures time and may stop at a fault"
)]

use fluxora_store::Store;
use fluxora_store::conformance::clones::{Costs, measure};
use fluxora_store_sqlite::{Location, Options, SqliteStore};

#[tokio::main]
async fn main() {
    let clones = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("bench.db"));
    let store = SqliteStore::open(&location, Options::default()).unwrap();
    let Costs { events, fork, late } = measure(&store, clones, async || ()).await;
    println!("{clones} clones, {events} events: late event {late:?}, fork of depth 2 {fork:?}");
    store.close().await;
}
