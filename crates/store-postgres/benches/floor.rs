//! What the store costs over the driver: the same creates and point reads by a bare loop over tokio-postgres, on the same private
//! server, in the same run, with commits that reach the disk.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    reason = "a bench measures time and may stop at a fault"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fluxora_store::{CreateStream, Store, StreamStore};
use fluxora_store_postgres::testing::{Cluster, Database, Settings};
use fluxora_store_postgres::{Location, Options, PostgresStore};
use fluxora_stream::{AccountId, Stream, StreamId, TermsDraft};
use jiff::Timestamp;
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Statement};

const WRITERS: [u64; 2] = [1, 32];

fn id(n: u64) -> StreamId {
    StreamId::api(uuid(n))
}

fn uuid(n: u64) -> uuid::Uuid {
    uuid::Uuid::from_u128(u128::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64 | u128::from(n))
}

fn create(n: u64) -> CreateStream {
    let now = Timestamp::from_second(1_767_225_600).unwrap();
    let account = |side: u8, n: u64| {
        let mut key = [side; 32];
        key[..8].copy_from_slice(&n.to_be_bytes());
        AccountId::from_public_key(key)
    };
    let draft = TermsDraft {
        sender: Some(account(1, n % 1_000)),
        recipient: Some(account(2, n % 20_000)),
        deposit: Some("1000000.0000000".parse().unwrap()),
        rate: Some("0.0050000".parse().unwrap()),
        ..TermsDraft::default()
    };
    let (stream, event) = Stream::create(uuid(n), &draft.settle(now).unwrap(), now);
    CreateStream { stream, event, keyed: None, owner: None }
}

/// A client as one would write it by hand: prepared statements, one transaction for a stream and its event.
struct Bare {
    client: Client,
    stream: Statement,
    event: Statement,
    read: Statement,
}

impl Bare {
    async fn connect(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
        tokio::spawn(connection);
        let stream = "INSERT INTO streams (id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, \
                      status, created_at, updated_at, events) VALUES ($1, 'api', $2, $3, $4::text::numeric, $5::text::numeric, \
                      $6::text::numeric, $6::text::numeric, $7::text::numeric, 0, 'active', $8, $8, 1) RETURNING seq";
        let event = "INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
                     VALUES ($1, 1, 'stream.created', $2, $2, $3::text::json)";
        let read = "SELECT seq, id, origin, sender, recipient, deposit::text, rate::text, start_time::text, cliff_time::text, \
                    end_time::text, withdrawn::text, status, status_at, created_at, updated_at, events FROM streams WHERE id = $1";
        Self {
            stream: client.prepare(stream).await.unwrap(),
            event: client.prepare(event).await.unwrap(),
            read: client.prepare(read).await.unwrap(),
            client,
        }
    }

    async fn create(&mut self, CreateStream { stream, event, .. }: CreateStream) {
        let schedule = stream.details().flow().unwrap().schedule;
        let transaction = self.client.transaction().await.unwrap();
        let row = transaction
            .query_one(
                &self.stream,
                &[
                    &stream.id().to_string(),
                    &stream.sender.to_string(),
                    &stream.recipient.to_string(),
                    &schedule.deposit.to_string(),
                    &schedule.rate.to_string(),
                    &schedule.start.to_string(),
                    &schedule.end.to_string(),
                    &stream.created_at,
                ],
            )
            .await
            .unwrap();
        let data = serde_json::to_string(&event.data).unwrap();
        let seq: i64 = row.get(0);
        transaction.execute(&self.event, &[&seq, &event.occurred_at, &data]).await.unwrap();
        transaction.commit().await.unwrap();
    }

    async fn read(&self, n: u64) {
        let row = self.client.query_one(&self.read, &[&id(n).to_string()]).await.unwrap();
        assert_eq!(row.get::<_, String>(1), id(n).to_string());
    }
}

