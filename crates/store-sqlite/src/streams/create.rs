use fluxora_store::{
    Answer, CreateStream, Created, IdempotencyKey, KeyedResponse, StoreError, expired_before,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{events, write};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

pub(super) const KEPT: &str = "SELECT scope || ' ' || key, request, status, location, body FROM kept_answers \
                               WHERE scope = ?1 AND key = ?2 AND made_at >= ?3";
pub(super) const FORGET: &str = "DELETE FROM kept_answers WHERE (scope, key) IN \
                                 (SELECT scope, key FROM kept_answers WHERE made_at < ?1 LIMIT ?2)";

pub(crate) fn create(connection: &Connection, create: &CreateStream) -> Result<Created, StoreError> {
    if let Some(keyed) = &create.keyed {
        match kept(connection, keyed.scope, &keyed.key, keyed.at)? {
            Some((request, answer)) if request == keyed.request => return Ok(Created::Replayed(answer)),
            Some(_) => return Ok(Created::KeyReused),
            None => keep(connection, keyed)?,
        }
    }
    let seq = write::Inserts::new(connection)?.insert(None, &create.stream)?;
    events::Inserts::new(connection)?.insert(seq, &create.event)?;
    Ok(Created::Done)
}

/// The request that last used the key and what it was answered, unless that has been forgotten.
pub(crate) fn kept(
    connection: &Connection,
    scope: &str,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<(String, Answer)>, StoreError> {
    let oldest = columns::instant(expired_before(now));
    let mut statement = connection.prepare_cached(KEPT).attempt("looking up an idempotency key")?;
    let found = statement.query_row(params![scope, key.as_str(), oldest], |row| {
        let mut columns = Columns::of(row, "kept_answers");
        let mut decode = || {
            columns.text("key")?;
            let request = columns.text("request")?.to_owned();
            let status = columns.number("status")?;
            let location = columns.text("location")?.to_owned();
            let body = columns.text("body")?.to_owned();
            Ok((request, Answer { status, location, body }))
        };
        Ok(decode())
    });
    found.optional().attempt("looking up an idempotency key")?.transpose()
}

fn keep(connection: &Connection, keyed: &KeyedResponse) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO kept_answers (scope, key, request, status, location, body, made_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let KeyedResponse { scope, key, request, answer, at } = keyed;
    let write = || {
        connection.prepare_cached(sql)?.execute(params![
            scope,
            key.as_str(),
            request,
            answer.status,
            answer.location,
            answer.body,
            columns::instant(*at),
        ])
    };
    write().map(drop).attempt("keeping an answer")
}

/// Drops up to `limit` of the answers made before `before`.
pub(crate) fn delete_expired_idempotency_records(
    connection: &Connection,
    before: Timestamp,
    limit: u32,
) -> Result<u32, StoreError> {
    let delete = || connection.prepare_cached(FORGET)?.execute(params![columns::instant(before), limit]);
    delete().map(|rows| u32::try_from(rows).unwrap_or(u32::MAX)).attempt("forgetting old answers")
}
