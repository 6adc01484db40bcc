use fluxora_store::{IdempotencyKey, IdempotencyRecord, KeyedResponse, StoreError, rows};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`decode`] reads, in its order: the row's key as an operator can look it up, and its parts.
macro_rules! record_columns {
    () => {
        "scope || ' ' || key, scope, key, request, response, made_at"
    };
}
pub(crate) use record_columns;

pub(super) const FIND: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM idempotency_records WHERE scope = ?1 AND key = ?2 AND made_at >= ?3"
);
pub(super) const DELETE_EXPIRED: &str = "DELETE FROM idempotency_records WHERE (scope, key) IN \
                                         (SELECT scope, key FROM idempotency_records WHERE made_at < ?1 LIMIT ?2)";
/// Replaces a record that has expired.
const WRITE: &str = "INSERT OR REPLACE INTO idempotency_records (scope, key, request, response, made_at) VALUES (?1, ?2, ?3, ?4, ?5)";

/// Reads the record of a key, unless it was made before `oldest`.
pub(crate) fn find(
    connection: &Connection,
    scope: &str,
    key: &IdempotencyKey,
    oldest: Timestamp,
) -> Result<Option<IdempotencyRecord>, StoreError> {
    let what = "looking up an idempotency key";
    let oldest = columns::instant(oldest);
    let mut statement = connection.prepare_cached(FIND).attempt(what)?;
    let found = statement.query_row(params![scope, key.as_str(), oldest], |row| Ok(decode(row)));
    found.optional().attempt(what)?.transpose()
}

pub(crate) fn decode(row: &Row<'_>) -> Result<IdempotencyRecord, StoreError> {
    rows::idempotency_record(&mut Columns::of(row, "idempotency_records"))
}

pub(super) fn write(connection: &Connection, keyed: &KeyedResponse) -> Result<(), StoreError> {
    let KeyedResponse { scope, key, request, response, at, .. } = keyed;
    insert(connection, scope, key, request, response, *at)
}

pub(crate) fn put(connection: &Connection, record: &IdempotencyRecord) -> Result<(), StoreError> {
    let IdempotencyRecord { scope, key, request, response, at } = record;
    insert(connection, scope, key, request, response, *at)
}

fn insert(
    connection: &Connection,
    scope: &str,
    key: &IdempotencyKey,
    request: &str,
    response: &[u8],
    at: Timestamp,
) -> Result<(), StoreError> {
    let values = params![scope, key.as_str(), request, response, columns::instant(at)];
    let write = || connection.prepare_cached(WRITE)?.execute(values);
    write().map(drop).attempt("writing an idempotency record")
}

/// Deletes up to `limit` of the records made before `before`.
pub(crate) fn delete_expired(
    connection: &Connection,
    before: Timestamp,
    limit: u32,
) -> Result<u32, StoreError> {
    let delete =
        || connection.prepare_cached(DELETE_EXPIRED)?.execute(params![columns::instant(before), limit]);
    delete()
        .map(|rows| u32::try_from(rows).unwrap_or(u32::MAX))
        .attempt("deleting expired idempotency records")
}
