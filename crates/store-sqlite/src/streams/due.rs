use fluxora_store::rows::StreamRow;
use fluxora_store::{Recorded, StoreError};
use fluxora_stream::UnixTime;
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::row::{self, select_to_change};
use super::write;
use crate::columns;
use crate::faults::Attempt;

pub(super) const DUE: &str = select_to_change!("WHERE due_at <= ?1 ORDER BY due_at, seq");

pub(crate) fn record_due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> Result<Recorded, StoreError> {
    let mut recorded = Recorded::default();
    for StreamRow { sequence, stream } in due(connection, now, limit, &mut recorded)? {
        let change = stream.catch_up(now);
        write::write_change(connection, columns::seq(sequence), &change)?;
        recorded.streams = recorded.streams.saturating_add(1);
        recorded.events = recorded.events.saturating_add(change.events.len());
    }
    Ok(recorded)
}

/// Reads the streams that have fallen due, the longest due first. A row that cannot be read does not count against the limit.
fn due(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
    recorded: &mut Recorded,
) -> Result<Vec<StreamRow>, StoreError> {
    let what = "reading streams that have fallen due";
    let mut statement = connection.prepare_cached(DUE).attempt(what)?;
    let mut rows = statement.query(params![columns::time(UnixTime::of(now))]).attempt(what)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut due = Vec::new();
    while let Some(row) = rows.next().attempt(what)? {
        if due.len() == limit {
            recorded.more = true;
            break;
        }
        match row::decode_to_change(row) {
            Ok(stream) => due.push(stream),
            Err(StoreError::Corrupt(row)) => recorded.unreadable.push(row),
            Err(error) => return Err(error),
        }
    }
    Ok(due)
}
