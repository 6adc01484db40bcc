use fluxora_delivery::{EndpointId, FilterRecord, InvalidRecord, Notice, secrets_to_json};
use fluxora_store::delivery::StoredEndpoint;
use fluxora_store::rows::{sequence, webhook_endpoint};
use fluxora_store::{Sequence, StoreError};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::columns::endpoint_columns;
use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::parameters::{Parameters, Values};
use crate::pipeline::PipelinedTransaction;

pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints WHERE id = ANY ($1) AND deleted_at IS NULL ORDER BY seq FOR UPDATE"
);
pub(super) const RUNNABLE: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints WHERE runnable_at <= $1 ORDER BY runnable_at, seq LIMIT $2 FOR UPDATE SKIP LOCKED"
);
pub(super) const ALL: &str =
    concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE deleted_at IS NULL ORDER BY seq");
pub(super) const NEXT_RUNNABLE: &str =
    "SELECT runnable_at FROM webhook_endpoints WHERE runnable_at IS NOT NULL ORDER BY runnable_at LIMIT 1";
pub(super) const BEHIND: &str =
    "SELECT id FROM webhook_endpoints WHERE behind IS NOT NULL AND deleted_at IS NULL ORDER BY seq LIMIT 1";
pub(super) const WITH_NOTICES: &str =
    "SELECT id FROM webhook_endpoints WHERE notices IS NOT NULL ORDER BY seq LIMIT 1";
const WRITE_NOTICES: &str = "UPDATE webhook_endpoints SET notices = $2 WHERE id = $1";
pub(super) const COUNT: &str = "SELECT count(*) FROM webhook_endpoints \
                                WHERE owner IS NOT DISTINCT FROM $1::text AND deleted_at IS NULL";
const INSERT: &str = "INSERT INTO webhook_endpoints (id, owner, url, description, filter, state, state_since, state_reason, headers, \
     secrets, custom_headers, rate_limit, start_sequence, behind, created_at, updated_at, version, breaker, ordering, \
     options) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
     RETURNING seq";
/// A deleted endpoint among them: an id is not used twice.
const IS_TAKEN: &str = "SELECT FROM webhook_endpoints WHERE id = $1";
const PUT: &str = concat!(
    "INSERT INTO webhook_endpoints (",
    endpoint_columns!(),
    ", deleted_at) OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, \
     $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34)"
);
const WRITE: &str = "UPDATE webhook_endpoints SET url = $2, description = $3, filter = $4, headers = $5, secrets = $6, \
                     custom_headers = $7, rate_limit = $8, ordering = $9, options = $10 WHERE id = $1";
const WRITE_QUEUES: &str = "UPDATE webhook_endpoints AS p SET state = new.state, state_since = new.state_since, \
     state_reason = new.state_reason, behind = new.behind, updated_at = new.updated_at, version = new.version, \
     consecutive_failures = new.consecutive_failures, failing_since = new.failing_since, last_success_at = new.last_success_at, \
     last_failure_at = new.last_failure_at, breaker = new.breaker, blocked_until = new.blocked_until, \
     rate_caught_up_us = new.rate_caught_up_us, pending = new.pending, dead = new.dead, delivered = new.delivered, \
     runnable_at = new.runnable_at FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[], $5::bigint[], \
     $6::timestamptz[], $7::bigint[], $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::text[], \
     $13::timestamptz[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[], $18::timestamptz[]) AS new (id, state, \
     state_since, state_reason, behind, updated_at, version, consecutive_failures, failing_since, last_success_at, \
     last_failure_at, breaker, blocked_until, rate_caught_up_us, pending, dead, delivered, runnable_at) WHERE p.id = new.id";
const MARK_DELETED: &str = "UPDATE webhook_endpoints SET deleted_at = $2, runnable_at = NULL, behind = NULL, notices = NULL WHERE id = $1";

pub(crate) fn decode(row: &Row) -> Result<StoredEndpoint, StoreError> {
    webhook_endpoint(&mut Columns::of(row, "webhook_endpoints"))
}

