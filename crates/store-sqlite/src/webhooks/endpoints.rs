use std::collections::BTreeSet;

use fluxora_delivery::{EndpointId, FilterRecord, InvalidRecord, Notice, secrets_to_json};
use fluxora_store::delivery::StoredEndpoint;
use fluxora_store::rows::{sequence, webhook_endpoint};
use fluxora_store::{Sequence, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::{execute, find, select};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`webhook_endpoint`] reads, in its order.
macro_rules! endpoint_columns {
    () => {
        "seq, id, owner, url, description, filter, state, state_since, state_reason, headers, secrets, custom_headers, \
         rate_limit, start_sequence, behind, created_at, updated_at, version, consecutive_failures, failing_since, \
         last_success_at, last_failure_at, breaker, blocked_until, rate_caught_up_us, pending, dead, delivered, runnable_at, \
         ordering, options, forgotten_to, notices"
    };
}
pub(crate) use endpoint_columns;

const BY_ID: &str =
    concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE id = ?1 AND deleted_at IS NULL");
pub(super) const RUNNABLE: &str = concat!(
    "SELECT ",
    endpoint_columns!(),
    " FROM webhook_endpoints WHERE runnable_at <= ?1 ORDER BY runnable_at, seq LIMIT ?2"
);
const ALL: &str =
    concat!("SELECT ", endpoint_columns!(), " FROM webhook_endpoints WHERE deleted_at IS NULL ORDER BY seq");
pub(super) const NEXT_RUNNABLE: &str =
    "SELECT runnable_at FROM webhook_endpoints WHERE runnable_at IS NOT NULL ORDER BY runnable_at LIMIT 1";
const BEHIND: &str =
    "SELECT id FROM webhook_endpoints WHERE behind IS NOT NULL AND deleted_at IS NULL ORDER BY seq LIMIT 1";
pub(super) const WITH_NOTICES: &str = "SELECT id FROM webhook_endpoints INDEXED BY webhook_endpoints_with_notices \
     WHERE notices IS NOT NULL ORDER BY seq LIMIT 1";
const WRITE_NOTICES: &str = "UPDATE webhook_endpoints SET notices = ?2 WHERE id = ?1";
const COUNT: &str = "SELECT count(*) FROM webhook_endpoints WHERE owner IS ?1 AND deleted_at IS NULL";
const INSERT: &str = concat!(
    "INSERT INTO webhook_endpoints (",
    endpoint_columns!(),
    ", deleted_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, \
     ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34)"
);
/// A deleted endpoint among them: an id is not used twice.
const IS_TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM webhook_endpoints WHERE id = ?1)";
const WRITE: &str = "UPDATE webhook_endpoints SET url = ?2, description = ?3, filter = ?4, headers = ?5, secrets = ?6, \
                     custom_headers = ?7, rate_limit = ?8, ordering = ?9, options = ?10 WHERE id = ?1";
const WRITE_QUEUE: &str = "UPDATE webhook_endpoints SET state = ?2, state_since = ?3, state_reason = ?4, behind = ?5, updated_at = ?6, \
     version = ?7, consecutive_failures = ?8, failing_since = ?9, last_success_at = ?10, last_failure_at = ?11, breaker = ?12, \
     blocked_until = ?13, rate_caught_up_us = ?14, pending = ?15, dead = ?16, delivered = ?17, runnable_at = ?18 WHERE id = ?1";
const MARK_DELETED: &str = "UPDATE webhook_endpoints SET deleted_at = ?2, runnable_at = NULL, behind = NULL, notices = NULL WHERE id = ?1";

pub(crate) fn decode(row: &Row<'_>) -> Result<StoredEndpoint, StoreError> {
    webhook_endpoint(&mut Columns::of(row, "webhook_endpoints"))
}

pub(super) fn read(
    connection: &Connection,
    ids: &BTreeSet<EndpointId>,
) -> Result<Vec<StoredEndpoint>, StoreError> {
    ids.iter().filter_map(|id| by_id(connection, *id).transpose()).collect()
}

pub(super) fn by_id(connection: &Connection, id: EndpointId) -> Result<Option<StoredEndpoint>, StoreError> {
    find(connection, "reading an endpoint", BY_ID, [id.to_string()], decode)
}

