//! Claims of deliveries: their cost must not grow with what is settled or held.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use clap::Args;
use fluxora_delivery::Policy;
use fluxora_seal::Keyring;
use fluxora_store::Store;
use fluxora_store_postgres::PostgresStore;
use fluxora_store_postgres::testing::{Cluster, Settings as ClusterSettings};
use fluxora_store_sqlite::{Location, SqliteStore};
use jiff::{SignedDuration, Timestamp};

use crate::population;
use crate::report::Report;

/// Deliveries that are due in each measurement.
const DUE: u64 = 16;
const LEASE: SignedDuration = SignedDuration::from_secs(30);
const REPEATED: usize = 60;
const DELIVERIES: &str = "INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, settled_at, attempts, tries, \
                          claims, created_at) ";
const ENDPOINTS: &str = "INSERT INTO webhook_endpoints (id, url, description, filter, state, state_since, state_reason, headers, secrets, \
                         custom_headers, start_sequence, created_at, updated_at, version, breaker) ";

#[derive(Args)]
pub(crate) struct Settings {
    /// Settled deliveries of the largest measurement.
    #[arg(long, default_value_t = 10_000_000)]
    settled: u64,
    /// Held endpoints of the largest measurement.
    #[arg(long, default_value_t = 10_000)]
    held: u64,
    /// Deliveries that wait behind those that are due.
    #[arg(long, default_value_t = 100_000)]
    waiting: u64,
    /// Only the measurements of this backend: sqlite or postgres.
    #[arg(long)]
    only: Option<String>,
}

pub(crate) fn run(settings: &Settings, report: &mut Report) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let wants = |name: &str| settings.only.as_deref().is_none_or(|only| only == name);
    if wants("sqlite") {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("claims.db");
        let store =
            SqliteStore::open(&Location::File(file.clone()), fluxora_store_sqlite::Options::default())?;
        let numbers = |n: u64| {
            format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {n}) ")
        };
        let execute = |sql: &str| -> anyhow::Result<()> {
            let connection = rusqlite::Connection::open(&file)?;
            connection.busy_timeout(std::time::Duration::from_secs(60))?;
            Ok(connection.execute_batch(sql)?)
        };
        let history = |n: u64| {
            let rows = format!(
                "SELECT '{n}-' || n, (SELECT min(id) FROM webhook_endpoints), n, 's' || n % 1000, 'stream.created', x'00', \
                        'delivered', n, 1, 1, 1, n FROM n"
            );
            execute(&format!("{DELIVERIES} {} {rows}", numbers(n)))
        };
        let held = |n| {
            let rows = "SELECT 'held-' || n, url, '', filter, 'held', 1, 'gone', headers, secrets, x'', 0, 0, 0, 1, breaker \
                        FROM n JOIN webhook_endpoints p ON p.seq = 1";
            execute(&format!("{ENDPOINTS} {} {rows}", numbers(n)))
        };
        let waiting = |n: u64| {
            let rows = format!(
                "SELECT 'waiting-' || n, d.endpoint, 1000000000 + n, d.stream, d.type, x'00', 'pending', NULL, 0, 0, 0, n \
                 FROM n JOIN webhook_deliveries d ON d.seq = 1 + n % {DUE}"
            );
            execute(&format!("{DELIVERIES} {} {rows}", numbers(n)))
        };
        let store: Arc<dyn Store> = Arc::new(store);
        runtime.block_on(measure("sqlite", &store, settings, [&history, &held, &waiting], report))?;
    }
    if wants("postgres") {
        let cluster = Cluster::start(ClusterSettings { durable: true, tls: false });
        let cluster = cluster.context("PostgreSQL is not installed")?;
        let database = cluster.database();
        let execute = |sql: String| -> anyhow::Result<()> {
            database.sql(&sql);
            Ok(())
        };
        let history = |n: u64| {
            execute(format!(
                "{DELIVERIES} SELECT '{n}-' || n, (SELECT min(id) FROM webhook_endpoints), n, 's' || n % 1000, 'stream.created', '', \
                 'delivered', now(), 1, 1, 1, now() FROM generate_series(1, {n}) AS n; ANALYZE webhook_deliveries"
            ))
        };
        let held = |n: u64| {
            execute(format!(
                "{ENDPOINTS} SELECT 'held-' || n, url, '', filter, 'held', now(), 'gone', headers, secrets, '', 0, now(), now(), 1, \
                 breaker FROM generate_series(1, {n}) AS n, webhook_endpoints p WHERE p.seq = 1; ANALYZE webhook_endpoints"
            ))
        };
        let waiting = |n: u64| {
            execute(format!(
                "{DELIVERIES} SELECT 'waiting-' || n, d.endpoint, 1000000000 + n, d.stream, d.type, '', 'pending', NULL, 0, 0, 0, now() \
                 FROM generate_series(1, {n}) AS n JOIN webhook_deliveries d ON d.seq = 1 + n % {DUE}; ANALYZE webhook_deliveries"
            ))
        };
        runtime.block_on(async {
            let location = fluxora_store_postgres::Location::parse(&database.url())?;
            let store = PostgresStore::open(&location, fluxora_store_postgres::Options::default()).await?;
            let store: Arc<dyn Store> = Arc::new(store);
            measure("postgres", &store, settings, [&history, &held, &waiting], report).await
        })?;
    }
    Ok(())
}

/// Measures with 10 settled deliveries and no held endpoint, then with many rows of each kind, one kind after the other.
async fn measure(
    name: &str,
    store: &Arc<dyn Store>,
    settings: &Settings,
    [history, held, waiting]: [&dyn Fn(u64) -> anyhow::Result<()>; 3],
    report: &mut Report,
) -> anyhow::Result<()> {
    let endpoint = population::endpoint("https://receiver.example/", &Keyring::default(), None)?;
    store.create_endpoint(endpoint, false, u32::MAX).await?;
    for number in 0..DUE {
        store.create_stream(population::stream(number)?).await?;
    }
    store.fan_out(100, Timestamp::now()).await?;
    history(10)?;
    let few = repeat(store).await?;
    report.add(&format!("{name}: claim and give back {DUE}, 10 settled"), [("ms", few), ("ratio", 1.0)]);
    held(settings.held)?;
    let many = repeat(store).await?;
    let what = format!("{name}: the same, {} held endpoints", settings.held);
    report.add(&what, [("ms", many), ("ratio", many / few)]);
    waiting(settings.waiting)?;
    let many = repeat(store).await?;
    let what = format!("{name}: the same, {} deliveries that wait in the lanes too", settings.waiting);
    report.add(&what, [("ms", many), ("ratio", many / few)]);
    history(settings.settled)?;
    let many = repeat(store).await?;
    let what = format!("{name}: the same, {} settled deliveries too", settings.settled);
    report.add(&what, [("ms", many), ("ratio", many / few)]);
    store.close().await;
    Ok(())
}

/// The median time of claiming what is due and giving it back, in milliseconds.
async fn repeat(store: &Arc<dyn Store>) -> anyhow::Result<f64> {
    let mut times = Vec::with_capacity(REPEATED);
    for _ in 0..REPEATED {
        let begun = Instant::now();
        let claimed = store.claim("bench", 64, LEASE, &Policy::default(), Timestamp::now()).await?;
        let fences: Vec<_> = claimed.deliveries.iter().map(|one| one.fence).collect();
        ensure!(u64::try_from(fences.len())? == DUE, "{} deliveries were claimed", fences.len());
        store.release(fences, Timestamp::now()).await?;
        times.push(begun.elapsed().as_secs_f64() * 1_000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}