/// Each worker does its next piece when it has the answer to the one before.
async fn measured<W, F>(
    workers: Vec<W>,
    pieces: u64,
    work: impl Fn(W, u64) -> F + Clone + Send + 'static,
) -> Duration
where
    W: Send + 'static,
    F: Future<Output = W> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let begun = Instant::now();
    let tasks: Vec<_> = workers
        .into_iter()
        .map(|mut worker| {
            let (next, work) = (Arc::clone(&next), work.clone());
            tokio::spawn(async move {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= pieces {
                        break;
                    }
                    worker = work(worker, n).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    begun.elapsed()
}

/// How many times as long the store takes as the bare loop: the median over pairs that are measured right after each other, which
/// a disk or a neighbour that is slow for a while hardly moves.
fn ratio(what: &str, mut pair: impl FnMut() -> [Duration; 2]) {
    let mut ratios: Vec<_> =
        (0..41).map(|_| pair()).map(|[store, bare]| store.div_duration_f64(bare)).collect();
    ratios.sort_by(f64::total_cmp);
    println!("{what:<40} ratio: {:.2} [{:.2} {:.2}]", ratios[20], ratios[10], ratios[30]);
}

fn ratios(_: &mut Criterion) {
    let Some(cluster) = Cluster::start(Settings { durable: true, ..Settings::default() }) else { return };
    let runtime = Runtime::new().unwrap();
    let databases = [cluster.database(), cluster.database()];
    let [store, _other] = databases.each_ref().map(|database| {
        let location = Location::parse(&database.url()).unwrap();
        let options = Options { pool: 32, ..Options::default() };
        Arc::new(runtime.block_on(PostgresStore::open(&location, options)).unwrap())
    });
    let made = Arc::new(AtomicU64::new(0));
    for (writers, creates) in [(1, 150), (32, 640)] {
        let url = databases[1].url();
        ratio(&format!("creates by {writers}"), || {
            let stores = (0..writers).map(|_| Arc::clone(&store)).collect();
            let next = Arc::clone(&made);
            let by_store = move |store: Arc<PostgresStore>, _| {
                let n = next.fetch_add(1, Ordering::Relaxed);
                async move {
                    store.create_stream(create(n)).await.unwrap();
                    store
                }
            };
            let next = Arc::clone(&made);
            let by_hand = move |mut client: Bare, _| {
                let n = next.fetch_add(1, Ordering::Relaxed);
                async move {
                    client.create(create(n)).await;
                    client
                }
            };
            runtime.block_on(async {
                let clients = futures_util::future::join_all((0..writers).map(|_| Bare::connect(&url))).await;
                [measured(stores, creates, by_store).await, measured(clients, creates, by_hand).await]
            })
        });
    }
    runtime.block_on(store.close());
}

fn floor(criterion: &mut Criterion) {
    let Some(cluster) = Cluster::start(Settings { durable: true, ..Settings::default() }) else { return };
    let runtime = Runtime::new().unwrap();
    let open = |database: &Database| {
        let location = Location::parse(&database.url()).unwrap();
        let options = Options { pool: 32, ..Options::default() };
        Arc::new(runtime.block_on(PostgresStore::open(&location, options)).unwrap())
    };
    let bare = |database: &Database, clients: u64| {
        let url = database.url();
        runtime.block_on(async {
            futures_util::future::join_all((0..clients).map(|_| Bare::connect(&url))).await
        })
    };
    let made = Arc::new(AtomicU64::new(0));

    let mut group = criterion.benchmark_group("creates");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(8));
    for writers in WRITERS {
        // The same schema, and as many rows, for both.
        let databases = [cluster.database(), cluster.database()];
        let store = open(&databases[0]);
        group.bench_function(BenchmarkId::new("store", writers), |bencher| {
            bencher.iter_custom(|creates| {
                let workers = (0..writers).map(|_| Arc::clone(&store)).collect();
                let made = Arc::clone(&made);
                let work = move |store: Arc<PostgresStore>, _| {
                    let n = made.fetch_add(1, Ordering::Relaxed);
                    async move {
                        store.create_stream(create(n)).await.unwrap();
                        store
                    }
                };
                runtime.block_on(measured(workers, creates, work))
            });
        });
        runtime.block_on(open(&databases[1]).close());
        group.bench_function(BenchmarkId::new("bare", writers), |bencher| {
            bencher.iter_custom(|creates| {
                let workers = bare(&databases[1], writers);
                let made = Arc::clone(&made);
                let work = move |mut client: Bare, _| {
                    let n = made.fetch_add(1, Ordering::Relaxed);
                    async move {
                        client.create(create(n)).await;
                        client
                    }
                };
                runtime.block_on(measured(workers, creates, work))
            });
        });
        runtime.block_on(store.close());
    }
    group.finish();

    let database = cluster.database();
    let store = open(&database);
    let rows = 20_000;
    let fill = |store: Arc<PostgresStore>, n| async move {
        store.create_stream(create(n)).await.unwrap();
        store
    };
    runtime.block_on(measured((0..128).map(|_| Arc::clone(&store)).collect(), rows, fill));
    let mut group = criterion.benchmark_group("point_reads");
    group.throughput(Throughput::Elements(1)).sample_size(10).measurement_time(Duration::from_secs(5));
    for readers in WRITERS {
        group.bench_function(BenchmarkId::new("store", readers), |bencher| {
            bencher.iter_custom(|reads| {
                let workers = (0..readers).map(|_| Arc::clone(&store)).collect();
                let work = move |store: Arc<PostgresStore>, n: u64| async move {
                    store.stream(&id(n % rows)).await.unwrap().unwrap();
                    store
                };
                runtime.block_on(measured(workers, reads, work))
            });
        });
        group.bench_function(BenchmarkId::new("bare", readers), |bencher| {
            bencher.iter_custom(|reads| {
                let workers = bare(&database, readers);
                let work = move |client: Bare, n: u64| async move {
                    client.read(n % rows).await;
                    client
                };
                runtime.block_on(measured(workers, reads, work))
            });
        });
    }
    group.finish();
    runtime.block_on(store.close());
}

criterion_group!(benches, ratios, floor);
criterion_main!(benches);
