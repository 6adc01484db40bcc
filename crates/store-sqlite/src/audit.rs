//! The audit log. The writer thread is the only one that appends, so the chain has one order.

use fluxora_audit::{Action, Entry, Head, Row};
use fluxora_store::audit::{AUDIT_EXPIRED_AT_ONCE, audit_hash, audit_row, expiry};
use fluxora_store::rows::{ReadColumns, count, seq};
use fluxora_store::{AuditPage, AuditQuery, Sequence, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Params, params};

use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The columns that [`audit_row`] reads, in its order.
macro_rules! audit_columns {
    () => {
        "seq, at, actor_kind, actor_id, actor_role, action, target, outcome, code, request_id, client_address, count, \
         previous_hash, hash"
    };
}
pub(crate) use audit_columns;

const HEAD: &str = "SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1";
const BOUNDS: &str = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM audit_log";
const INSERT: &str = concat!(
    "INSERT INTO audit_log (",
    audit_columns!(),
    ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)"
);
const AFTER: &str =
    concat!("SELECT ", audit_columns!(), " FROM audit_log WHERE seq > ?1 ORDER BY seq LIMIT ?2");
const PAGE: &str = concat!(
    "SELECT ",
    audit_columns!(),
    " FROM audit_log WHERE seq >= ?1 AND seq < ?2 AND (?3 IS NULL OR actor_kind = ?3 OR actor_id = ?3) \
     AND (?4 IS NULL OR action = ?4) AND (?5 IS NULL OR target = ?5) AND (?6 IS NULL OR outcome = ?6) \
     AND (?7 IS NULL OR at >= ?7) AND (?8 IS NULL OR at < ?8) ORDER BY seq DESC LIMIT ?9"
);
/// The last of the oldest rows, at most `?2` of them, before the first one that is not older than `?1`.
const LAST_EXPIRED: &str = "WITH oldest AS MATERIALIZED (SELECT seq, at, hash FROM audit_log ORDER BY seq LIMIT ?2) \
     SELECT seq, hash FROM oldest WHERE seq < coalesce((SELECT min(seq) FROM oldest WHERE at >= ?1), 9223372036854775807) \
     ORDER BY seq DESC LIMIT 1";
const DELETE: &str = "DELETE FROM audit_log WHERE seq <= ?1";

/// Appends rows to the chain.
pub(crate) fn append<'e>(
    connection: &Connection,
    entries: impl IntoIterator<Item = &'e Entry>,
) -> Result<(), StoreError> {
    let mut newest = None;
    for entry in entries {
        let before = match newest {
            Some(head) => head,
            None => head(connection, HEAD, [])?.unwrap_or(Head::EMPTY),
        };
        let row = Row::seal(before, entry);
        insert(connection, &row)?;
        newest = Some(row.head());
    }
    Ok(())
}

pub(crate) fn insert(connection: &Connection, row: &Row) -> Result<(), StoreError> {
    let Row {
        seq,
        at,
        actor_kind,
        actor_id,
        actor_role,
        action,
        target,
        outcome,
        code,
        request_id,
        client_address,
        count: counted,
        previous_hash,
        hash,
    } = row;
    let values = params![
        count(*seq),
        columns::instant(*at),
        actor_kind,
        actor_id,
        actor_role,
        action,
        target,
        outcome,
        code,
        request_id,
        client_address,
        count(*counted),
        previous_hash.as_bytes(),
        hash.as_bytes(),
    ];
    let write = || connection.prepare_cached(INSERT)?.execute(values);
    write().map(drop).attempt("writing an audit row")
}

fn head(connection: &Connection, sql: &str, values: impl Params) -> Result<Option<Head>, StoreError> {
    let what = "reading the newest audit row";
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    let row = statement.query_row(values, |row| Ok(decode_head(&mut Columns::of(row, "audit_log"))));
    row.optional().attempt(what)?.transpose()
}

fn decode_head(columns: &mut Columns<'_>) -> Result<Head, StoreError> {
    Ok(Head { seq: columns.number("seq")?, hash: audit_hash(columns, "hash")? })
}

pub(crate) fn decode(row: &rusqlite::Row<'_>) -> Result<Row, StoreError> {
    audit_row(&mut Columns::of(row, "audit_log"))
}

fn select(connection: &Connection, sql: &str, values: impl Params) -> Result<Vec<Row>, StoreError> {
    let what = "reading the audit log";
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    let rows = statement.query_map(values, |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

pub(crate) fn after(connection: &Connection, after: Sequence, limit: u32) -> Result<Vec<Row>, StoreError> {
    select(connection, AFTER, params![seq(after), limit])
}

pub(crate) fn page(connection: &Connection, query: &AuditQuery) -> Result<AuditPage, StoreError> {
    let bounds = || {
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
        connection.prepare_cached(BOUNDS)?.query_row([], read)
    };
    let (oldest, newest): (u64, u64) = bounds().attempt("reading the bounds of the audit log")?;
    let lowest = query.window(newest);
    let AuditQuery { actor, action, target, outcome, from, to, before, limit } = query;
    let values = params![
        count(lowest),
        before.map_or(i64::MAX, seq),
        actor,
        action.map(Action::as_str),
        target,
        outcome,
        from.map(columns::instant),
        to.map(columns::instant),
        i64::from(*limit).max(1).saturating_add(1),
    ];
    let rows = select(connection, PAGE, values)?;
    Ok(query.page(rows, lowest, oldest))
}

/// One step of retention. Returns how many rows were deleted.
pub(crate) fn expire(connection: &Connection, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    let values = params![columns::instant(before), count(AUDIT_EXPIRED_AT_ONCE)];
    let Some(last) = head(connection, LAST_EXPIRED, values)? else { return Ok(0) };
    // First, so that it follows the newest row although that may be deleted too.
    append(connection, [&expiry(last, now)])?;
    let delete = || connection.prepare_cached(DELETE)?.execute([count(last.seq)]);
    let deleted = delete().attempt("deleting expired audit rows")?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}
