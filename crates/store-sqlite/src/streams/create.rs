use fluxora_store::{Answer, CreateStream, Created, KeyedAnswer, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{events, row};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

pub(crate) fn create(connection: &Connection, create: &CreateStream) -> Result<Created, StoreError> {
    if let Some(keyed) = &create.keyed {
        match kept(connection, keyed)? {
            Some((request, answer)) if request == keyed.request => return Ok(Created::Replayed(answer)),
            Some(_) => return Ok(Created::KeyReused),
            None => keep(connection, keyed)?,
        }
    }
    let seq = row::insert(connection, &create.stream)?;
    events::insert(connection, seq, &create.event)?;
    Ok(Created::Done)
}

/// The request that last used the key and what it was answered, unless that has been forgotten.
fn kept(connection: &Connection, keyed: &KeyedAnswer) -> Result<Option<(String, Answer)>, StoreError> {
    let sql = "SELECT request, status, location, body FROM kept_answers \
               WHERE scope = ?1 AND key = ?2 AND made_at >= ?3";
    let oldest = columns::instant(keyed.forgotten_before());
    let mut statement = connection.prepare_cached(sql).attempt("looking up an idempotency key")?;
    let found = statement.query_row(params![keyed.scope, keyed.key.as_str(), oldest], |row| {
        let mut columns = Columns::of(row, "kept_answers");
        let mut decode = || {
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

fn keep(connection: &Connection, keyed: &KeyedAnswer) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO kept_answers (scope, key, request, status, location, body, made_at) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let KeyedAnswer { scope, key, request, answer, at } = keyed;
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

pub(crate) fn forget_answers(connection: &Connection, before: Timestamp) -> Result<u64, StoreError> {
    let sql = "DELETE FROM kept_answers WHERE made_at < ?1";
    let delete = || connection.prepare_cached(sql)?.execute([columns::instant(before)]);
    delete().map(|rows| u64::try_from(rows).unwrap_or(u64::MAX)).attempt("forgetting old answers")
}
