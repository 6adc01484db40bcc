use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{Attempt as DeliveryAttempt, DeadReason, Delivery, EndpointId};
use fluxora_store::delivery::{InFlight, Lane, StoredDelivery};
use fluxora_store::rows::{sequence, webhook_attempt, webhook_delivery};
use fluxora_store::{Sequence, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

use super::columns::delivery_columns;
use super::endpoints::json;
use super::{decode_all, texts};
use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;

macro_rules! deliveries {
    ($($rest:literal),+) => {
        concat!("SELECT ", delivery_columns!(), " FROM ", $($rest),+)
    };
}

pub(super) const BY_ID: &str = deliveries!("webhook_deliveries d WHERE d.id = ANY ($1)");
pub(super) const COPIES: &str = deliveries!(
    "unnest($1::text[]) AS o (id) CROSS JOIN LATERAL (SELECT * FROM webhook_deliveries WHERE replay_of = o.id OFFSET 0) AS d"
);
pub(super) const DUE: &str = deliveries!(
    "unnest($1::text[]) AS p (id) CROSS JOIN LATERAL (SELECT * FROM webhook_deliveries WHERE endpoint = p.id ",
    "AND claimable_at <= $2 ORDER BY claimable_at, seq LIMIT $3) AS d ORDER BY d.claimable_at, d.seq"
);
pub(super) const LANE_HEADS: &str = deliveries!(
    "unnest($1::text[], $2::text[]) AS l (endpoint, stream) CROSS JOIN LATERAL (SELECT * FROM webhook_deliveries ",
    "WHERE endpoint = l.endpoint AND stream = l.stream AND settled_at IS NULL AND blocks_until IS NULL ORDER BY sequence LIMIT 1) AS d"
);
pub(super) const LANE_TURNS: &str = deliveries!(
    "unnest($1::text[], $2::text[]) AS l (endpoint, stream) CROSS JOIN LATERAL (SELECT * FROM webhook_deliveries ",
    "WHERE endpoint = l.endpoint AND stream = l.stream AND settled_at IS NULL AND blocks_until IS NULL ",
    "AND (claimable_at IS NOT NULL) IS TRUE ",
    "ORDER BY sequence LIMIT 1) AS d"
);
pub(super) const OPEN: &str = "SELECT place FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS l (endpoint, stream, place) \
     WHERE EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint = l.endpoint AND d.stream = l.stream AND d.settled_at IS NULL \
     AND d.blocks_until IS NULL OFFSET 0)";
pub(super) const BLOCKS: &str = "SELECT l.place, d.blocks_until FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS l (endpoint, stream, place) \
     CROSS JOIN LATERAL (SELECT blocks_until FROM webhook_deliveries WHERE endpoint = l.endpoint AND stream = l.stream \
     AND blocks_until > $3 ORDER BY blocks_until DESC LIMIT 1) AS d";
const FREE_LANES: &str = "UPDATE webhook_deliveries SET blocks_until = NULL \
     WHERE endpoint = $1 AND blocks_until IS NOT NULL AND state = 'dead'";
pub(super) const IN_FLIGHT: &str = "SELECT p.id, d.leases, d.first_end FROM unnest($1::text[]) AS p (id) CROSS JOIN LATERAL \
     (SELECT count(*) AS leases, min(claimable_at) AS first_end FROM webhook_deliveries \
      WHERE endpoint = p.id AND state = 'in_flight' AND claimable_at > $2) AS d WHERE d.leases > 0";
/// Waits for transactions that count those of the same owners. Each takes the locks in the order of the owners.
const LOCK_OWNERS: &str = "SELECT pg_advisory_xact_lock(hashtextextended('webhook owner ' || o.owner, 0)) FROM unnest($1::text[]) AS o (owner)";
pub(super) const IN_FLIGHT_OF_OWNERS: &str = "SELECT o.owner, count(*) FROM unnest($1::text[]) AS o (owner) \
     CROSS JOIN LATERAL (SELECT id FROM webhook_endpoints WHERE owner = o.owner OFFSET 0) AS p \
     CROSS JOIN LATERAL (SELECT FROM webhook_deliveries WHERE endpoint = p.id AND state = 'in_flight' AND claimable_at > $2 OFFSET 0) AS d \
     GROUP BY o.owner";
pub(super) const CLAIMABLE_AT: &str = "SELECT p.id, d.claimable_at FROM unnest($1::text[]) AS p (id) CROSS JOIN LATERAL \
     (SELECT claimable_at FROM webhook_deliveries WHERE endpoint = p.id AND claimable_at IS NOT NULL \
      ORDER BY claimable_at LIMIT 1) AS d";
pub(super) const WAITING: &str = deliveries!(
    "webhook_deliveries d WHERE d.endpoint = $1 AND d.settled_at IS NULL AND d.state = 'pending' LIMIT $2"
);
pub(super) const BETWEEN: &str = deliveries!(
    "webhook_deliveries d WHERE d.endpoint = $1 AND d.seq > $2 AND d.seq <= $3 ORDER BY d.seq LIMIT $4"
);
const NEWEST: &str = "SELECT coalesce(max(seq), 0) FROM webhook_deliveries";
const INSERT: &str = "INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, claimable_at, reason, worker, \
     claimed_at, settled_at, attempts, tries, first_attempt_at, claims, created_at, blocks_until, replay_of) \
     SELECT id, endpoint, sequence, stream, type, body, state, claimable_at, reason, worker, claimed_at, settled_at, attempts, \
     tries, first_attempt_at, claims, created_at, blocks_until, replay_of FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], \
     $6::bytea[], $7::text[], $8::timestamptz[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], \
     $14::bigint[], $15::timestamptz[], $16::bigint[], $17::timestamptz[], $18::timestamptz[], $19::text[]) WITH ORDINALITY AS new (id, endpoint, sequence, \
     stream, type, body, state, claimable_at, reason, worker, claimed_at, settled_at, attempts, tries, first_attempt_at, claims, \
     created_at, blocks_until, replay_of, place) ORDER BY place";
const PUT: &str = "INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, claimable_at, reason, worker, \
     claimed_at, settled_at, attempts, tries, first_attempt_at, claims, created_at, blocks_until, replay_of, seq) OVERRIDING SYSTEM VALUE \
     SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], \
     $6::bytea[], $7::text[], $8::timestamptz[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[], $13::bigint[], \
     $14::bigint[], $15::timestamptz[], $16::bigint[], $17::timestamptz[], $18::timestamptz[], $19::text[], $20::bigint[])";
const WRITE: &str = "UPDATE webhook_deliveries AS d SET state = new.state, claimable_at = new.claimable_at, reason = new.reason, \
     worker = new.worker, claimed_at = new.claimed_at, settled_at = new.settled_at, attempts = new.attempts, tries = new.tries, \
     first_attempt_at = new.first_attempt_at, claims = new.claims, blocks_until = new.blocks_until FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], \
     $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[], $8::bigint[], $9::bigint[], $10::timestamptz[], $11::bigint[], \
     $12::timestamptz[]) AS new (seq, state, claimable_at, reason, worker, claimed_at, settled_at, attempts, tries, first_attempt_at, \
     claims, blocks_until) \
     WHERE d.seq = new.seq";
const INSERT_ATTEMPTS: &str = "INSERT INTO webhook_attempts (delivery, number, outcome, started_at, duration_ms, status, retry_after_ms, \
     excerpt, worker, details) SELECT delivery, number, outcome, started_at, duration_ms, status, retry_after_ms, excerpt, worker, details \
     FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[], \
     $9::text[], $10::text[]) WITH ORDINALITY AS new (delivery, number, outcome, started_at, duration_ms, status, retry_after_ms, excerpt, \
     worker, details, place) ORDER BY place";
const PUT_ATTEMPTS: &str = "INSERT INTO webhook_attempts (delivery, number, outcome, started_at, duration_ms, status, retry_after_ms, \
     excerpt, worker, details, seq) OVERRIDING SYSTEM VALUE SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::timestamptz[], \
     $5::bigint[], $6::bigint[], $7::bigint[], $8::bytea[], $9::text[], \
     $10::text[], $11::bigint[])";

pub(crate) fn decode(row: &Row) -> Result<StoredDelivery, StoreError> {
    webhook_delivery(&mut Columns::of(row, "webhook_deliveries"))
}

pub(crate) fn decode_attempt(row: &Row) -> Result<(Sequence, Sequence, DeliveryAttempt), StoreError> {
    webhook_attempt(&mut Columns::of(row, "webhook_attempts"))
}

fn lane_values(lanes: &BTreeSet<Lane>) -> (Vec<String>, Vec<String>) {
    lanes.iter().map(|lane| (lane.endpoint.to_string(), lane.stream.to_string())).unzip()
}

/// One delivery of each lane, or none.
pub(super) async fn of_lanes(
    transaction: &mut PipelinedTransaction,
    sql: &str,
    lanes: &BTreeSet<Lane>,
) -> Result<Vec<StoredDelivery>, Fault> {
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let (endpoints, streams) = lane_values(lanes);
    let rows = transaction.query("reading lanes", sql, &[&endpoints, &streams]).await?;
    decode_all(&rows, decode)
}

pub(super) async fn open_lanes(
    transaction: &mut PipelinedTransaction,
    lanes: &BTreeSet<Lane>,
) -> Result<BTreeSet<Lane>, Fault> {
    let what = "looking at lanes";
    let (endpoints, streams) = lane_values(lanes);
    let rows = transaction.query(what, OPEN, &[&endpoints, &streams]).await?;
    let places: BTreeSet<i64> =
        rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().attempt(what)?;
    Ok((1..).zip(lanes).filter(|(place, _)| places.contains(place)).map(|(_, lane)| *lane).collect())
}

pub(super) async fn lane_blocks(
    transaction: &mut PipelinedTransaction,
    lanes: &BTreeSet<Lane>,
    now: Timestamp,
) -> Result<BTreeMap<Lane, Timestamp>, Fault> {
    if lanes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let what = "looking for what blocks lanes";
    let (endpoints, streams) = lane_values(lanes);
    let rows = transaction.query(what, BLOCKS, &[&endpoints, &streams, &now]).await?;
    let blocks = rows.iter().map(|row| Ok((row.try_get::<_, i64>(0)?, row.try_get::<_, Timestamp>(1)?)));
    let blocks: BTreeMap<_, _> = blocks.collect::<Result<_, tokio_postgres::Error>>().attempt(what)?;
    let block = |(place, lane): (i64, &Lane)| blocks.get(&place).map(|until| (*lane, *until));
    Ok((1..).zip(lanes).filter_map(block).collect())
}

pub(super) async fn free_lanes(
    transaction: &mut PipelinedTransaction,
    endpoint: EndpointId,
) -> Result<(), Fault> {
    let values: Values = vec![Box::new(endpoint.to_string())];
    transaction.enqueue("ending what blocks lanes", FREE_LANES, values, None).await
}

pub(super) async fn in_flight(
    transaction: &mut PipelinedTransaction,
    endpoints: &[EndpointId],
    now: Timestamp,
) -> Result<Vec<InFlight>, Fault> {
    let what = "counting deliveries in flight";
    let rows = transaction.query(what, IN_FLIGHT, &[&texts(endpoints), &now]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, leases): (&str, i64) = (row.try_get(0).attempt(what)?, row.try_get(1).attempt(what)?);
        let first_end = row.try_get(2).attempt(what)?;
        let leases = u32::try_from(leases).unwrap_or(u32::MAX);
        found.extend(EndpointId::parse(id).map(|endpoint| InFlight { endpoint, leases, first_end }));
    }
    Ok(found)
}

