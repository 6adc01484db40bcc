use fluxora_delivery::{Attempt as DeliveryAttempt, Delivery, DeliveryId, EndpointId};
use fluxora_store::delivery::{InFlight, Lane, StoredDelivery};
use fluxora_store::rows::{sequence, webhook_attempt, webhook_delivery};
use fluxora_store::{Sequence, StoreError};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, params};

use super::endpoints::json;
use super::{execute, find, select};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`webhook_delivery`] reads, in its order.
macro_rules! delivery_columns {
    () => {
        delivery_columns!("d.body")
    };
    ($body:literal) => {
        concat!(
            "d.seq, d.id, d.endpoint, d.sequence, d.stream, d.type, ",
            $body,
            ", d.state, d.claimable_at, d.reason, d.worker, d.claimed_at, d.settled_at, d.attempts, d.tries, \
             d.first_attempt_at, d.claims, d.created_at, d.blocks_until, d.replay_of"
        )
    };
}
pub(crate) use delivery_columns;

/// The columns that [`webhook_attempt`] reads, in its order.
macro_rules! attempt_columns {
    () => {
        "a.seq, a.delivery, a.number, a.outcome, a.started_at, a.duration_ms, a.status, a.retry_after_ms, a.excerpt, a.worker, \
         a.details"
    };
}
pub(crate) use attempt_columns;

macro_rules! deliveries {
    ($($rest:literal),+) => {
        concat!("SELECT ", delivery_columns!(), " FROM webhook_deliveries d ", $($rest),+)
    };
}

pub(super) const BY_ID: &str = deliveries!("WHERE d.id = ?1");
pub(super) const COPIES: &str =
    deliveries!("INDEXED BY webhook_deliveries_copies WHERE d.replay_of = ?1 ORDER BY d.seq");
pub(super) const DUE: &str =
    deliveries!("WHERE d.endpoint = ?1 AND d.claimable_at <= ?2 ORDER BY d.claimable_at, d.seq LIMIT ?3");
pub(super) const LANE_HEAD: &str = deliveries!(
    "WHERE d.endpoint = ?1 AND d.stream = ?2 AND d.settled_at IS NULL AND d.blocks_until IS NULL ORDER BY d.sequence LIMIT 1"
);
pub(super) const LANE_TURN: &str = deliveries!(
    "INDEXED BY webhook_deliveries_lanes WHERE d.endpoint = ?1 AND d.stream = ?2 AND d.settled_at IS NULL ",
    "AND d.blocks_until IS NULL AND d.claimable_at IS NOT NULL ORDER BY d.sequence LIMIT 1"
);
pub(super) const IS_OPEN: &str = "SELECT EXISTS (SELECT 1 FROM webhook_deliveries \
                                  WHERE endpoint = ?1 AND stream = ?2 AND settled_at IS NULL AND blocks_until IS NULL)";
pub(super) const BLOCK: &str = "SELECT blocks_until FROM webhook_deliveries INDEXED BY webhook_deliveries_blocking \
     WHERE endpoint = ?1 AND stream = ?2 AND blocks_until > ?3 ORDER BY blocks_until DESC LIMIT 1";
pub(super) const FREE_LANES: &str = "UPDATE webhook_deliveries INDEXED BY webhook_deliveries_blocking SET blocks_until = NULL \
     WHERE endpoint = ?1 AND blocks_until IS NOT NULL AND state = 'dead'";
pub(super) const IN_FLIGHT: &str = "SELECT count(*), min(claimable_at) FROM webhook_deliveries \
                                    WHERE endpoint = ?1 AND state = 'in_flight' AND claimable_at > ?2";
pub(super) const IN_FLIGHT_OF_OWNER: &str = "SELECT count(*) FROM webhook_endpoints p INDEXED BY webhook_endpoints_by_owner \
     CROSS JOIN webhook_deliveries d INDEXED BY webhook_deliveries_in_flight \
     WHERE p.owner = ?1 AND d.endpoint = p.id AND d.state = 'in_flight' AND d.claimable_at > ?2";
pub(super) const CLAIMABLE_AT: &str = "SELECT claimable_at FROM webhook_deliveries \
     WHERE endpoint = ?1 AND claimable_at IS NOT NULL ORDER BY claimable_at LIMIT 1";
