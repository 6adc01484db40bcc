//! API keys and the owners of streams.

use fluxora_auth::{ApiKey, KeyHash, KeyId, KeyState};
use fluxora_store::rows::api_key;
use fluxora_store::{KeyPage, KeyQuery, KeyRotated, Sequence, StoreError, StoredKey};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, Row, ToSql, params};

use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`decode`] reads, in its order.
macro_rules! key_columns {
    () => {
        "seq, id, name, role, owner, prefix, hash, created_at, expires_at, revoked_at, last_used_at, rotated_from"
    };
}
pub(crate) use key_columns;

/// With the sequence `?1`, or with the next one where that is NULL.
const INSERT: &str = concat!(
    "INSERT INTO api_keys (",
    key_columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
);
const BY_HASH: &str = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE hash = ?1");
const BY_ID: &str = concat!("SELECT ", key_columns!(), " FROM api_keys WHERE id = ?1");
const LIST: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM api_keys NOT INDEXED WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"
);
const LIST_OF_OWNER: &str = concat!(
    "SELECT ",
    key_columns!(),
    " FROM api_keys INDEXED BY api_keys_by_owner WHERE seq < ?1 AND owner = ?3 ORDER BY seq DESC LIMIT ?2"
);
const ANY: &str = "SELECT EXISTS (SELECT 1 FROM api_keys)";
const REVOKE: &str = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?2) WHERE id = ?1";
const EXPIRE: &str = "UPDATE api_keys SET expires_at = min(coalesce(expires_at, ?2), ?2) WHERE id = ?1";
const USE: &str = "UPDATE api_keys SET last_used_at = max(coalesce(last_used_at, ?2), ?2) WHERE id = ?1";
const DELETE: &str = "DELETE FROM api_keys WHERE (revoked_at < ?1 OR expires_at < ?1) AND seq < (SELECT max(seq) FROM api_keys)";
const OWNER: &str = "SELECT owner FROM stream_owners WHERE stream = ?1";
const INSERT_OWNER: &str = "INSERT INTO stream_owners (stream, owner) VALUES (?1, ?2)";

pub(crate) fn decode(row: &Row<'_>) -> Result<StoredKey, StoreError> {
    api_key(&mut Columns::of(row, "api_keys"))
}

pub(crate) fn insert(
    connection: &Connection,
    sequence: Option<Sequence>,
    key: &ApiKey,
    hash: &KeyHash,
) -> Result<Sequence, StoreError> {
    let ApiKey { id, name, grant, prefix, created_at, expires_at, revoked_at, last_used_at, rotated_from } =
        key;
    let write = || {
        connection.prepare_cached(INSERT)?.insert(params![
            sequence.map(columns::seq),
            id.to_string(),
            name.as_str(),
            grant.role().as_str(),
            grant.owner().map(fluxora_auth::Name::as_str),
            prefix,
            hash.0,
            columns::instant(*created_at),
            expires_at.map(columns::instant),
            revoked_at.map(columns::instant),
            last_used_at.map(columns::instant),
            rotated_from.map(|id| id.to_string()),
        ])
    };
    write().map(fluxora_store::rows::sequence).attempt("writing an API key")
}

pub(crate) fn create(connection: &Connection, key: &ApiKey, hash: &KeyHash) -> Result<StoredKey, StoreError> {
    insert(connection, None, key, hash)?;
    by_id(connection, key.id)?.ok_or_else(lost)
}

pub(crate) fn by_hash(connection: &Connection, hash: &KeyHash) -> Result<Option<StoredKey>, StoreError> {
    find(connection, BY_HASH, [hash.0])
}

pub(crate) fn by_id(connection: &Connection, id: KeyId) -> Result<Option<StoredKey>, StoreError> {
    find(connection, BY_ID, [id.to_string()])
}

fn find(connection: &Connection, sql: &str, params: impl Params) -> Result<Option<StoredKey>, StoreError> {
    let what = "reading an API key";
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    statement.query_row(params, |row| Ok(decode(row))).optional().attempt(what)?.transpose()
}

pub(crate) fn list(connection: &Connection, query: &KeyQuery) -> Result<KeyPage, StoreError> {
    let what = "listing API keys";
    let limit = query.limit.max(1);
    let before = query.before.map_or(i64::MAX, columns::seq);
    let one_more = i64::from(limit).saturating_add(1);
    let (sql, values): (_, &[&dyn ToSql]) = match &query.owner {
        None => (LIST, params![before, one_more]),
        Some(owner) => (LIST_OF_OWNER, params![before, one_more, owner.as_str()]),
    };
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    let rows = statement.query_map(values, |row| Ok(decode(row))).attempt(what)?;
    let mut keys = rows.map(|row| row.attempt(what)?).collect::<Result<Vec<_>, StoreError>>()?;
    let next = crate::webhooks::cut(&mut keys, limit, |stored| stored.sequence);
    Ok(KeyPage { keys, next })
}

pub(crate) fn any(connection: &Connection) -> Result<bool, StoreError> {
    let find = || connection.prepare_cached(ANY)?.query_row([], |row| row.get(0));
    find().attempt("looking for an API key")
}

pub(crate) fn revoke(
    connection: &Connection,
    id: KeyId,
    now: Timestamp,
) -> Result<Option<StoredKey>, StoreError> {
    execute(connection, "revoking an API key", REVOKE, params![id.to_string(), columns::instant(now)])?;
    by_id(connection, id)
}

pub(crate) fn rotate(
    connection: &Connection,
    new: &ApiKey,
    hash: &KeyHash,
    overlap_ends: Timestamp,
) -> Result<KeyRotated, StoreError> {
    let old = new.rotated_from.map(|old| by_id(connection, old)).transpose()?.flatten();
    let Some(old) = old else { return Ok(KeyRotated::NotFound) };
    if old.key.state(new.created_at) != KeyState::Active {
        return Ok(KeyRotated::Ended);
    }
    let ends = params![old.key.id.to_string(), columns::instant(overlap_ends)];
    execute(connection, "ending an API key", EXPIRE, ends)?;
    create(connection, &old.successor(new.clone()), hash).map(KeyRotated::Done)
}

pub(crate) fn record_uses(connection: &Connection, uses: &[(KeyId, Timestamp)]) -> Result<(), StoreError> {
    uses.iter().try_for_each(|(id, at)| {
        let values = params![id.to_string(), columns::instant(*at)];
        execute(connection, "recording the use of an API key", USE, values).map(drop)
    })
}

pub(crate) fn delete_ended(connection: &Connection, before: Timestamp) -> Result<u64, StoreError> {
    let deleted = execute(connection, "deleting API keys", DELETE, params![columns::instant(before)])?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

pub(crate) fn stream_owner(connection: &Connection, stream: &str) -> Result<Option<String>, StoreError> {
    let find = || connection.prepare_cached(OWNER)?.query_row([stream], |row| row.get(0)).optional();
    find().attempt("reading the owner of a stream")
}

pub(crate) fn put_stream_owner(connection: &Connection, stream: &str, owner: &str) -> Result<(), StoreError> {
    execute(connection, "writing the owner of a stream", INSERT_OWNER, [stream, owner]).map(drop)
}

fn execute(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    params: impl Params,
) -> Result<usize, StoreError> {
    let execute = || connection.prepare_cached(sql)?.execute(params);
    execute().attempt(what)
}

fn lost() -> StoreError {
    StoreError::Internal { reason: "an API key went away while it was written".to_owned(), source: None }
}