pub(super) async fn in_flight_of_owners(
    transaction: &mut PipelinedTransaction,
    owners: &BTreeSet<String>,
    now: Timestamp,
) -> Result<BTreeMap<String, u32>, Fault> {
    let what = "counting deliveries of owners in flight";
    let names: Vec<_> = owners.iter().cloned().collect();
    transaction.query(what, LOCK_OWNERS, &[&names]).await?;
    let rows = transaction.query(what, IN_FLIGHT_OF_OWNERS, &[&names, &now]).await?;
    let mut counts: BTreeMap<_, _> = owners.iter().map(|owner| (owner.clone(), 0)).collect();
    for row in &rows {
        let (owner, count): (String, i64) = (row.try_get(0).attempt(what)?, row.try_get(1).attempt(what)?);
        counts.insert(owner, u32::try_from(count).unwrap_or(u32::MAX));
    }
    Ok(counts)
}

pub(super) async fn claimable_at(
    transaction: &mut PipelinedTransaction,
    endpoints: &[EndpointId],
) -> Result<Vec<(EndpointId, Timestamp)>, Fault> {
    let what = "reading when deliveries are due";
    let rows = transaction.query(what, CLAIMABLE_AT, &[&texts(endpoints)]).await?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let (id, at): (&str, Timestamp) = (row.try_get(0).attempt(what)?, row.try_get(1).attempt(what)?);
        found.extend(EndpointId::parse(id).map(|endpoint| (endpoint, at)));
    }
    Ok(found)
}