pub(super) const WAITING: &str = deliveries!(
    "INDEXED BY webhook_deliveries_lanes WHERE d.endpoint = ?1 AND d.settled_at IS NULL AND d.state = 'pending' LIMIT ?2"
);
pub(super) const BETWEEN: &str = deliveries!(
    "INDEXED BY webhook_deliveries_by_endpoint WHERE d.endpoint = ?1 AND d.seq > ?2 AND d.seq <= ?3 ORDER BY d.seq LIMIT ?4"
);
const NEWEST: &str = "SELECT coalesce(max(seq), 0) FROM webhook_deliveries";
const INSERT: &str = "INSERT INTO webhook_deliveries (seq, id, endpoint, sequence, stream, type, body, state, claimable_at, reason, \
     worker, claimed_at, settled_at, attempts, tries, first_attempt_at, claims, created_at, \
     blocks_until, replay_of) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)";
const WRITE: &str = "UPDATE webhook_deliveries SET state = ?2, claimable_at = ?3, reason = ?4, worker = ?5, claimed_at = ?6, \
                     settled_at = ?7, attempts = ?8, tries = ?9, first_attempt_at = ?10, claims = ?11, \
                     blocks_until = ?12 WHERE seq = ?1";
const INSERT_ATTEMPT: &str = "INSERT INTO webhook_attempts (seq, delivery, number, outcome, started_at, duration_ms, status, \
                              retry_after_ms, excerpt, worker, details) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

pub(crate) fn decode(row: &Row<'_>) -> Result<StoredDelivery, StoreError> {
    webhook_delivery(&mut Columns::of(row, "webhook_deliveries"))
}

pub(crate) fn decode_attempt(row: &Row<'_>) -> Result<(Sequence, Sequence, DeliveryAttempt), StoreError> {
    webhook_attempt(&mut Columns::of(row, "webhook_attempts"))
}

fn in_lane(
    connection: &Connection,
    sql: &str,
    Lane { endpoint, stream }: Lane,
) -> Result<Option<StoredDelivery>, StoreError> {
    find(connection, "reading a lane", sql, [endpoint.to_string(), stream.to_string()], decode)
}

pub(super) fn lane_head(connection: &Connection, lane: Lane) -> Result<Option<StoredDelivery>, StoreError> {
    in_lane(connection, LANE_HEAD, lane)
}

pub(super) fn lane_turn(connection: &Connection, lane: Lane) -> Result<Option<StoredDelivery>, StoreError> {
    in_lane(connection, LANE_TURN, lane)
}

pub(super) fn is_open(connection: &Connection, Lane { endpoint, stream }: Lane) -> Result<bool, StoreError> {
    let lane = [endpoint.to_string(), stream.to_string()];
    let read = || connection.prepare_cached(IS_OPEN)?.query_row(lane, |row| row.get(0));
    read().attempt("looking at a lane")
}

pub(super) fn block(
    connection: &Connection,
    Lane { endpoint, stream }: Lane,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let what = "looking for what blocks a lane";
    let params = params![endpoint.to_string(), stream.to_string(), columns::instant(now)];
    let until = find(connection, what, BLOCK, params, |row| row.get::<_, i64>(0).attempt(what))?;
    Ok(until.and_then(|until| Timestamp::from_millisecond(until).ok()))
}

pub(super) fn free_lanes(connection: &Connection, endpoint: EndpointId) -> Result<(), StoreError> {
    execute(connection, "ending what blocks lanes", FREE_LANES, [endpoint.to_string()]).map(drop)
}

pub(super) fn by_id(connection: &Connection, id: DeliveryId) -> Result<Option<StoredDelivery>, StoreError> {
    find(connection, "reading a delivery", BY_ID, [id.to_string()], decode)
}

pub(super) fn copies(
    connection: &Connection,
    original: DeliveryId,
) -> Result<Vec<StoredDelivery>, StoreError> {
    select(connection, "reading replays of a delivery", COPIES, [original.to_string()], decode)
}

pub(super) fn due(
    connection: &Connection,
    endpoint: EndpointId,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let params = params![endpoint.to_string(), columns::instant(now), limit];
    select(connection, "reading due deliveries", DUE, params, decode)
}

pub(super) fn in_flight(
    connection: &Connection,
    endpoint: EndpointId,
    now: Timestamp,
) -> Result<Option<InFlight>, StoreError> {
    let params = params![endpoint.to_string(), columns::instant(now)];
    let read = || {
        let mut statement = connection.prepare_cached(IN_FLIGHT)?;
        statement.query_row(params, |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Option<i64>>(1)?)))
    };
    let (leases, first_end) = read().attempt("counting deliveries in flight")?;
    let first_end = first_end.and_then(|end| Timestamp::from_millisecond(end).ok());
    Ok(first_end.map(|first_end| InFlight { endpoint, leases, first_end }))
}

