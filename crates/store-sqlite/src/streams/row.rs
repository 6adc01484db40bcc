use fluxora_decimal::Amount;
use fluxora_store::StoreError;
use fluxora_stream::{Address, Change, Origin, Schedule, Status, StatusName, Stream, StreamId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::events;
use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// A stream and its place in the order of creation.
pub(crate) struct StreamRow {
    pub(crate) seq: i64,
    pub(crate) stream: Stream,
}

/// The columns that [`decode`] reads, in its order.
macro_rules! stream_columns {
    () => {
        "seq, id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, status_at, \
         created_at, updated_at, events"
    };
}
pub(super) use stream_columns;

/// A query for what [`decode_to_change`] reads: the row and the number of the last event in its history.
macro_rules! select_to_change {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            $crate::streams::row::stream_columns!(),
            ", (SELECT max(number) FROM stream_events WHERE stream = streams.seq) FROM streams ",
            $rest
        )
    };
}
pub(super) use select_to_change;

pub(super) const FIND: &str = concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = ?1");
pub(super) const FIND_TO_CHANGE: &str = select_to_change!("WHERE id = ?1");

pub(super) fn decode(row: &Row<'_>) -> Result<StreamRow, StoreError> {
    decode_from(&mut Columns::of(row, "streams"))
}

/// Reads a stream that is about to change. Its count of events must be that of its history, or the next event would leave a
/// hole or meet another of its number.
pub(super) fn decode_to_change(row: &Row<'_>) -> Result<StreamRow, StoreError> {
    let mut columns = Columns::of(row, "streams");
    let found = decode_from(&mut columns)?;
    let last = columns.integer("events")?;
    if last == i64::from(found.stream.events) {
        Ok(found)
    } else {
        Err(columns.corrupt("events", format_args!("the last event of its history is number {last}")))
    }
}

fn decode_from(columns: &mut Columns<'_>) -> Result<StreamRow, StoreError> {
    let seq = columns.integer("seq")?;
    let id = columns.parsed("id", |text| StreamId::parse(text).ok_or("not a stream's id"))?;
    let origin = columns.parsed("origin", str::parse::<Origin>)?;
    let sender = columns.parsed("sender", Address::parse)?;
    let recipient = columns.parsed("recipient", Address::parse)?;
    let deposit = columns.parsed("deposit", Amount::parse)?;
    let rate = columns.parsed("rate", Amount::parse)?;
    let start = columns.time("start_time")?;
    let cliff = columns.time("cliff_time")?;
    let end = columns.time("end_time")?;
    let withdrawn = columns.parsed("withdrawn", Amount::parse)?;
    let name = columns.parsed("status", str::parse::<StatusName>)?;
    let at = columns.optional_instant("status_at")?;
    let status = Status::from_parts(name, at)
        .ok_or_else(|| columns.corrupt("status_at", "does not go with the status"))?;
    Ok(StreamRow {
        seq,
        stream: Stream {
            id,
            origin,
            sender,
            recipient,
            schedule: Schedule::linear(deposit, rate, start, cliff, end),
            withdrawn,
            status,
            created_at: columns.instant("created_at")?,
            updated_at: columns.instant("updated_at")?,
            events: columns.number("events")?,
        },
    })
}

pub(crate) fn find(connection: &Connection, id: &StreamId) -> Result<Option<StreamRow>, StoreError> {
    find_by(connection, FIND, id, decode)
}

pub(super) fn find_to_change(
    connection: &Connection,
    id: &StreamId,
) -> Result<Option<StreamRow>, StoreError> {
    find_by(connection, FIND_TO_CHANGE, id, decode_to_change)
}

fn find_by(
    connection: &Connection,
    sql: &str,
    id: &StreamId,
    decode: fn(&Row<'_>) -> Result<StreamRow, StoreError>,
) -> Result<Option<StreamRow>, StoreError> {
    let mut statement = connection.prepare_cached(sql).attempt("reading a stream")?;
    let row = statement.query_row([id.to_string()], |row| Ok(decode(row))).optional();
    row.attempt("reading a stream")?.transpose()
}

pub(super) fn insert(connection: &Connection, stream: &Stream) -> Result<i64, StoreError> {
    let sql = "INSERT INTO streams (id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, \
               withdrawn, status, status_at, due_at, created_at, updated_at, events) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
    let schedule = &stream.schedule;
    let write = || {
        connection.prepare_cached(sql)?.insert(params![
            stream.id.to_string(),
            stream.origin.as_str(),
            stream.sender.to_string(),
            stream.recipient.to_string(),
            schedule.deposit.to_string(),
            schedule.rate.to_string(),
            columns::time(schedule.start),
            columns::time(schedule.cliff),
            columns::time(schedule.end),
            stream.withdrawn.to_string(),
            stream.status.name().as_str(),
            stream.status.since().map(columns::instant),
            stream.due_at().map(columns::time),
            columns::instant(stream.created_at),
            columns::instant(stream.updated_at),
            stream.events,
        ])
    };
    write().attempt("writing a stream")
}

/// Writes what a decision made of the stream in row `seq`, and its events.
pub(super) fn write_change(connection: &Connection, seq: i64, change: &Change) -> Result<(), StoreError> {
    let sql = "UPDATE streams SET status = ?1, status_at = ?2, due_at = ?3, updated_at = ?4, events = ?5 WHERE seq = ?6";
    let stream = &change.stream;
    let write = || {
        connection.prepare_cached(sql)?.execute(params![
            stream.status.name().as_str(),
            stream.status.since().map(columns::instant),
            stream.due_at().map(columns::time),
            columns::instant(stream.updated_at),
            stream.events,
            seq,
        ])
    };
    if write().attempt("changing a stream")? != 1 {
        let reason = format!("row {seq} of streams went away while it was being changed");
        return Err(StoreError::Internal { reason, source: None });
    }
    change.events.iter().try_for_each(|event| events::insert(connection, seq, event))
}
