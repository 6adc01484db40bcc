//! What ingestion costs the thread that writes: batches of 100 contract events with their streams, into a file, committed to the disk.
//!
//! `cargo bench -p fluxora-store-sqlite --bench ingest -- [batches] [pushers]`. Time is the machine's; processor time is the writing
//! thread's, its kernel's share of it included.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::as_conversions,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench measures time and may stop at a fault"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use fluxora_indexer::Rules;
use fluxora_store::conformance::traffic;
use fluxora_store::{ChainStore, Store};
use fluxora_store_sqlite::{Location, Options, SqliteStore};
use jiff::Timestamp;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (batches, pushers) = (numbers.next().unwrap_or(3_000), numbers.next().unwrap_or(4));
    let folder = tempfile::tempdir().unwrap();
    let location = Location::File(folder.path().join("bench.db"));
    let store = Arc::new(SqliteStore::open(&location, Options::default()).unwrap());
    let next = Arc::new(AtomicU64::new(0));
    // So far apart are pushers at most: no batch comes late.
    let rules = Rules { safety_margin: 64, ..Rules::default() };
    let lap = (batches / 10).max(1);
    for upto in (1..=batches / lap).map(|n| n * lap) {
        let made: Arc<Vec<_>> = Arc::new((upto - lap..upto).map(traffic::ledger).collect());
        let (begun, cpu) = (Instant::now(), writer_ticks());
        let pushers = (0..pushers).map(|_| {
            let (store, next, made) = (Arc::clone(&store), Arc::clone(&next), Arc::clone(&made));
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= upto {
                        break;
                    }
                    let batch = Arc::clone(&made[usize::try_from(n - (upto - lap)).unwrap()]);
                    let now = Timestamp::from_second(1_800_000_000).unwrap();
                    let taken = store.ingest(batch, rules, now).await.unwrap().unwrap();
                    assert_eq!(u64::try_from(taken.inserted.len()), Ok(traffic::EVENTS));
                    assert!(taken.unprojected.is_empty(), "{:?}", taken.unprojected);
                }
            })
        });
        for pusher in pushers.collect::<Vec<_>>() {
            pusher.await.unwrap();
        }
        next.store(upto, Ordering::Relaxed);
        let events = (lap * traffic::EVENTS) as f64;
        let busy = (writer_ticks() - cpu) as f64 * 10_000.0 / events;
        println!(
            "{:>10} stored: {:>7.0} events/s, {busy:>5.1} µs of the writing thread an event",
            upto * traffic::EVENTS,
            events / begun.elapsed().as_secs_f64(),
        );
    }
    store.close().await;
}

/// The processor time of the writing thread, in ticks of 10 ms; none before it has its name.
fn writer_ticks() -> u64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let stats =
        threads.filter_map(|thread| std::fs::read_to_string(thread.unwrap().path().join("stat")).ok());
    let Some(writer) = stats.into_iter().find(|stat| stat.contains("sqlite-writer")) else { return 0 };
    let fields: Vec<_> = writer.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
