//! The audit log. A function of the database numbers rows and connects them with the newest one (migration V14).

use fluxora_audit::{Action, Entry, Head, Row};
use fluxora_store::audit::{AUDIT_EXPIRED_AT_ONCE, audit_hash, audit_row, expiry};
use fluxora_store::rows::{ReadColumns, count, seq};
use fluxora_store::{AuditPage, AuditQuery, Sequence, StoreError};
use jiff::Timestamp;
use tokio_postgres::types::ToSql;

use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::parameters::{Parameters, Values};
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

/// The columns of an entry, in the order of [`EntryValues`].
macro_rules! entry_columns {
    () => {
        "at, actor_kind, actor_id, actor_role, action, target, outcome, code, request_id, client_address, count, encoded"
    };
}
/// The columns that [`audit_row`] reads, in its order.
macro_rules! audit_columns {
    () => {
        "seq, at, actor_kind, actor_id, actor_role, action, target, outcome, code, request_id, client_address, count, \
         previous_hash, hash"
    };
}
pub(crate) use {audit_columns, entry_columns};

/// In the order of the arrays.
pub(crate) const APPEND: &str = concat!(
    "SELECT append_audit(array_agg(ROW(",
    entry_columns!(),
    ")::audit_entry ORDER BY place)) FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], \
     $9::text[], $10::text[], $11::bigint[], $12::bytea[]) WITH ORDINALITY AS entry (",
    entry_columns!(),
    ", place)"
);
/// With its place in the chain.
const PUT: &str = concat!(
    "INSERT INTO audit_log (",
    audit_columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
);
const AFTER: &str =
    concat!("SELECT ", audit_columns!(), " FROM audit_log WHERE seq > $1 ORDER BY seq LIMIT $2");
const BOUNDS: &str = "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM audit_log";
const PAGE: &str = concat!(
    "SELECT ",
    audit_columns!(),
    " FROM audit_log WHERE seq >= $1 AND seq < $2 AND ($3::text IS NULL OR actor_kind = $3 OR actor_id = $3) \
     AND ($4::text IS NULL OR action = $4) AND ($5::text IS NULL OR target = $5) AND ($6::text IS NULL OR outcome = $6) \
     AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at < $8) ORDER BY seq DESC LIMIT $9"
);
/// The lock that makes one order, as the function takes it.
const LOCK: &str = "SELECT pg_advisory_xact_lock(1181513080, 3)";
/// The last of the oldest rows, at most `$2` of them, before the first one that is not older than `$1`.
const LAST_EXPIRED: &str = "WITH oldest AS MATERIALIZED (SELECT seq, at, hash FROM audit_log ORDER BY seq LIMIT $2) \
     SELECT seq, hash FROM oldest WHERE seq < coalesce((SELECT min(seq) FROM oldest WHERE at >= $1), 9223372036854775807) \
     ORDER BY seq DESC LIMIT 1";
const DELETE: &str = "DELETE FROM audit_log WHERE seq <= $1";

/// Entries as columns of values, the way `unnest` takes them. One that is missing has NULL in every column.
#[derive(Default)]
pub(crate) struct EntryValues {
    at: Vec<Option<Timestamp>>,
    actor_kinds: Vec<Option<&'static str>>,
    actor_ids: Vec<Option<String>>,
    actor_roles: Vec<Option<&'static str>>,
    actions: Vec<Option<&'static str>>,
    targets: Vec<Option<String>>,
    outcomes: Vec<Option<&'static str>>,
    codes: Vec<Option<String>>,
    request_ids: Vec<Option<String>>,
    client_addresses: Vec<Option<String>>,
    counts: Vec<Option<i64>>,
    encoded: Vec<Option<Vec<u8>>>,
}

impl EntryValues {
    pub(crate) fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        let mut values = Self::default();
        entries.into_iter().for_each(|entry| values.push(Some(entry)));
        values
    }

    pub(crate) fn push(&mut self, entry: Option<&Entry>) {
        let entry = entry.map(Entry::normalized);
        let entry = entry.as_ref();
        let of = |read: fn(&Entry) -> Option<&String>| entry.and_then(read).cloned();
        self.at.push(entry.map(|entry| entry.at));
        self.actor_kinds.push(entry.map(|entry| entry.actor.kind.as_str()));
        self.actor_ids.push(of(|entry| entry.actor.id.as_ref()));
        self.actor_roles.push(entry.map(|entry| entry.actor.role));
        self.actions.push(entry.map(|entry| entry.action.as_str()));
        self.targets.push(of(|entry| entry.target.as_ref()));
        self.outcomes.push(entry.map(|entry| entry.outcome.name()));
        self.codes.push(entry.and_then(|entry| entry.outcome.code()).map(str::to_owned));
        self.request_ids.push(of(|entry| entry.request_id.as_ref()));
        self.client_addresses.push(of(|entry| entry.client_address.as_ref()));
        self.counts.push(entry.map(|entry| count(entry.count)));
        self.encoded.push(entry.map(Entry::encode));
    }

    fn is_empty(&self) -> bool {
        self.at.is_empty()
    }
}

