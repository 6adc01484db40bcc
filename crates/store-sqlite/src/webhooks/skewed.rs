//! Pages of every combination of filters over rows that few of them match.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fluxora_delivery::{DeliveryStatus, EndpointId};
use fluxora_store::Sequence;
use fluxora_store::delivery::{DeliveryQuery, EndpointQuery, ReplayQuery};
use fluxora_stream::{EventKind, StreamId};
use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::{lists, replays};
use crate::{Location, open};

const ROWS: u32 = 100_000;
/// A walk through all takes ten times as many.
const MOST_STEPS: u64 = 600_000;
const BUSY: &str = "busy";
const QUIET: &str = "quiet";

fn endpoint(n: u32) -> EndpointId {
    EndpointId::new(Uuid::from_u128(n.into()))
}

/// Two endpoints with deliveries, the second one of another owner and with the oldest deliveries only. The oldest deliveries
/// have the rare statuses; all others are delivered. Of the other endpoints, which have a replay each, all but the oldest are deleted.
fn filled() -> Connection {
    let connection = open::writer(&Location::Memory, Duration::ZERO).unwrap().connection;
    let [stream, other] = [1, 2].map(|n| StreamId::Api(Uuid::from_u128(n)).to_string());
    let [first, second] = [1, 2].map(|n| endpoint(n).to_string());
    let numbers =
        format!("WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {ROWS})");
    let sql = format!(
        "{numbers} INSERT INTO webhook_endpoints (id, owner, url, description, filter, state, state_since, state_reason, headers, \
             secrets, custom_headers, start_sequence, created_at, updated_at, version, deleted_at, breaker) \
         SELECT printf('00000000-0000-0000-0000-%012x', n), iif(n = 2, '{QUIET}', '{BUSY}'), 'u', '', '{{\"v\":1}}', 'active', NULL, NULL, \
             'contract', '[]', x'', 0, n, n, 1, iif(n > 10, 1, NULL), '{{}}' FROM n; \
         {numbers} INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, reason, claimable_at, worker, \
             claimed_at, settled_at, attempts, tries, claims, created_at) \
         SELECT printf('%08x-0000-4000-8000-000000000000', n), iif(n <= 300, '{second}', '{first}'), n, \
             iif(n % 3 = 0, '{other}', '{stream}'), iif(n <= 300, 'stream.cancelled', 'stream.created'), x'', \
             iif(n > 300, 'delivered', iif(n > 200, 'dead', iif(n > 100, 'cancelled', iif(n > 50, 'pending', 'in_flight')))), \
             iif(n BETWEEN 201 AND 300, 'exhausted', NULL), iif(n <= 50, n, NULL), iif(n <= 50, 'w', NULL), iif(n <= 50, n, NULL), \
             iif(n > 100, n, NULL), 1, 1, 1, n FROM n; \
         {numbers} INSERT INTO webhook_replays (id, endpoint, filter, state, created_at, finished_at, cursor, upto, total, replayed) \
         SELECT printf('00000000-0000-0000-0001-%012x', n), iif(n = 1, '{second}', '{first}'), '{{\"v\":1}}', 'done', n, n, 0, 0, 0, 0 \
         FROM n; ANALYZE"
    );
    connection.execute_batch(&sql).unwrap();
    connection
}

fn owners() -> [Option<Option<String>>; 4] {
    [None, Some(None), Some(Some(QUIET.to_owned())), Some(Some("none".to_owned()))]
}

fn deliveries() -> Vec<DeliveryQuery> {
    let stream = StreamId::Api(Uuid::from_u128(1));
    let instant = |at| Timestamp::from_millisecond(at).unwrap();
    let mut queries = Vec::new();
    for status in std::iter::once(None).chain(DeliveryStatus::ALL.map(Some)) {
        for owner in owners() {
            for bits in 0..32_u8 {
                let given = |bit: u8| bits & bit != 0;
                queries.push(DeliveryQuery {
                    owner: owner.clone(),
                    endpoint: given(1).then(|| endpoint(1)),
                    status,
                    stream: given(2).then_some(stream),
                    kind: given(4).then_some(EventKind::Cancelled),
                    created_from: given(8).then(|| instant(9_000_000_000)),
                    created_until: given(16).then(|| instant(0)),
                    before: None,
                    limit: 20,
                });
            }
        }
    }
    queries
}

#[test]
fn a_page_of_any_filters_costs_a_bounded_number_of_steps() {
    let mut connection = filled();
    let steps = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&steps);
    let count = move || {
        counter.fetch_add(100, Ordering::Relaxed);
        false
    };
    connection.progress_handler(100, Some(count)).unwrap();
    let connection = &connection;
    let check = |what: String, read: &dyn Fn()| {
        steps.store(0, Ordering::Relaxed);
        read();
        let steps = steps.load(Ordering::Relaxed);
        assert!(steps <= MOST_STEPS, "{steps} steps for {what}");
    };
    for before in [None, Some(Sequence(50_000))] {
        for query in deliveries() {
            let query = DeliveryQuery { before, ..query };
            check(format!("{query:?}"), &|| drop(lists::deliveries(connection, &query).unwrap()));
        }
        for owner in owners() {
            let query = EndpointQuery { owner: owner.clone(), before, limit: 20 };
            let (sql, values) = lists::statement_of_endpoints(
                &query,
                lists::floor(connection, "test", Some(lists::window_of_endpoints(&query))).unwrap(),
            );
            check(format!("{query:?}"), &|| {
                let mut statement = connection.prepare(&sql).unwrap();
                let mut rows = statement.query(rusqlite::params_from_iter(values.clone())).unwrap();
                while rows.next().unwrap().is_some() {}
            });
            for endpoint in [None, Some(endpoint(1)), Some(endpoint(2))] {
                let query = ReplayQuery { owner: owner.clone(), endpoint, before, limit: 20 };
                let (sql, values) = replays::statement(
                    &query,
                    lists::floor(connection, "test", replays::window(&query)).unwrap(),
                );
                check(format!("{query:?}"), &|| {
                    let mut statement = connection.prepare(&sql).unwrap();
                    let mut rows = statement.query(rusqlite::params_from_iter(values.clone())).unwrap();
                    while rows.next().unwrap().is_some() {}
                });
            }
        }
    }
}

/// The pages of a filter hold every delivery that meets it once, however few of the window do.
#[test]
fn the_pages_of_a_rare_status_hold_every_delivery() {
    let connection = filled();
    for (status, expect) in [
        (DeliveryStatus::InFlight, 50),
        (DeliveryStatus::Pending, 50),
        (DeliveryStatus::Cancelled, 100),
        (DeliveryStatus::Dead, 100),
        (DeliveryStatus::Held, 0),
    ] {
        let owner = Some(Some(QUIET.to_owned()));
        let mut query = DeliveryQuery { status: Some(status), owner, limit: 30, ..DeliveryQuery::default() };
        let mut found = Vec::new();
        loop {
            let page = lists::deliveries(&connection, &query).unwrap();
            found.extend(page.deliveries.iter().map(|listed| listed.sequence));
            query.before = page.next;
            if page.next.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), expect, "{status:?}");
        assert!(found.is_sorted_by(|a, b| a > b), "{status:?}");
    }
}
