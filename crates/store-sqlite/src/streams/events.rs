use fluxora_store::{EventPage, StoreError, rows};
use fluxora_stream::{LoggedEvent, StreamEvent, StreamId, UnixTime};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, params};

use crate::columns::{self, Columns};
use crate::faults::Attempt;

pub(crate) const EVENTS: &str = "SELECT seq, number, type, occurred_at, recorded_at, data FROM stream_events \
                                 WHERE stream = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
pub(crate) const HISTORY: &str = "SELECT seq, number, type, occurred_at, recorded_at, data FROM stream_events \
                                  WHERE stream = ?1 AND occurred_at < ?2 ORDER BY number";
/// Events with the ids of their streams, the removed ones among them.
pub(crate) const LOGGED: &str = "SELECT e.seq, coalesce(s.id, r.id), e.number, e.type, e.occurred_at, e.recorded_at, e.data \
                                 FROM stream_events e LEFT JOIN streams s ON s.seq = e.stream \
                                 LEFT JOIN removed_streams r ON r.seq = e.stream";
const INSERT: &str = "INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const WRITING: &str = "writing an event";
pub(crate) const SEQ_OF: &str = "SELECT seq FROM streams WHERE id = ?1";

/// Writes stream events.
pub(crate) struct Inserts<'c>(CachedStatement<'c>);

impl<'c> Inserts<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, StoreError> {
        connection.prepare_cached(INSERT).attempt(WRITING).map(Self)
    }

    pub(crate) fn insert(&mut self, stream: i64, event: &StreamEvent) -> Result<(), StoreError> {
        let data = serde_json::to_string(&event.data).map_err(|error| StoreError::Internal {
            reason: "writing an event's data".to_owned(),
            source: Some(error.into()),
        })?;
        let written = self.0.execute(params![
            stream,
            event.stream_seq,
            event.kind.name(),
            columns::instant(event.occurred_at),
            columns::instant(event.recorded_at),
            data,
        ]);
        written.map(drop).attempt(WRITING)
    }
}

pub(crate) fn events(
    connection: &Connection,
    id: &StreamId,
    after: u32,
    limit: u32,
) -> Result<Option<EventPage>, StoreError> {
    let Some(seq) = seq_of(connection, id)? else { return Ok(None) };
    let mut events = select(connection, EVENTS, params![seq, after, i64::from(limit).saturating_add(1)], id)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = events.len() > limit;
    events.truncate(limit);
    Ok(Some(EventPage { events, more }))
}

pub(crate) fn history(
    connection: &Connection,
    id: &StreamId,
    until: UnixTime,
) -> Result<Vec<StreamEvent>, StoreError> {
    let Some(seq) = seq_of(connection, id)? else { return Ok(Vec::new()) };
    let history = select(connection, HISTORY, params![seq, columns::end_of(until)], id)?;
    Ok(history.into_iter().map(|logged| logged.event).collect())
}

fn seq_of(connection: &Connection, id: &StreamId) -> Result<Option<i64>, StoreError> {
    let find = || {
        let mut statement = connection.prepare_cached(SEQ_OF)?;
        statement.query_row([id.to_string()], |row| row.get(0)).optional()
    };
    find().attempt("looking up a stream")
}

fn select(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    id: &StreamId,
) -> Result<Vec<LoggedEvent>, StoreError> {
    let what = "reading a stream's history";
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    let rows = statement.query_map(params, |row| Ok(decode(row, id))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

fn decode(row: &Row<'_>, id: &StreamId) -> Result<LoggedEvent, StoreError> {
    rows::event_of(&mut Columns::of(row, "stream_events"), *id)
}

/// Reads a row of [`LOGGED`].
pub(crate) fn decode_logged(row: &Row<'_>) -> Result<LoggedEvent, StoreError> {
    rows::logged_event(&mut Columns::of(row, "stream_events"))
}