pub(super) async fn newest(transaction: &mut PipelinedTransaction) -> Result<Sequence, Fault> {
    let what = "reading the newest delivery";
    let rows = transaction.query(what, NEWEST, &[]).await?;
    let newest = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(what)?;
    Ok(sequence(newest))
}

/// The values of deliveries, each an array.
#[expect(clippy::needless_pass_by_value, reason = "an iterator over a slice is as small as a reference")]
fn values<'d>(deliveries: impl Iterator<Item = &'d Delivery> + Clone) -> Values {
    let integers = |get: fn(&Delivery) -> i64| deliveries.clone().map(get).collect::<Vec<i64>>();
    let instants = |get: fn(&Delivery) -> Option<Timestamp>| {
        deliveries.clone().map(|one| get(one).map(columns::instant)).collect::<Vec<_>>()
    };
    let created: Vec<Timestamp> = deliveries.clone().map(|one| columns::instant(one.created_at)).collect();
    vec![
        Box::new(texts(deliveries.clone().map(|one| one.id))),
        Box::new(texts(deliveries.clone().map(|one| one.endpoint))),
        Box::new(integers(|one| columns::seq(one.sequence))),
        Box::new(texts(deliveries.clone().map(|one| one.stream))),
        Box::new(texts(deliveries.clone().map(|one| &one.event_type))),
        Box::new(deliveries.clone().map(|one| one.body.clone()).collect::<Vec<_>>()),
        Box::new(deliveries.clone().map(|one| one.state.name()).collect::<Vec<_>>()),
        Box::new(instants(|one| one.state.claimable_at())),
        Box::new(deliveries.clone().map(reason).collect::<Vec<_>>()),
        Box::new(deliveries.clone().map(worker).collect::<Vec<_>>()),
        Box::new(instants(|one| one.state.lease().map(|lease| lease.claimed_at))),
        Box::new(instants(|one| one.state.settled_at())),
        Box::new(integers(|one| one.attempts.into())),
        Box::new(integers(|one| one.tries.into())),
        Box::new(instants(|one| one.first_attempt_at)),
        Box::new(integers(|one| one.claims.into())),
        Box::new(created),
        Box::new(instants(|one| one.blocks_until)),
        Box::new(deliveries.clone().map(|one| one.replay_of.map(|id| id.to_string())).collect::<Vec<_>>()),
    ]
}