impl Parameters for EntryValues {
    /// In the order of [`APPEND`].
    fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.at,
            &self.actor_kinds,
            &self.actor_ids,
            &self.actor_roles,
            &self.actions,
            &self.targets,
            &self.outcomes,
            &self.codes,
            &self.request_ids,
            &self.client_addresses,
            &self.counts,
            &self.encoded,
        ]
    }
}

/// Queues rows to append. What is queued later takes no lock: the row of a write is the last that its transaction writes.
pub(crate) async fn enqueue<'e>(
    transaction: &mut PipelinedTransaction,
    entries: impl IntoIterator<Item = &'e Entry>,
) -> Result<(), Fault> {
    let values = EntryValues::of(entries);
    if values.is_empty() {
        return Ok(());
    }
    // One row: their count.
    transaction.enqueue("writing audit rows", APPEND, values, Some(1)).await
}

/// Appends rows in a transaction of their own.
pub(crate) async fn append(lease: &Lease, entries: &[Entry]) -> Result<(), Fault> {
    let what = "writing audit rows";
    let statement = lease.prepare_cached(APPEND).await.attempt(what)?;
    lease.execute(&statement, &EntryValues::of(entries).parameters()).await.map(drop).attempt(what)
}

/// Queues a row with its place in the chain.
pub(crate) async fn put(transaction: &mut PipelinedTransaction, row: &Row) -> Result<(), Fault> {
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
    } = row.clone();
    let values: Values = vec![
        Box::new(count(seq)),
        Box::new(columns::instant(at)),
        Box::new(actor_kind),
        Box::new(actor_id),
        Box::new(actor_role),
        Box::new(action),
        Box::new(target),
        Box::new(outcome),
        Box::new(code),
        Box::new(request_id),
        Box::new(client_address),
        Box::new(count(counted)),
        Box::new(previous_hash.as_bytes().to_vec()),
        Box::new(hash.as_bytes().to_vec()),
    ];
    transaction.enqueue("writing an audit row", PUT, values, Some(1)).await
}

pub(crate) fn decode(row: &tokio_postgres::Row) -> Result<Row, StoreError> {
    audit_row(&mut Columns::of(row, "audit_log"))
}

async fn select(lease: &Lease, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Fault> {
    let what = "reading the audit log";
    let statement = lease.prepare_cached(sql).await.attempt(what)?;
    let rows = lease.query(&statement, values).await.attempt(what)?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

pub(crate) async fn after(lease: &Lease, after: Sequence, limit: u32) -> Result<Vec<Row>, Fault> {
    select(lease, AFTER, &[&seq(after), &i64::from(limit)]).await
}

pub(crate) async fn page(lease: &Lease, query: &AuditQuery) -> Result<AuditPage, Fault> {
    let what = "reading the bounds of the audit log";
    let bounds = lease.prepare_cached(BOUNDS).await.attempt(what)?;
    let bounds = lease.query_one(&bounds, &[]).await.attempt(what)?;
    let bound = |column: usize| bounds.try_get(column).map(|bound: i64| u64::try_from(bound).unwrap_or(0));
    let (oldest, newest) = (bound(0).attempt(what)?, bound(1).attempt(what)?);
    let lowest = query.window(newest);
    let AuditQuery { actor, action, target, outcome, from, to, before, limit } = query;
    let values: [&(dyn ToSql + Sync); 9] = [
        &count(lowest),
        &before.map_or(i64::MAX, seq),
        actor,
        &action.map(Action::as_str),
        target,
        outcome,
        from,
        to,
        &i64::from(*limit).max(1).saturating_add(1),
    ];
    let rows = select(lease, PAGE, &values).await?;
    Ok(query.page(rows, lowest, oldest))
}

/// One step of retention. Returns how many rows were deleted.
pub(crate) async fn expire(
    mut transaction: PipelinedTransaction,
    before: Timestamp,
    now: Timestamp,
) -> Result<u64, Fault> {
    let what = "deleting expired audit rows";
    // Two servers must not delete the same rows and record it twice.
    transaction.query("locking the audit log", LOCK, &[]).await?;
    let rows = transaction.query(what, LAST_EXPIRED, &[&before, &count(AUDIT_EXPIRED_AT_ONCE)]).await?;
    let Some(row) = rows.first() else {
        transaction.rollback().await?;
        return Ok(0);
    };
    let mut columns = Columns::of(row, "audit_log");
    let last = Head { seq: columns.number("seq")?, hash: audit_hash(&mut columns, "hash")? };
    // First, so that it follows the newest row although that may be deleted too.
    enqueue(&mut transaction, [&expiry(last, now)]).await?;
    let oldest = "reading the oldest audit row";
    let bounds = transaction.query(oldest, BOUNDS, &[]).await?;
    let first: i64 = bounds.first().map_or(Ok(0), |row| row.try_get(0)).attempt(oldest)?;
    let values: Values = vec![Box::new(count(last.seq))];
    transaction.enqueue(what, DELETE, values, None).await?;
    transaction.commit().await?;
    let first = u64::try_from(first).unwrap_or_default();
    Ok(last.seq.saturating_add(1).saturating_sub(first))
}
