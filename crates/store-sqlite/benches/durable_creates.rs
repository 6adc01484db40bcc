//! What group commit is worth: creates that are on the disk before they are answered, by 1, 8 and 64 writers at once, against
//! one commit for each; and what a row in the audit log costs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a bench may stop at a fault"
)]

mod population;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fluxora_audit::{Action, Actor, Entry, Outcome};
use fluxora_store::{AuditStore, Store, StreamStore};
use fluxora_store_sqlite::{Location, Options, SqliteStore};
use jiff::Timestamp;
use tokio::runtime::Runtime;

const WRITERS: [usize; 3] = [1, 8, 64];
const SENDERS: u64 = 1_000;
const CREATES_IN_A_TURN: u64 = 512;

/// A database of one way to commit, on the disk of the target directory.
struct Subject {
    name: &'static str,
    store: Arc<SqliteStore>,
    next: Arc<AtomicU64>,
    folder: PathBuf,
}

impl Subject {
    fn new(name: &'static str, options: Options) -> Self {
        let folder = population::folder().join(name);
        std::fs::remove_dir_all(&folder).ok();
        let location = Location::File(folder.join("fluxora.db"));
        let store = Arc::new(SqliteStore::open(&location, options).unwrap());
        Self { name, store, next: Arc::default(), folder }
    }

    fn time(&self, runtime: &Runtime, creates: u64, writers: usize) -> Duration {
        #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
        let begun = std::time::Instant::now();
        runtime.block_on(write(&self.store, &self.next, creates, writers, false));
        begun.elapsed()
    }
}

fn subjects() -> [Subject; 2] {
    let group_commit = Options::default();
    [
        Subject::new("group_commit", group_commit),
        Subject::new("one_commit_each", Options { batch: 1, ..group_commit }),
    ]
}

fn durable_creates(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("durable_creates");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(10));
    for writers in WRITERS {
        let subjects = subjects();
        for subject in &subjects {
            group.bench_function(BenchmarkId::new(subject.name, writers), |bencher| {
                bencher.iter_custom(|creates| subject.time(&runtime, creates, writers));
            });
        }
        ratio(&runtime, &subjects, writers);
        audited(&runtime, &subjects[0], writers);
        for subject in subjects {
            runtime.block_on(subject.store.close());
            std::fs::remove_dir_all(&subject.folder).unwrap();
        }
    }
}

/// Prints what group commit is worth. The two take turns and the medians are compared, so that the moods of the disk fall on both.
fn ratio(runtime: &Runtime, subjects: &[Subject; 2], writers: usize) {
    let mut turns = [const { Vec::new() }; 2];
    for _ in 0..41 {
        for (turns, subject) in turns.iter_mut().zip(subjects) {
            turns.push(subject.time(runtime, CREATES_IN_A_TURN, writers));
        }
    }
    let [together, each] = turns.map(|mut turns| {
        turns.sort();
        turns[turns.len() / 2].as_nanos()
    });
    let tenths = each * 10 / together;
    println!(
        "{writers} writers: group commit is worth {}.{} times one commit each",
        tenths / 10,
        tenths % 10
    );
}

/// Prints what the audit log costs: creates with their rows against creates without, in turns.
fn audited(runtime: &Runtime, subject: &Subject, writers: usize) {
    let mut turns = [const { Vec::new() }; 2];
    for turn in 0..81 {
        let is_audited = turn % 2 == 0;
        #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
        let begun = std::time::Instant::now();
        runtime.block_on(write(&subject.store, &subject.next, 4 * CREATES_IN_A_TURN, writers, is_audited));
        turns[usize::from(is_audited)].push(begun.elapsed());
    }
    let [without, with] = turns.map(|mut turns| {
        turns.sort();
        turns[turns.len() / 2].as_nanos()
    });
    println!(
        "{writers} writers: audited creates take {} % of the time of creates without",
        with * 100 / without
    );
}

fn entry() -> Entry {
    let entry = Entry::new(Timestamp::UNIX_EPOCH, Actor::anonymous(), Action::StreamCreate, Outcome::Done);
    let request_id = Some("01930000-0000-7000-8000-000000000001".to_owned());
    Entry { request_id: request_id.clone(), target: request_id, ..entry }
}

/// Each writer is a task that sends its next create when it has the answer to the one before.
async fn write(
    store: &Arc<SqliteStore>,
    next: &Arc<AtomicU64>,
    creates: u64,
    writers: usize,
    is_audited: bool,
) {
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
                    let create = population::create(n, SENDERS);
                    if is_audited {
                        store.audited(entry()).create_stream(create).await.unwrap();
                    } else {
                        store.create_stream(create).await.unwrap();
                    }
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
