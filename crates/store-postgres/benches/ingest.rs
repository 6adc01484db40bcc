//! What ingestion costs over the rows it writes: batches of 100 contract events through the store, and the same rows by a bare loop
//! over tokio-postgres, on the same private server, in the same run, with commits that reach the disk.
//!
//! `cargo bench -p fluxora-store-postgres --bench ingest -- [batches]`. Each batch is a ledger of 50 transactions: a transfer, and a
//! creation (one in ten) or a withdrawal of a stream made before. The bare loop has nothing to find out: it writes in bulk what the
//! store has made of the batch, one statement for each table, and awaits each.
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

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fluxora_indexer::{Batch, Rules};
use fluxora_store::conformance::traffic::{self, EVENTS};
use fluxora_store::{ChainStore, Store};
use fluxora_store_postgres::testing::{Cluster, Settings};
use fluxora_store_postgres::{Location, Options, PostgresStore};
use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};

/// So many batches by the one, and then by the other: a disk or a neighbour that is slow for a while hardly moves their ratio.
const LAP: u64 = 20;

#[tokio::main]
async fn main() {
    let batches = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1_000_u64);
    let Some(cluster) = Cluster::start(Settings { durable: true, ..Settings::default() }) else { return };
    let databases = [cluster.database(), cluster.database()];
    let open = async |url: String| {
        PostgresStore::open(&Location::parse(&url).unwrap(), Options::default()).await.unwrap()
    };
    let store = open(databases[0].url()).await;
    open(databases[1].url()).await.close().await;
    let reader = connect(&databases[0].url()).await;
    let bare = Bare::connect(&databases[1].url()).await;
    let (mut laps, mut last_read) = (Vec::new(), 0);
    for first in (1..=batches).step_by(usize::try_from(LAP).unwrap()) {
        let lap: Vec<_> = (first..first + LAP).map(|ledger| (ledger, batch(ledger))).collect();
        let begun = Instant::now();
        for (_, batch) in &lap {
            let now = Timestamp::from_second(1_800_000_000).unwrap();
            let taken = store.ingest(Arc::clone(batch), Rules::default(), now).await.unwrap().unwrap();
            assert_eq!(u64::try_from(taken.inserted.len()), Ok(EVENTS));
            assert!(taken.unprojected.is_empty(), "{:?}", taken.unprojected);
        }
        let by_store = begun.elapsed();
        let mut made = Vec::new();
        let mut emitted = emitted(&reader, &mut last_read).await;
        for ledger in first..first + LAP {
            made.push(Made::read(&reader, ledger, emitted.remove(&(ledger - 1)).unwrap_or_default()).await);
        }
        let begun = Instant::now();
        for (made, (ledger, batch)) in made.iter().zip(&lap) {
            bare.write(*ledger, batch, made).await;
        }
        laps.push([by_store, begun.elapsed()]);
        if (first + LAP - 1).is_multiple_of(200) {
            report(&laps[laps.len() - 10..], (first + LAP - 1) * EVENTS);
        }
    }
    store.close().await;
    report(&laps, laps.len() as u64 * LAP * EVENTS);
}

fn report(laps: &[[Duration; 2]], stored: u64) {
    let events = laps.len() as f64 * (LAP * EVENTS) as f64;
    let rate = |of: usize| events / laps.iter().map(|lap| lap[of].as_secs_f64()).sum::<f64>();
    let mut ratios: Vec<_> = laps.iter().map(|[store, bare]| store.div_duration_f64(*bare)).collect();
    ratios.sort_by(f64::total_cmp);
    let [low, median, high] = [1, 2, 3].map(|quarter| ratios[ratios.len() * quarter / 4]);
    println!(
        "{stored:>9} events stored: {:>6.0} events/s by the store, {:>6.0} by the bare loop; ratio of times {median:.2} [{low:.2} {high:.2}]",
        rate(0),
        rate(1)
    );
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The ledger with this sequence, from 1 on.
fn batch(sequence: u64) -> Arc<Batch> {
    traffic::ledger(sequence - 1)
}

/// Columns of a table, with the types that texts are cast to.
type Columns = &'static [(&'static str, &'static str)];

const CONTRACT_EVENTS: Columns = &[
    ("id", "text"),
    ("ledger", "bigint"),
    ("tx_index", "bigint"),
    ("operation_index", "bigint"),
    ("event_index", "bigint"),
    ("contract_id", "text"),
    ("topic", "text"),
    ("tx_hash", "text"),
    ("happened_at", "timestamptz"),
    ("payload", "json"),
    ("class", "text"),
    ("stream", "numeric"),
    ("other", "numeric"),
];
const STREAMS: Columns = &[
    ("id", "text"),
    ("origin", "text"),
    ("contract_id", "text"),
    ("sender", "text"),
    ("recipient", "text"),
    ("deposit", "numeric"),
    ("rate", "numeric"),
    ("start_time", "numeric"),
    ("cliff_time", "numeric"),
    ("end_time", "numeric"),
    ("withdrawn", "numeric"),
    ("status", "text"),
    ("status_at", "timestamptz"),
    ("created_at", "timestamptz"),
    ("updated_at", "timestamptz"),
    ("events", "bigint"),
    ("kind", "text"),
    ("checkpoint_amount", "numeric"),
    ("checkpoint_at", "numeric"),
    ("chain", "json"),
];
const STREAM_EVENTS: Columns = &[
    ("stream", "bigint"),
    ("number", "bigint"),
    ("type", "text"),
    ("occurred_at", "timestamptz"),
    ("recorded_at", "timestamptz"),
    ("data", "json"),
];

fn listed(columns: Columns, each: impl Fn(usize, &str, &str) -> String) -> String {
    let each = columns.iter().enumerate().map(|(n, (name, kind))| each(n + 1, name, kind));
    each.collect::<Vec<_>>().join(", ")
}

/// Rows as columns of texts.
#[derive(Default)]
struct Rows(Vec<Vec<Option<String>>>);

impl Rows {
    async fn read(
        client: &Client,
        table: &str,
        columns: Columns,
        rest: &str,
        value: &(dyn ToSql + Sync),
    ) -> Self {
        let names = listed(columns, |_, name, _| format!("{name}::text"));
        let rows = client.query(&format!("SELECT {names} FROM {table} {rest}"), &[value]).await.unwrap();
        Self((0..columns.len()).map(|n| rows.iter().map(|row| row.get(n)).collect()).collect())
    }

    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.0.iter().map(|column| -> &(dyn ToSql + Sync) { column }).collect()
    }
}

