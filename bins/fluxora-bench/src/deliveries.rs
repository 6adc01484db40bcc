//! Webhook deliveries: fan-out, dispatch and the database together, over real sockets.

use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Args;
use fluxora_delivery::Policy;
use fluxora_dispatch::{Dispatcher, Options, Sender};
use fluxora_egress::{Client, Limits, SystemResolver, tls_config};
use fluxora_seal::Keyring;
use fluxora_store::delivery::EndpointCreated;
use fluxora_store::{Clock, Store, StoreError};
use fluxora_store_postgres::PostgresStore;
use fluxora_store_postgres::testing::{Cluster, Settings as ClusterSettings};
use fluxora_store_sqlite::{Location, SqliteStore};
use fluxora_supervise::{ShutdownToken, Stop, Worker as _};
use fluxora_trace::Tracer;
use jiff::Timestamp;
use tokio::task::{JoinHandle, JoinSet};

use crate::report::Report;
use crate::sink::Sink;
use crate::{accounting, population};

/// How many streams are created at the same time.
const CREATED_AT_ONCE: u64 = 128;
/// How long one measurement may take.
const PATIENCE: Duration = Duration::from_secs(300);
/// Events whose way is timed when nothing else happens.
const TIMED: usize = 300;

#[derive(Args)]
pub(crate) struct Settings {
    /// Deliveries of one measurement.
    #[arg(long, default_value_t = 20_000)]
    deliveries: u64,
    /// Deliveries that are due at once in the measurement of memory.
    #[arg(long, default_value_t = 100_000)]
    backlog: u64,
    /// Attempts to one endpoint at the same time.
    #[arg(long, default_value_t = 16)]
    in_flight: u16,
    /// Only the measurements of this backend: sqlite or postgres.
    #[arg(long)]
    only: Option<String>,
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}

/// A database to measure on, with the process that works for it beside this one.
struct Backend {
    name: &'static str,
    store: Arc<dyn Store>,
    process: Option<u32>,
}

/// The workers of a server.
struct Workers {
    stops: [Stop; 2],
    running: [JoinHandle<()>; 2],
}

impl Workers {
    fn start(store: &Arc<dyn Store>, in_flight: u16) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let policy = fluxora_egress::Policy { allowed: "127.0.0.1:*".parse()?, plain_http: true };
        let client =
            Client::new(policy, Limits::default(), Arc::new(SystemResolver::default()), tls_config(None)?);
        let tracer = Arc::new(Tracer::disabled(RandomState::new()));
        let sender = Arc::new(Sender::new(client, Keyring::default(), Arc::clone(&clock), tracer, "bench"));
        let policy = Policy { max_in_flight: in_flight, ..Policy::default() };
        let options = Options { policy, ..Options::new("bench".to_owned()) };
        let dispatcher = Dispatcher::new(Arc::clone(store), sender, clock, || 0, options);
        let (stop_fan_out, first) = ShutdownToken::pair();
        let (stop_dispatcher, second) = ShutdownToken::pair();
        let fan_out = dispatcher.fan_out();
        let running = [
            tokio::spawn(async move { drop(fan_out.run(first).await) }),
            tokio::spawn(async move { drop(dispatcher.run(second).await) }),
        ];
        Ok(Self { stops: [stop_fan_out, stop_dispatcher], running })
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.stops.iter().for_each(Stop::request);
        for worker in self.running {
            worker.await?;
        }
        Ok(())
    }
}

pub(crate) fn run(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let wants = |name: &str| settings.only.as_deref().is_none_or(|only| only == name);
    if wants("sqlite") {
        let folder = tempfile::tempdir()?;
        let mut number = 0;
        runtime.block_on(measure(settings, report, async || {
            number += 1;
            let location = Location::File(folder.path().join(format!("{number}.db")));
            let store: Arc<dyn Store> =
                Arc::new(SqliteStore::open(&location, fluxora_store_sqlite::Options::default())?);
            Ok(Backend { name: "sqlite", store, process: None })
        }))?;
    }
    if wants("postgres") {
        let cluster = Cluster::start(ClusterSettings { durable: true, tls: false });
        let cluster = cluster.context("PostgreSQL is not installed")?;
        let process: u32 = cluster.process().trim().parse()?;
        runtime.block_on(measure(settings, report, async || {
            let location = fluxora_store_postgres::Location::parse(&cluster.database().url())?;
            let store = PostgresStore::open(&location, fluxora_store_postgres::Options::default()).await?;
            Ok(Backend { name: "postgres", store: Arc::new(store), process: Some(process) })
        }))?;
    }
    Ok(())
}

