//! What a summary of a treasury with a tenth of all streams costs, and what its sums cost a create.
//!
//! `cargo bench -p fluxora-store-sqlite --bench treasury -- [streams]`: 1,000,000 by default.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a bench measures time and may stop at a fault"
)]

mod population;

use fluxora_store::Store;
use fluxora_store::conformance::treasuries::{Costs, measure};
use fluxora_store_sqlite::{Location, Options, SqliteStore};

const MARK: &str = "CREATE TRIGGER IF NOT EXISTS streams_mark_insert AFTER INSERT ON streams BEGIN \
                    INSERT OR IGNORE INTO treasury_marks (stream) VALUES (new.seq); END";

#[tokio::main]
async fn main() {
    let streams = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_000);
    let folder = population::folder().join("treasury");
    std::fs::remove_dir_all(&folder).ok();
    let path = folder.join("fluxora.db");
    let store = SqliteStore::open(&Location::File(path.clone()), Options::default()).unwrap();
    let marks = async |on: bool| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        let sql = if on { MARK } else { "DROP TRIGGER IF EXISTS streams_mark_insert" };
        connection.execute_batch(sql).unwrap();
    };
    let Costs { count, large, small, stale, create_percent } =
        measure(&store, streams, async || {}, marks).await;
    println!("{streams} streams: counting one {count:?}; a create costs {create_percent} %");
    println!("p50 and p99 of a summary: large {large:?}, small {small:?}, 1,000 uncounted {stale:?}");
    store.close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}
