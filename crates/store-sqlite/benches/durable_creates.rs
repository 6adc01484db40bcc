//! What group commit is worth: creates that are on the disk before they are answered, by 1, 8 and 64 writers at once, against
//! one commit for each.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    reason = "a bench may stop at a fault"
)]

mod population;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fluxora_store::{Store, StreamStore};
use fluxora_store_sqlite::{Location, Options, SqliteStore};
use tokio::runtime::Runtime;

const SENDERS: u64 = 1_000;

fn durable_creates(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("durable_creates");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(10));
    let group_commit = Options::default();
    for (name, options) in
        [("group_commit", group_commit), ("one_commit_each", Options { batch: 1, ..group_commit })]
    {
        for writers in [1, 8, 64] {
            let folder = population::folder().join(format!("creates-{name}-{writers}"));
            std::fs::remove_dir_all(&folder).ok();
            let location = Location::File(folder.join("fluxora.db"));
            let store = Arc::new(SqliteStore::open(&location, options).unwrap());
            let next = Arc::new(AtomicU64::new(0));
            group.bench_function(BenchmarkId::new(name, writers), |bencher| {
                bencher.iter_custom(|creates| {
                    #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
                    let begun = std::time::Instant::now();
                    runtime.block_on(write(&store, &next, creates, writers));
                    begun.elapsed()
                });
            });
            runtime.block_on(store.close());
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
}

/// Each writer is a task that sends its next create when it has the answer to the one before.
async fn write(store: &Arc<SqliteStore>, next: &Arc<AtomicU64>, creates: u64, writers: u64) {
    let end = next.load(Ordering::Relaxed) + creates;
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let (store, next) = (Arc::clone(store), Arc::clone(next));
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= end {
                        break;
                    }
                    store.create_stream(population::create(n, SENDERS)).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    next.store(end, Ordering::Relaxed);
}

criterion_group!(benches, durable_creates);
criterion_main!(benches);
