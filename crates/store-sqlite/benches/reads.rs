//! What a read costs in a file of a thousand streams and in one of a million: it should be the same.
//!
//! The files are made once, which takes about a minute, and kept in the target directory.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a bench may stop at a fault"
)]

mod population;

use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fluxora_store::{Sequence, Store, StreamFilter, StreamQuery, StreamStore};
use fluxora_store_sqlite::{Location, Options, SqliteStore};
use fluxora_stream::{StatusName, StreamId, UnixTime};
use futures_util::StreamExt;
use tokio::runtime::{Builder, Runtime};

const SIZES: [u64; 2] = [1_000, 1_000_000];

struct Database {
    streams: u64,
    senders: u64,
    store: SqliteStore,
}

/// Every sender pays enough streams to fill a page; there are at most 1,000 of them.
fn database(runtime: &Runtime, streams: u64) -> Database {
    let senders = (streams / 50).min(1_000);
    let folder = population::folder().join(format!("reads-{streams}"));
    let store = runtime.block_on(kept(&folder, streams)).unwrap_or_else(|| {
        std::fs::remove_dir_all(&folder).ok();
        let store = SqliteStore::open(&file(&folder), Options::default()).unwrap();
        runtime.block_on(async {
            let all = futures_util::stream::iter(0..streams);
            all.for_each_concurrent(512, async |n| {
                store.create_stream(population::create(n, senders)).await.unwrap();
            })
            .await;
            // Closing folds the write-ahead log into the file, as it is after a quiet moment.
            store.close().await;
        });
        SqliteStore::open(&file(&folder), Options::default()).unwrap()
    });
    Database { streams, senders, store }
}

fn file(folder: &Path) -> Location {
    Location::File(folder.join("fluxora.db"))
}

/// The file that an earlier run has left, if it is whole and of the same schema.
async fn kept(folder: &Path, streams: u64) -> Option<SqliteStore> {
    folder.exists().then_some(())?;
    let store = SqliteStore::open(&file(folder), Options::default()).ok()?;
    let count = store.count_streams(&StreamFilter::default(), UnixTime::MAX).await.ok()?.count;
    (count == streams.min(fluxora_store::COUNTED_BY_INDEX.into())).then_some(store)
}

/// What is read.
#[derive(Clone, Copy, Debug)]
enum Read {
    /// One stream, any.
    ById,
    /// The newest streams.
    Newest,
    /// The newest of one status; the others were made in between.
    Active,
    Scheduled,
    /// Streams from any place in the file on.
    Anywhere,
    /// The newest of any one sender: rows that lie far apart.
    OfASender,
}

const READS: [Read; 6] =
    [Read::ById, Read::Newest, Read::Active, Read::Scheduled, Read::Anywhere, Read::OfASender];

impl Database {
    /// Does one read; `random` says of what.
    async fn read(&self, read: Read, random: u64) {
        let mut query = StreamQuery {
            filter: StreamFilter::default(),
            // All are made, few of those that start later have started, none has ended.
            at: UnixTime::of(population::made_at(self.streams)),
            before: None,
            limit: 20,
        };
        match read {
            Read::ById => {
                self.store
                    .stream(&StreamId::api(population::uuid(random % self.streams)))
                    .await
                    .unwrap()
                    .unwrap();
                return;
            }
            Read::Newest => {}
            Read::Active => query.filter.status = Some(StatusName::Active),
            Read::Scheduled => query.filter.status = Some(StatusName::Scheduled),
            Read::Anywhere => query.before = Some(Sequence(22 + random % (self.streams - 22))),
            Read::OfASender => {
                let sender = population::account(population::SENDER, random % self.senders);
                query.filter.sender = Some(sender.into());
            }
        }
        assert_eq!(self.store.list_streams(&query).await.unwrap().streams.len(), 20);
    }
}

fn reads(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().build().unwrap();
    let databases = SIZES.map(|streams| database(&runtime, streams));
    let mut random = (0..).map(population::scatter);
    for read in READS {
        let mut group = criterion.benchmark_group(format!("{read:?}"));
        for database in &databases {
            group.bench_function(BenchmarkId::from_parameter(database.streams), |bencher| {
                bencher.iter(|| runtime.block_on(database.read(read, random.next().unwrap())));
            });
        }
    }
    ratios(&runtime, &databases, random);
    for database in &databases {
        runtime.block_on(database.store.close());
    }
}

/// Prints what a read of the large file costs in reads of the small one. The two take turns and of many turns the first quarter is
/// compared, so that what else the machine does meanwhile falls on both and mostly falls out.
fn ratios(runtime: &Runtime, databases: &[Database; 2], mut random: impl Iterator<Item = u64>) {
    for read in READS {
        let mut turns = [const { Vec::new() }; 2];
        for _ in 0..400 {
            for (turns, database) in turns.iter_mut().zip(databases) {
                #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
                let begun = std::time::Instant::now();
                for random in random.by_ref().take(100) {
                    runtime.block_on(database.read(read, random));
                }
                turns.push(begun.elapsed());
            }
        }
        let [small, large] = turns.map(|mut turns| {
            turns.sort();
            turns[turns.len() / 4] / 100
        });
        let percent = large.as_nanos() * 100 / small.as_nanos();
        println!("{read:?}: {small:?} -> {large:?}, {percent} %");
    }
}

criterion_group!(benches, reads);
criterion_main!(benches);
