use std::collections::HashMap;

use fluxora_store::rows::StreamRow;
use fluxora_store::{Recorded, StoreError};
use fluxora_stream::{Change, UnixTime};
use jiff::Timestamp;
use tokio_postgres::Row;

use super::change::{rollback, write_and_commit};
use super::column_lists::stream_columns;
use super::row::decode_to_change;
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

/// What another step holds is that step's to record: rows that are locked are passed over.
pub(super) const DUE: &str = concat!(
    "SELECT ",
    stream_columns!(),
    ", due_at::text AS place FROM streams WHERE due_at <= $1::text::numeric AND (due_at, seq) > ($2::text::numeric, $3) \
     ORDER BY streams.due_at, seq LIMIT $4 FOR UPDATE SKIP LOCKED"
);
const LAST_EVENTS: &str = "SELECT locked.seq, (SELECT max(number) FROM stream_events WHERE stream = locked.seq) \
                           FROM unnest($1::bigint[]) AS locked (seq)";

pub(crate) async fn record_due(lease: &Lease, now: Timestamp, limit: u32) -> Result<Recorded, Fault> {
    lease.batch_execute("BEGIN").await.attempt("beginning a step of the stream clock")?;
    let mut recorded = Recorded::default();
    let mut changes: Vec<(i64, Change)> = Vec::new();
    for StreamRow { sequence, stream } in due(lease, now, limit, &mut recorded).await? {
        let change = stream.catch_up(now);
        recorded.streams = recorded.streams.saturating_add(1);
        recorded.events = recorded.events.saturating_add(change.events.len());
        changes.push((columns::seq(sequence), change));
    }
    if changes.is_empty() {
        rollback(lease).await?;
    } else {
        write_and_commit(lease, &changes, None).await?;
    }
    Ok(recorded)
}

/// Locks the streams that have fallen due, the longest due first. A row that cannot be read does not count against the limit.
async fn due(
    lease: &Lease,
    now: Timestamp,
    limit: u32,
    recorded: &mut Recorded,
) -> Result<Vec<StreamRow>, Fault> {
    let what = "reading streams that have fallen due";
    let statement = lease.prepare_cached(DUE).await.attempt(what)?;
    let now = columns::time(UnixTime::of(now));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut place = ("-1".to_owned(), 0_i64);
    let mut due = Vec::new();
    loop {
        // One row more than the limit shows whether there are more.
        let wanted = limit.saturating_sub(due.len()).saturating_add(1);
        let wanted = i64::try_from(wanted).unwrap_or(i64::MAX);
        let rows = lease.query(&statement, &[&now, &place.0, &place.1, &wanted]).await.attempt(what)?;
        let last_events = last_events(lease, &rows).await?;
        for row in &rows {
            let seq: i64 = row.try_get(0).attempt(what)?;
            place = (row.try_get("place").attempt(what)?, seq);
            match decode_to_change(row, last_events.get(&seq).copied().flatten()) {
                Ok(_) if due.len() == limit => {
                    recorded.more = true;
                    return Ok(due);
                }
                Ok(stream) => due.push(stream),
                Err(StoreError::Corrupt(row)) => recorded.unreadable.push(row),
                Err(error) => return Err(error.into()),
            }
        }
        if i64::try_from(rows.len()) != Ok(wanted) {
            return Ok(due);
        }
    }
}

/// The number of the last event of each stream, read after the rows were locked.
async fn last_events(lease: &Lease, rows: &[Row]) -> Result<HashMap<i64, Option<i64>>, Fault> {
    if rows.is_empty() {
        return Ok(HashMap::new());
    }
    let what = "reading the last events of what has fallen due";
    let statement = lease.prepare_cached(LAST_EVENTS).await.attempt(what)?;
    let seqs: Vec<i64> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().attempt(what)?;
    let last = lease.query(&statement, &[&seqs]).await.attempt(what)?;
    last.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, _>>().attempt(what)
}