/// Every measurement on one backend, each on a fresh database.
async fn measure(
    settings: &Settings,
    report: &mut Report,
    mut open: impl AsyncFnMut() -> anyhow::Result<Backend>,
) -> anyhow::Result<()> {
    let Settings { deliveries, backlog, in_flight, .. } = *settings;
    for (receivers, hanging, total) in
        [(1, 0, deliveries), (100, 0, deliveries), (100, 1, deliveries), (100, 0, backlog)]
    {
        let backend = open().await?;
        let sink = Sink::start(receivers, hanging)?;
        let what = match hanging {
            0 => format!("{}: {total} deliveries to {receivers}", backend.name),
            _ => format!("{}: {total} deliveries to {receivers}, one hangs", backend.name),
        };
        drain(&backend, &sink, hanging, total, in_flight, &what, report).await?;
    }
    let backend = open().await?;
    latency(&backend, in_flight, report).await
}

/// Sends deliveries that are due already, and reports rate, cost and memory.
async fn drain(
    backend: &Backend,
    sink: &Sink,
    hanging: usize,
    deliveries: u64,
    in_flight: u16,
    what: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let receivers = u64::try_from(sink.addresses.len())?;
    let events = deliveries / receivers.max(1);
    create(&backend.store, events).await?;
    register(backend, sink).await?;
    let expected = events.saturating_mul(receivers.saturating_sub(u64::try_from(hanging)?));
    let cpu = || -> anyhow::Result<[Duration; 2]> {
        let of_this = accounting::cpu(std::process::id())?.saturating_sub(sink.cpu()?);
        let of_database = backend.process.map_or(Ok(Duration::ZERO), accounting::cpu_with_children)?;
        Ok([of_this, of_database])
    };
    let ([this, database], [before, _]) = (cpu()?, accounting::resident(std::process::id())?);
    let begun = Instant::now();
    let workers = Workers::start(&backend.store, in_flight)?;
    let mut largest = before;
    while backend.store.delivery_figures(Timestamp::now()).await?.delivered < expected {
        ensure!(begun.elapsed() < PATIENCE, "{what}: {} of {expected} received", sink.received());
        tokio::time::sleep(Duration::from_millis(100)).await;
        largest = largest.max(accounting::resident(std::process::id())?[0]);
    }
    let took = sink.last().duration_since(begun).as_secs_f64();
    let [this_after, database_after] = cpu()?;
    workers.stop().await?;
    let count = f64::from(u32::try_from(expected)?);
    let milliseconds = |time: Duration| time.as_secs_f64() * 1_000.0 / count;
    let megabytes = |bytes: u64| f64::from(u32::try_from(bytes / 1_024).unwrap_or(u32::MAX)) / 1_024.0;
    report.add(
        what,
        [
            ("per_second", count / took),
            ("cpu_ms", milliseconds(this_after.saturating_sub(this))),
            ("database_cpu_ms", milliseconds(database_after.saturating_sub(database))),
            ("rss_before_mb", megabytes(before)),
            ("rss_largest_mb", megabytes(largest)),
        ],
    );
    backend.store.close().await;
    Ok(())
}

/// Times the way of single events from their commit to the first byte at the receiver.
async fn latency(backend: &Backend, in_flight: u16, report: &mut Report) -> anyhow::Result<()> {
    let sink = Sink::start(1, 0)?;
    register(backend, &sink).await?;
    let workers = Workers::start(&backend.store, in_flight)?;
    let mut times = Vec::with_capacity(TIMED);
    for number in 0..TIMED {
        backend.store.create_stream(population::stream(u64::try_from(number)?)?).await?;
        let committed = Instant::now();
        while sink.received() <= u64::try_from(number)? {
            ensure!(committed.elapsed() < PATIENCE, "an event does not arrive");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        times.push(sink.last().saturating_duration_since(committed).as_secs_f64() * 1_000.0);
        // So that the next event finds everything at rest.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    workers.stop().await?;
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times.get(times.len() * percent / 100).copied().unwrap_or_default();
    let what = format!("{}: commit to first byte, idle", backend.name);
    report.add(&what, [("p50_ms", at(50)), ("p99_ms", at(99))]);
    backend.store.close().await;
    Ok(())
}

async fn register(backend: &Backend, sink: &Sink) -> anyhow::Result<()> {
    let keyring = Keyring::default();
    for address in &sink.addresses {
        let endpoint = population::endpoint(&format!("http://{address}/hooks"), &keyring, None)?;
        // No event was fanned out yet: none of them is behind.
        let created = backend.store.create_endpoint(endpoint, false, u32::MAX).await?;
        ensure!(matches!(created, EndpointCreated::Done(_)), "an endpoint is not created");
    }
    Ok(())
}

async fn create(store: &Arc<dyn Store>, streams: u64) -> anyhow::Result<()> {
    let mut creating = JoinSet::<Result<(), StoreError>>::new();
    for number in 0..streams {
        if u64::try_from(creating.len())? >= CREATED_AT_ONCE {
            creating.join_next().await.context("a create is under way")???;
        }
        let (store, create) = (Arc::clone(store), population::stream(number)?);
        creating.spawn(async move { store.create_stream(create).await.map(drop) });
    }
    while let Some(created) = creating.join_next().await {
        created??;
    }
    Ok(())
}
