//! Pages of every combination of filters over contract events that few of them match.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fluxora_indexer::{ChainPosition, Opaque};
use fluxora_store::Sequence;
use fluxora_store::chain::{Arrivals, ContractEventQuery, EventCursor};
use rusqlite::Connection;

use super::list::list;
use crate::{Location, open};

const EVENTS: u32 = 100_000;

/// A hundred events in each ledger, the rare topic in the last one only.
fn filled() -> Connection {
    let connection = open::writer(&Location::Memory, Duration::ZERO).unwrap().connection;
    let sql = format!(
        "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {EVENTS} / 100 - 1) \
         INSERT INTO ledgers (sequence, hash) SELECT n, 'h' || n FROM n; \
         WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {EVENTS} - 1) \
         INSERT INTO contract_events (id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
             happened_at, payload, class) \
         SELECT 'e' || n, n / 100, n % 100, 0, 0, 'C', iif(n + 1 < {EVENTS}, 'common', 'rare'), 't', n, '{{}}', 'unknown' FROM n; \
         ANALYZE"
    );
    connection.execute_batch(&sql).unwrap();
    connection
}

fn queries() -> Vec<ContractEventQuery> {
    let opaque = |text: &str| Opaque::new(text).unwrap();
    let middle = EventCursor {
        position: ChainPosition { ledger: 500, transaction: 50, operation: 0, event: 0 },
        id: opaque("e50050"),
    };
    let places = [
        (None, None),
        (Some(middle), None),
        (None, Some(Arrivals::after(Sequence(0)))),
        (None, Some(Arrivals::after(Sequence(50_000)))),
    ];
    let mut queries = Vec::new();
    for (after, arrivals) in places {
        for contract in [None, Some("C"), Some("none")] {
            for topic in [None, Some("common"), Some("rare")] {
                for (from_ledger, to_ledger) in
                    [(None, None), (Some(100), None), (None, Some(900)), (Some(998), Some(2))]
                {
                    queries.push(ContractEventQuery {
                        from_ledger,
                        to_ledger,
                        contract: contract.map(opaque),
                        topic: topic.map(opaque),
                        after: after.clone(),
                        until: None,
                        arrivals,
                        limit: 20,
                    });
                }
            }
        }
    }
    queries
}

#[test]
fn a_page_of_contract_events_of_any_filters_costs_a_bounded_number_of_steps() {
    /// A walk through all takes five times as many.
    const MOST_STEPS: u64 = 1_000_000;
    let mut connection = filled();
    let steps = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&steps);
    let count = move || {
        counter.fetch_add(100, Ordering::Relaxed);
        false
    };
    connection.progress_handler(100, Some(count)).unwrap();
    for query in queries() {
        steps.store(0, Ordering::Relaxed);
        list(&connection, &query).unwrap();
        let steps = steps.load(Ordering::Relaxed);
        assert!(steps <= MOST_STEPS, "{steps} steps for {query:?}");
    }
}