pub(super) fn in_flight_of_owner(
    connection: &Connection,
    owner: &str,
    now: Timestamp,
) -> Result<u32, StoreError> {
    let params = params![owner, columns::instant(now)];
    let read = || connection.prepare_cached(IN_FLIGHT_OF_OWNER)?.query_row(params, |row| row.get(0));
    read().attempt("counting deliveries of an owner in flight")
}

pub(super) fn claimable_at(
    connection: &Connection,
    endpoint: EndpointId,
) -> Result<Option<Timestamp>, StoreError> {
    let what = "reading when a delivery is due";
    let decode = |row: &Row<'_>| row.get::<_, i64>(0).attempt(what);
    let at = find(connection, what, CLAIMABLE_AT, [endpoint.to_string()], decode)?;
    Ok(at.and_then(|at| Timestamp::from_millisecond(at).ok()))
}

pub(super) fn waiting(
    connection: &Connection,
    endpoint: EndpointId,
    limit: u32,
) -> Result<Vec<StoredDelivery>, StoreError> {
    select(connection, "reading waiting deliveries", WAITING, params![endpoint.to_string(), limit], decode)
}

pub(super) fn newest(connection: &Connection) -> Result<Sequence, StoreError> {
    let read = || connection.prepare_cached(NEWEST)?.query_row([], |row| row.get(0));
    read().map(sequence).attempt("reading the newest delivery")
}

pub(super) fn between(
    connection: &Connection,
    endpoint: EndpointId,
    after: Sequence,
    upto: Sequence,
    limit: u32,
) -> Result<Vec<StoredDelivery>, StoreError> {
    let params = params![endpoint.to_string(), columns::seq(after), columns::seq(upto), limit];
    select(connection, "reading deliveries to replay", BETWEEN, params, decode)
}

/// Inserts a row with a given position, or with the next one.
pub(crate) fn insert(
    connection: &Connection,
    seq: Option<i64>,
    delivery: &Delivery,
) -> Result<(), StoreError> {
    let state = &delivery.state;
    let written = params![
        seq,
        delivery.id.to_string(),
        delivery.endpoint.to_string(),
        columns::seq(delivery.sequence),
        delivery.stream.to_string(),
        delivery.event_type,
        delivery.body,
        state.name(),
        state.claimable_at().map(columns::instant),
        state.dead_reason().map(fluxora_delivery::DeadReason::name),
        state.lease().map(|lease| lease.worker.as_str()),
        state.lease().map(|lease| columns::instant(lease.claimed_at)),
        state.settled_at().map(columns::instant),
        delivery.attempts,
        delivery.tries,
        delivery.first_attempt_at.map(columns::instant),
        delivery.claims,
        columns::instant(delivery.created_at),
        delivery.blocks_until.map(columns::instant),
        delivery.replay_of.map(|original| original.to_string()),
    ];
    execute(connection, "writing a delivery", INSERT, written).map(drop)
}

pub(super) fn write(connection: &Connection, stored: &StoredDelivery) -> Result<(), StoreError> {
    let StoredDelivery { sequence, delivery } = stored;
    let state = &delivery.state;
    let written = params![
        columns::seq(*sequence),
        state.name(),
        state.claimable_at().map(columns::instant),
        state.dead_reason().map(fluxora_delivery::DeadReason::name),
        state.lease().map(|lease| lease.worker.as_str()),
        state.lease().map(|lease| columns::instant(lease.claimed_at)),
        state.settled_at().map(columns::instant),
        delivery.attempts,
        delivery.tries,
        delivery.first_attempt_at.map(columns::instant),
        delivery.claims,
        delivery.blocks_until.map(columns::instant),
    ];
    execute(connection, "changing a delivery", WRITE, written).map(drop)
}

/// Inserts an attempt with a given position, or with the next one.
pub(crate) fn insert_attempt(
    connection: &Connection,
    seq: Option<i64>,
    delivery: Sequence,
    attempt: &DeliveryAttempt,
) -> Result<(), StoreError> {
    let DeliveryAttempt { number, result, worker, .. } = attempt;
    let written = params![
        seq,
        columns::seq(delivery),
        number,
        result.outcome.name(),
        columns::instant(result.started_at),
        milliseconds(result.duration),
        result.status,
        result.retry_after.map(milliseconds),
        result.excerpt,
        worker,
        json(attempt.details_to_json())?,
    ];
    execute(connection, "writing an attempt", INSERT_ATTEMPT, written).map(drop)
}

fn milliseconds(time: SignedDuration) -> i64 {
    columns::count(time.as_millis())
}
