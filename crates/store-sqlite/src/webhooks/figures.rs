use fluxora_store::StoreError;
use fluxora_store::delivery::DeliveryFigures;
use fluxora_store::rows::sequence;
use jiff::Timestamp;
use rusqlite::{Connection, Row};

use super::select;
use crate::columns;
use crate::faults::Attempt;
use crate::streams::log;

const QUEUES: &str = "SELECT state, count(*), coalesce(sum(pending), 0), coalesce(sum(dead), 0), coalesce(sum(delivered), 0), \
     coalesce(sum(breaker LIKE '{\"open\"%'), 0) FROM webhook_endpoints WHERE deleted_at IS NULL GROUP BY state";
const REST: &str = "SELECT (SELECT cursor FROM webhook_fan_out), \
     (SELECT count(*) FROM webhook_deliveries WHERE state = 'in_flight'), \
     (SELECT count(*) FROM webhook_replays WHERE state = 'running'), \
     (SELECT min((SELECT min(claimable_at) FROM webhook_deliveries WHERE endpoint = p.id AND claimable_at <= ?1)) \
      FROM webhook_endpoints p WHERE runnable_at <= ?1)";

/// Counts from the endpoints, and looks each runnable one up in the index of what is due.
pub(crate) fn figures(connection: &Connection, now: Timestamp) -> Result<DeliveryFigures, StoreError> {
    let what = "reading the figures of delivery";
    let mut figures = DeliveryFigures { head: log::head(connection)?, ..DeliveryFigures::default() };
    let decode = |row: &Row<'_>| {
        let read = || Ok((row.get(0)?, [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?]));
        read().attempt(what)
    };
    let rows: Vec<(String, [u64; 5])> = select(connection, what, QUEUES, [], decode)?;
    for (state, [endpoints, pending, dead, delivered, open]) in rows {
        match state.as_str() {
            "active" => {
                figures.active_endpoints = endpoints;
                figures.pending = pending;
                figures.open_breakers = open;
            }
            "paused" => figures.paused_endpoints = endpoints,
            _ => figures.held_endpoints = endpoints,
        }
        if state != "active" {
            figures.held = figures.held.saturating_add(pending);
        }
        figures.dead = figures.dead.saturating_add(dead);
        figures.delivered = figures.delivered.saturating_add(delivered);
    }
    let read = || {
        let mut statement = connection.prepare_cached(REST)?;
        statement.query_row([columns::instant(now)], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, Option<i64>>(3)?))
        })
    };
    let (cursor, in_flight, running, oldest) = read().attempt(what)?;
    figures.fanned_out = sequence(cursor);
    figures.in_flight = in_flight;
    figures.running_replays = running;
    figures.oldest_due = oldest.and_then(|at| Timestamp::from_millisecond(at).ok());
    Ok(figures)
}
