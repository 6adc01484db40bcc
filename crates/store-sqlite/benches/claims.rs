//! What claiming and giving back 16 deliveries costs: with 10 and with 1,000,000 settled deliveries, with 10,000 held
//! endpoints, and with a backlog of 100,000 deliveries of one endpoint. It should be the same.
//!
//! `cargo bench -p fluxora-store-sqlite --bench claims`
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a bench measures time and may stop at a fault"
)]

mod population;

use std::path::Path;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fluxora_delivery::{Endpoint, EndpointId, EndpointState, HeaderProfile, Ordering, Policy};
use fluxora_store::{DeliveryStore, EndpointStore, Sequence, StreamStore};
use fluxora_store_sqlite::{Location, Options, SqliteStore};
use fluxora_stream::EventFilter;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use tokio::runtime::Runtime;

const CLAIMED: u64 = 16;
const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// Rows beside the 16 deliveries that are due.
struct Rows {
    name: &'static str,
    settled: u64,
    held_endpoints: u64,
    backlog: u64,
}

const CASES: [Rows; 4] = [
    Rows { name: "10 settled", settled: 10, held_endpoints: 1, backlog: 0 },
    Rows { name: "1,000,000 settled", settled: 1_000_000, held_endpoints: 1, backlog: 0 },
    Rows { name: "10,000 held endpoints", settled: 10, held_endpoints: 10_000, backlog: 0 },
    Rows { name: "100,000 waiting", settled: 10, held_endpoints: 1, backlog: 100_000 },
];

fn endpoint() -> Endpoint {
    Endpoint {
        id: EndpointId::new(population::uuid(1)),
        owner: None,
        url: "https://receiver.example".to_owned(),
        description: String::new(),
        filter: EventFilter::default(),
        state: EndpointState::Active,
        headers: HeaderProfile::Contract,
        ordering: Ordering::default(),
        secrets: Vec::new(),
        custom_headers: Vec::new(),
        rate_limit: None,
        start_sequence: Sequence(0),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        version: 1,
    }
}

/// 16 due deliveries of one endpoint, and the rows of a case.
async fn filled(path: &Path, rows: &Rows) -> SqliteStore {
    let store = SqliteStore::open(&Location::File(path.to_owned()), Options::default()).unwrap();
    store.create_endpoint(endpoint(), false, 9).await.unwrap();
    for n in 0..CLAIMED {
        store.create_stream(population::create(n, 10)).await.unwrap();
    }
    store.fan_out(100, population::made_at(100)).await.unwrap();
    let Rows { settled, held_endpoints, backlog, .. } = rows;
    let other = Connection::open(path).unwrap();
    let numbers =
        |n: &u64| format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {n}) ");
    let columns = "INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, settled_at, attempts, tries, claims, \
                   created_at)";
    let id = endpoint().id;
    let history = format!(
        "{}{columns} SELECT 'settled-' || n, '{id}', n, 's' || n % 1000, 'stream.created', zeroblob(500), 'delivered', n, 1, 1, 1, n FROM n",
        numbers(settled)
    );
    other.execute_batch(&history).unwrap();
    if *backlog > 0 {
        // Behind the deliveries that are due: in their lanes, without a turn.
        let waiting = format!(
            "{}{columns} SELECT 'waiting-' || n, d.endpoint, 1000 + n, d.stream, d.type, zeroblob(500), 'pending', NULL, 0, 0, 0, n \
             FROM n JOIN webhook_deliveries d ON d.seq = 1 + n % {CLAIMED}",
            numbers(backlog)
        );
        other.execute_batch(&waiting).unwrap();
    }
    let held = format!(
        "{}INSERT INTO webhook_endpoints (id, url, description, filter, state, state_since, state_reason, headers, secrets, custom_headers, \
         start_sequence, created_at, updated_at, version, breaker) \
         SELECT 'held-' || n, url, '', filter, 'held', 1, 'gone', headers, secrets, x'', 0, 0, 0, 1, breaker \
         FROM n JOIN webhook_endpoints p ON p.seq = 1",
        numbers(held_endpoints)
    );
    other.execute_batch(&held).unwrap();
    store
}

fn claims(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = criterion.benchmark_group("claim and give back 16 deliveries");
    group.sample_size(30);
    for rows in &CASES {
        let folder = tempfile::tempdir().unwrap();
        let store = runtime.block_on(filled(&folder.path().join("claims.db"), rows));
        let (policy, now) = (Policy::default(), population::made_at(200));
        group.bench_with_input(BenchmarkId::from_parameter(rows.name), rows, |bench, _| {
            bench.iter(|| {
                runtime.block_on(async {
                    let claimed = store.claim("worker", 64, LEASE, &policy, now).await.unwrap();
                    let fences: Vec<_> = claimed.deliveries.iter().map(|one| one.fence).collect();
                    assert_eq!(fences.len(), usize::try_from(CLAIMED).unwrap());
                    store.release(fences, now).await.unwrap();
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, claims);
criterion_main!(benches);