/// The stream events committed since the last read, by the ledger of their cause, as positions in the event log.
async fn emitted(client: &Client, last_read: &mut i64) -> BTreeMap<u64, Vec<i64>> {
    let sql = "SELECT seq, (data->'cause'->>'ledger')::bigint FROM stream_events WHERE seq > $1 ORDER BY seq";
    let mut emitted: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for row in client.query(sql, &[last_read]).await.unwrap() {
        *last_read = row.get(0);
        emitted.entry(u64::try_from(row.get::<_, i64>(1)).unwrap()).or_default().push(*last_read);
    }
    emitted
}

/// What the store made of a batch.
struct Made {
    events: Rows,
    inserted: Rows,
    updated: Rows,
    last_read: Rows,
}

impl Made {
    async fn read(client: &Client, ledger: u64, last_read: Vec<i64>) -> Self {
        let of = |created: &str| {
            format!(
                "WHERE seq IN (SELECT stream FROM stream_events WHERE seq = ANY($1) AND (type = 'stream.created') = {created}) ORDER BY seq"
            )
        };
        let ledger = i64::try_from(ledger).unwrap();
        Self {
            events: Rows::read(client, "contract_events", CONTRACT_EVENTS, "WHERE ledger = $1", &ledger)
                .await,
            inserted: Rows::read(client, "streams", STREAMS, &of("true"), &last_read).await,
            updated: Rows::read(client, "streams", STREAMS, &of("false"), &last_read).await,
            last_read: Rows::read(
                client,
                "stream_events",
                STREAM_EVENTS,
                "WHERE seq = ANY($1) ORDER BY seq",
                &last_read,
            )
            .await,
        }
    }
}

/// A client as one would write it by hand: prepared statements, a table's rows at once, one transaction.
struct Bare {
    client: Client,
    ledger: Statement,
    events: Statement,
    inserted: Statement,
    updated: Statement,
    last_read: Statement,
    state: Statement,
}

impl Bare {
    async fn connect(url: &str) -> Self {
        let client = connect(url).await;
        // As in the store's sessions. Without the last, the cost that a forbidden scan is given makes the server compile a statement
        // of one row each time, which takes longer than all others together.
        let settings = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off; \
                        SET enable_mergejoin = off; SET enable_sort = off; SET enable_bitmapscan = off; SET jit = off";
        client.batch_execute(settings).await.unwrap();
        let from = |columns: Columns| {
            let (arrays, names) = (
                listed(columns, |n, _, _| format!("${n}::text[]")),
                listed(columns, |_, name, _| name.to_owned()),
            );
            format!("FROM unnest({arrays}) AS new ({names})")
        };
        let values = |columns: Columns| listed(columns, |_, name, kind| format!("new.{name}::{kind}"));
        let insert = |table: &str, columns: Columns| {
            let names = listed(columns, |_, name, _| name.to_owned());
            format!("INSERT INTO {table} ({names}) SELECT {} {}", values(columns), from(columns))
        };
        let update = format!(
            "UPDATE streams SET ({}) = ROW ({}) {} WHERE streams.id = new.id",
            listed(STREAMS, |_, name, _| name.to_owned()),
            values(STREAMS),
            from(STREAMS)
        );
        let ledger = "INSERT INTO ledgers VALUES ($1::bigint, $2, $3, $4)";
        let state = "UPDATE chain_state SET tip_ledger = $1::bigint, tip_hash = $2, last_safe = $1::bigint - 1, events = events + 100, \
                     pending = 100, synced_at = now()";
        Self {
            ledger: client.prepare(ledger).await.unwrap(),
            events: client.prepare(&insert("contract_events", CONTRACT_EVENTS)).await.unwrap(),
            inserted: client.prepare(&insert("streams", STREAMS)).await.unwrap(),
            updated: client.prepare(&update).await.unwrap(),
            last_read: client.prepare(&insert("stream_events", STREAM_EVENTS)).await.unwrap(),
            state: client.prepare(state).await.unwrap(),
            client,
        }
    }

    async fn write(&self, ledger: u64, batch: &Batch, made: &Made) {
        let Self { client, .. } = self;
        let (sequence, closed) = (i64::try_from(ledger).unwrap(), batch.events()[0].happened_at);
        let [hash, previous] = [ledger, ledger - 1].map(|ledger| traffic::hash(ledger).to_string());
        client.batch_execute("BEGIN").await.unwrap();
        client.execute(&self.ledger, &[&sequence, &hash, &previous, &closed]).await.unwrap();
        client.execute(&self.events, &made.events.parameters()).await.unwrap();
        client.execute(&self.inserted, &made.inserted.parameters()).await.unwrap();
        client.execute(&self.updated, &made.updated.parameters()).await.unwrap();
        client.execute(&self.last_read, &made.last_read.parameters()).await.unwrap();
        client.execute(&self.state, &[&sequence, &hash]).await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
    }
}
