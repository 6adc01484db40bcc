use std::collections::HashMap;

use fluxora_store::{IdempotencyRecord, StoreError, rows};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// The columns that [`decode`] reads, in its order: the row's key as an operator can look it up, and its parts.
macro_rules! record_columns {
    () => {
        "scope || ' ' || key, scope, key, request, response, made_at"
    };
}
pub(crate) use record_columns;

const FIND: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM idempotency_records WHERE (scope, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))"
);

const DELETE_EXPIRED: &str = "DELETE FROM idempotency_records WHERE (scope, key) IN \
                              (SELECT scope, key FROM idempotency_records WHERE made_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED)";

/// Records by scope and key, each with its own error if its row cannot be read.
type RecordsByKey = HashMap<(String, String), Result<IdempotencyRecord, StoreError>>;

/// Reads the records of these scopes and keys, the expired ones among them.
pub(crate) async fn find(lease: &Lease, keys: &[(&str, &str)]) -> Result<RecordsByKey, Fault> {
    let what = "looking up idempotency keys";
    let (scopes, keys): (Vec<&str>, Vec<&str>) = keys.iter().copied().unzip();
    let statement = lease.prepare_cached(FIND).await.attempt(what)?;
    let rows = lease.query(&statement, &[&scopes, &keys]).await.attempt(what)?;
    rows.iter()
        .map(|row| Ok(((row.try_get("scope")?, row.try_get("key")?), decode(row))))
        .collect::<Result<_, _>>()
        .attempt(what)
}

pub(crate) fn decode(row: &Row) -> Result<IdempotencyRecord, StoreError> {
    rows::idempotency_record(&mut Columns::of(row, "idempotency_records"))
}

/// Deletes up to `limit` of the records made before `before`.
pub(crate) async fn delete_expired(lease: &Lease, before: Timestamp, limit: u32) -> Result<u64, Fault> {
    let what = "deleting expired idempotency records";
    let statement = lease.prepare_cached(DELETE_EXPIRED).await.attempt(what)?;
    lease.execute(&statement, &[&columns::instant(before), &i64::from(limit)]).await.attempt(what)
}