pub(super) fn runnable(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<StoredEndpoint>, StoreError> {
    let params = params![columns::instant(now), limit];
    select(connection, "reading runnable endpoints", RUNNABLE, params, decode)
}

pub(super) fn next_runnable(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let what = "reading when an endpoint is runnable";
    let at = find(connection, what, NEXT_RUNNABLE, [], |row| row.get::<_, i64>(0).attempt(what))?;
    Ok(at.and_then(|at| Timestamp::from_millisecond(at).ok()))
}

pub(super) fn all(connection: &Connection) -> Result<Vec<StoredEndpoint>, StoreError> {
    select(connection, "reading endpoints", ALL, [], decode)
}

pub(super) fn behind(connection: &Connection) -> Result<Option<EndpointId>, StoreError> {
    let what = "looking for an endpoint that is behind";
    let id = find(connection, what, BEHIND, [], |row| row.get::<_, String>(0).attempt(what))?;
    Ok(id.as_deref().and_then(EndpointId::parse))
}

pub(super) fn with_notices(connection: &Connection) -> Result<Option<EndpointId>, StoreError> {
    let what = "looking for an endpoint with notices";
    let id = find(connection, what, WITH_NOTICES, [], |row| row.get::<_, String>(0).attempt(what))?;
    Ok(id.as_deref().and_then(EndpointId::parse))
}

pub(super) fn write_notices(connection: &Connection, stored: &StoredEndpoint) -> Result<(), StoreError> {
    let written = params![stored.endpoint.id.to_string(), pending_notices(&stored.notices)?];
    execute(connection, "writing notices of an endpoint", WRITE_NOTICES, written).map(drop)
}

/// Notices as JSON; `None` if there are none.
fn pending_notices(notices: &[Notice]) -> Result<Option<String>, StoreError> {
    if notices.is_empty() { Ok(None) } else { json(Notice::to_json(notices)).map(Some) }
}

pub(super) fn count(connection: &Connection, owner: Option<&str>) -> Result<u32, StoreError> {
    let what = "counting endpoints";
    let read = || connection.prepare_cached(COUNT)?.query_row([owner], |row| row.get(0));
    read().attempt(what)
}

/// Inserts a row with a given position, or with the next one. `None` if the id is taken.
pub(crate) fn insert(
    connection: &Connection,
    seq: Option<i64>,
    stored: &StoredEndpoint,
    deleted_at: Option<Timestamp>,
) -> Result<Option<Sequence>, StoreError> {
    let StoredEndpoint { sequence: _, endpoint, queue, behind, forgotten_to, notices } = stored;
    let id = endpoint.id.to_string();
    let is_taken = || connection.prepare_cached(IS_TAKEN)?.query_row([&id], |row| row.get(0));
    if is_taken().attempt("looking up an endpoint")? {
        return Ok(None);
    }
    let written = params![
        seq,
        id,
        endpoint.owner,
        endpoint.url,
        endpoint.description,
        json(FilterRecord::to_json(&endpoint.filter))?,
        endpoint.state.name(),
        endpoint.state.since().map(columns::instant),
        endpoint.state.reason(),
        endpoint.headers.name(),
        json(secrets_to_json(&endpoint.secrets))?,
        endpoint.custom_headers,
        endpoint.rate_limit.map(std::num::NonZeroU32::get),
        columns::seq(endpoint.start_sequence),
        behind.map(columns::seq),
        columns::instant(endpoint.created_at),
        columns::instant(endpoint.updated_at),
        endpoint.version,
        queue.consecutive_failures,
        queue.failing_since.map(columns::instant),
        queue.last_success_at.map(columns::instant),
        queue.last_failure_at.map(columns::instant),
        json(queue.breaker.to_json())?,
        queue.blocked_until.map(columns::instant),
        queue.rate.caught_up_us,
        columns::count(queue.pending),
        columns::count(queue.dead),
        columns::count(queue.delivered),
        queue.runnable_at.map(columns::instant),
        endpoint.ordering.name(),
        json(endpoint.options.to_json())?,
        columns::seq(*forgotten_to),
        pending_notices(notices)?,
        deleted_at.map(columns::instant),
    ];
    execute(connection, "writing an endpoint", INSERT, written)?;
    Ok(Some(sequence(connection.last_insert_rowid())))
}

pub(super) fn write(connection: &Connection, stored: &StoredEndpoint) -> Result<(), StoreError> {
    let endpoint = &stored.endpoint;
    let written = params![
        endpoint.id.to_string(),
        endpoint.url,
        endpoint.description,
        json(FilterRecord::to_json(&endpoint.filter))?,
        endpoint.headers.name(),
        json(secrets_to_json(&endpoint.secrets))?,
        endpoint.custom_headers,
        endpoint.rate_limit.map(std::num::NonZeroU32::get),
        endpoint.ordering.name(),
        json(endpoint.options.to_json())?,
    ];
    execute(connection, "changing an endpoint", WRITE, written)?;
    write_queue(connection, stored)
}

pub(super) fn write_queue(connection: &Connection, stored: &StoredEndpoint) -> Result<(), StoreError> {
    let StoredEndpoint { sequence: _, endpoint, queue, behind, .. } = stored;
    let written = params![
        endpoint.id.to_string(),
        endpoint.state.name(),
        endpoint.state.since().map(columns::instant),
        endpoint.state.reason(),
        behind.map(columns::seq),
        columns::instant(endpoint.updated_at),
        endpoint.version,
        queue.consecutive_failures,
        queue.failing_since.map(columns::instant),
        queue.last_success_at.map(columns::instant),
        queue.last_failure_at.map(columns::instant),
        json(queue.breaker.to_json())?,
        queue.blocked_until.map(columns::instant),
        queue.rate.caught_up_us,
        columns::count(queue.pending),
        columns::count(queue.dead),
        columns::count(queue.delivered),
        queue.runnable_at.map(columns::instant),
    ];
    execute(connection, "writing the queue of an endpoint", WRITE_QUEUE, written).map(drop)
}

pub(super) fn mark_deleted(connection: &Connection, id: EndpointId, at: Timestamp) -> Result<(), StoreError> {
    let written = params![id.to_string(), columns::instant(at)];
    execute(connection, "deleting an endpoint", MARK_DELETED, written).map(drop)
}

/// A value that is stored as JSON.
pub(crate) fn json(written: Result<String, InvalidRecord>) -> Result<String, StoreError> {
    written.map_err(|error| StoreError::Internal {
        reason: "writing a value of webhooks as JSON".to_owned(),
        source: Some(error.into()),
    })
}