fn reason(delivery: &Delivery) -> Option<&'static str> {
    delivery.state.dead_reason().map(DeadReason::name)
}

fn worker(delivery: &Delivery) -> Option<String> {
    delivery.state.lease().map(|lease| lease.worker.clone())
}

pub(super) async fn insert(
    transaction: &mut PipelinedTransaction,
    deliveries: &[Delivery],
) -> Result<(), Fault> {
    let what = "writing deliveries";
    transaction.enqueue(what, INSERT, values(deliveries.iter()), Some(deliveries.len())).await
}

/// Inserts deliveries with their positions.
pub(crate) async fn put(
    transaction: &mut PipelinedTransaction,
    deliveries: &[&StoredDelivery],
) -> Result<(), Fault> {
    let mut values = values(deliveries.iter().map(|stored| &stored.delivery));
    values.push(Box::new(deliveries.iter().map(|stored| columns::seq(stored.sequence)).collect::<Vec<_>>()));
    transaction.enqueue("writing copied deliveries", PUT, values, Some(deliveries.len())).await
}

pub(super) async fn write(
    transaction: &mut PipelinedTransaction,
    stored: &[StoredDelivery],
) -> Result<(), Fault> {
    if stored.is_empty() {
        return Ok(());
    }
    let deliveries = stored.iter().map(|stored| &stored.delivery);
    let integers = |get: fn(&Delivery) -> i64| deliveries.clone().map(get).collect::<Vec<i64>>();
    let instants = |get: fn(&Delivery) -> Option<Timestamp>| {
        deliveries.clone().map(|one| get(one).map(columns::instant)).collect::<Vec<_>>()
    };
    let values: Values = vec![
        Box::new(stored.iter().map(|stored| columns::seq(stored.sequence)).collect::<Vec<_>>()),
        Box::new(deliveries.clone().map(|one| one.state.name()).collect::<Vec<_>>()),
        Box::new(instants(|one| one.state.claimable_at())),
        Box::new(deliveries.clone().map(reason).collect::<Vec<_>>()),
        Box::new(deliveries.clone().map(worker).collect::<Vec<_>>()),
        Box::new(instants(|one| one.state.lease().map(|lease| lease.claimed_at))),
        Box::new(instants(|one| one.state.settled_at())),
        Box::new(integers(|one| one.attempts.into())),
        Box::new(integers(|one| one.tries.into())),
        Box::new(instants(|one| one.first_attempt_at)),
        Box::new(integers(|one| one.claims.into())),
        Box::new(instants(|one| one.blocks_until)),
    ];
    transaction.enqueue("changing deliveries", WRITE, values, Some(stored.len())).await
}