/// The values of an endpoint's configuration, up to and with its version.
fn configuration(stored: &StoredEndpoint) -> Result<Values, StoreError> {
    let StoredEndpoint { sequence: _, endpoint, queue: _, behind, .. } = stored;
    Ok(vec![
        Box::new(endpoint.id.to_string()),
        Box::new(endpoint.owner.clone()),
        Box::new(endpoint.url.clone()),
        Box::new(endpoint.description.clone()),
        Box::new(json(FilterRecord::to_json(&endpoint.filter))?),
        Box::new(endpoint.state.name()),
        Box::new(endpoint.state.since().map(columns::instant)),
        Box::new(endpoint.state.reason().map(str::to_owned)),
        Box::new(endpoint.headers.name()),
        Box::new(json(secrets_to_json(&endpoint.secrets))?),
        Box::new(endpoint.custom_headers.clone()),
        Box::new(endpoint.rate_limit.map(|rate| i64::from(rate.get()))),
        Box::new(columns::seq(endpoint.start_sequence)),
        Box::new(behind.map(columns::seq)),
        Box::new(columns::instant(endpoint.created_at)),
        Box::new(columns::instant(endpoint.updated_at)),
        Box::new(i64::from(endpoint.version)),
    ])
}

pub(super) async fn insert(
    transaction: &mut PipelinedTransaction,
    stored: &StoredEndpoint,
) -> Result<Option<Sequence>, Fault> {
    let what = "writing an endpoint";
    // The caller holds the lock of the fan-out cursor, so that nobody else writes one.
    if !transaction.query(what, IS_TAKEN, &[&stored.endpoint.id.to_string()]).await?.is_empty() {
        return Ok(None);
    }
    let mut values = configuration(stored)?;
    values.push(Box::new(json(stored.queue.breaker.to_json())?));
    values.push(Box::new(stored.endpoint.ordering.name()));
    values.push(Box::new(json(stored.endpoint.options.to_json())?));
    let rows = transaction.query(what, INSERT, &values.parameters()).await?;
    let seq: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose().attempt(what)?;
    Ok(seq.map(sequence))
}

/// Inserts an endpoint with its position and its queue.
pub(crate) async fn put(
    transaction: &mut PipelinedTransaction,
    stored: &StoredEndpoint,
    deleted_at: Option<Timestamp>,
) -> Result<(), Fault> {
    let queue = &stored.queue;
    let mut values: Values = vec![Box::new(columns::seq(stored.sequence))];
    values.extend(configuration(stored)?);
    let of_queue: Values = vec![
        Box::new(i64::from(queue.consecutive_failures)),
        Box::new(queue.failing_since.map(columns::instant)),
        Box::new(queue.last_success_at.map(columns::instant)),
        Box::new(queue.last_failure_at.map(columns::instant)),
        Box::new(json(queue.breaker.to_json())?),
        Box::new(queue.blocked_until.map(columns::instant)),
        Box::new(queue.rate.caught_up_us),
        Box::new(columns::count(queue.pending)),
        Box::new(columns::count(queue.dead)),
        Box::new(columns::count(queue.delivered)),
        Box::new(queue.runnable_at.map(columns::instant)),
        Box::new(stored.endpoint.ordering.name()),
        Box::new(json(stored.endpoint.options.to_json())?),
        Box::new(columns::seq(stored.forgotten_to)),
        Box::new(pending_notices(&stored.notices)?),
        Box::new(deleted_at.map(columns::instant)),
    ];
    values.extend(of_queue);
    transaction.enqueue("writing a copied endpoint", PUT, values, Some(1)).await
}

pub(super) async fn write(
    transaction: &mut PipelinedTransaction,
    stored: &StoredEndpoint,
) -> Result<(), Fault> {
    let endpoint = &stored.endpoint;
    let values: Values = vec![
        Box::new(endpoint.id.to_string()),
        Box::new(endpoint.url.clone()),
        Box::new(endpoint.description.clone()),
        Box::new(json(FilterRecord::to_json(&endpoint.filter))?),
        Box::new(endpoint.headers.name()),
        Box::new(json(secrets_to_json(&endpoint.secrets))?),
        Box::new(endpoint.custom_headers.clone()),
        Box::new(endpoint.rate_limit.map(|rate| i64::from(rate.get()))),
        Box::new(endpoint.ordering.name()),
        Box::new(json(endpoint.options.to_json())?),
    ];
    transaction.enqueue("changing an endpoint", WRITE, values, Some(1)).await
}