/// The values of attempts, each an array.
#[expect(clippy::needless_pass_by_value, reason = "an iterator over a slice is as small as a reference")]
fn attempt_values<'d>(
    attempts: impl Iterator<Item = (Sequence, &'d DeliveryAttempt)> + Clone,
) -> Result<Values, StoreError> {
    let all = || attempts.clone().map(|(_, attempt)| attempt);
    let details = all().map(|one| json(one.details_to_json())).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![
        Box::new(attempts.clone().map(|(delivery, _)| columns::seq(delivery)).collect::<Vec<_>>()),
        Box::new(all().map(|one| i64::from(one.number)).collect::<Vec<_>>()),
        Box::new(all().map(|one| one.result.outcome.name()).collect::<Vec<_>>()),
        Box::new(all().map(|one| columns::instant(one.result.started_at)).collect::<Vec<_>>()),
        Box::new(all().map(|one| milliseconds(one.result.duration)).collect::<Vec<_>>()),
        Box::new(all().map(|one| one.result.status.map(i64::from)).collect::<Vec<_>>()),
        Box::new(all().map(|one| one.result.retry_after.map(milliseconds)).collect::<Vec<_>>()),
        Box::new(all().map(|one| one.result.excerpt.clone()).collect::<Vec<_>>()),
        Box::new(all().map(|one| one.worker.clone()).collect::<Vec<_>>()),
        Box::new(details),
    ])
}

pub(super) async fn insert_attempts(
    transaction: &mut PipelinedTransaction,
    attempts: &[(Sequence, DeliveryAttempt)],
) -> Result<(), Fault> {
    if attempts.is_empty() {
        return Ok(());
    }
    let values = attempt_values(attempts.iter().map(|(delivery, attempt)| (*delivery, attempt)))?;
    transaction.enqueue("writing attempts", INSERT_ATTEMPTS, values, Some(attempts.len())).await
}

/// Inserts attempts with their positions: position, position of the delivery, attempt.
pub(crate) async fn put_attempts(
    transaction: &mut PipelinedTransaction,
    attempts: &[(Sequence, Sequence, &DeliveryAttempt)],
) -> Result<(), Fault> {
    let mut values = attempt_values(attempts.iter().map(|(_, delivery, attempt)| (*delivery, *attempt)))?;
    values.push(Box::new(attempts.iter().map(|(seq, _, _)| columns::seq(*seq)).collect::<Vec<_>>()));
    transaction.enqueue("writing copied attempts", PUT_ATTEMPTS, values, Some(attempts.len())).await
}

fn milliseconds(time: SignedDuration) -> i64 {
    columns::count(time.as_millis())
}