pub(super) async fn write_queues(
    transaction: &mut PipelinedTransaction,
    stored: &[StoredEndpoint],
) -> Result<(), Fault> {
    if stored.is_empty() {
        return Ok(());
    }
    let breakers: Vec<String> =
        stored.iter().map(|one| json(one.queue.breaker.to_json())).collect::<Result<_, _>>()?;
    let states: Vec<&'static str> = stored.iter().map(|one| one.endpoint.state.name()).collect();
    let reasons: Vec<Option<String>> =
        stored.iter().map(|one| one.endpoint.state.reason().map(str::to_owned)).collect();
    let updated: Vec<Timestamp> =
        stored.iter().map(|one| columns::instant(one.endpoint.updated_at)).collect();
    let behind: Vec<Option<i64>> = stored.iter().map(|one| one.behind.map(columns::seq)).collect();
    let integers = |get: fn(&StoredEndpoint) -> i64| stored.iter().map(get).collect::<Vec<i64>>();
    let instants = |get: fn(&StoredEndpoint) -> Option<Timestamp>| {
        stored.iter().map(|one| get(one).map(columns::instant)).collect::<Vec<_>>()
    };
    let values: Values = vec![
        Box::new(super::texts(stored.iter().map(|one| one.endpoint.id))),
        Box::new(states),
        Box::new(instants(|one| one.endpoint.state.since())),
        Box::new(reasons),
        Box::new(behind),
        Box::new(updated),
        Box::new(integers(|one| one.endpoint.version.into())),
        Box::new(integers(|one| one.queue.consecutive_failures.into())),
        Box::new(instants(|one| one.queue.failing_since)),
        Box::new(instants(|one| one.queue.last_success_at)),
        Box::new(instants(|one| one.queue.last_failure_at)),
        Box::new(breakers),
        Box::new(instants(|one| one.queue.blocked_until)),
        Box::new(integers(|one| one.queue.rate.caught_up_us)),
        Box::new(integers(|one| columns::count(one.queue.pending))),
        Box::new(integers(|one| columns::count(one.queue.dead))),
        Box::new(integers(|one| columns::count(one.queue.delivered))),
        Box::new(instants(|one| one.queue.runnable_at)),
    ];
    transaction.enqueue("writing queues of endpoints", WRITE_QUEUES, values, Some(stored.len())).await
}

pub(super) async fn write_notices(
    transaction: &mut PipelinedTransaction,
    stored: &StoredEndpoint,
) -> Result<(), Fault> {
    let values: Values =
        vec![Box::new(stored.endpoint.id.to_string()), Box::new(pending_notices(&stored.notices)?)];
    transaction.enqueue("writing notices of an endpoint", WRITE_NOTICES, values, Some(1)).await
}

/// Notices as JSON; `None` if there are none.
fn pending_notices(notices: &[Notice]) -> Result<Option<String>, StoreError> {
    if notices.is_empty() { Ok(None) } else { json(Notice::to_json(notices)).map(Some) }
}

pub(super) async fn mark_deleted(
    transaction: &mut PipelinedTransaction,
    id: EndpointId,
    at: Timestamp,
) -> Result<(), Fault> {
    let values: Values = vec![Box::new(id.to_string()), Box::new(columns::instant(at))];
    transaction.enqueue("deleting an endpoint", MARK_DELETED, values, Some(1)).await
}

/// A value that is stored as JSON.
pub(crate) fn json(written: Result<String, InvalidRecord>) -> Result<String, StoreError> {
    written.map_err(|error| StoreError::Internal {
        reason: "writing a value of webhooks as JSON".to_owned(),
        source: Some(error.into()),
    })
}
