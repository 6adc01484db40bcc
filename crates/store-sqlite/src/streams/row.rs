use fluxora_decimal::Amount;
use fluxora_store::StoreError;
use fluxora_stream::{
    Address, Change, Kind, OnChain, Origin, Schedule, Status, StatusName, Stream, StreamId,
};
use rusqlite::types::Value;
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
         created_at, updated_at, events, kind, checkpoint_amount, checkpoint_at, chain"
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

const CHAIN_ROWS: &str = concat!(
    "SELECT ",
    stream_columns!(),
    " FROM streams INDEXED BY streams_by_origin WHERE origin = 'chain' AND seq > ?1 ORDER BY seq LIMIT ?2"
);
const INSERT: &str = "INSERT INTO streams (seq, id, origin, contract_id, sender, recipient, deposit, rate, start_time, cliff_time, \
                      end_time, withdrawn, status, status_at, due_at, created_at, updated_at, events, kind, checkpoint_amount, \
                      checkpoint_at, chain) \
                      VALUES (coalesce(?1, (SELECT max(coalesce((SELECT max(seq) FROM streams), 0), \
                                                       coalesce((SELECT max(seq) FROM removed_streams), 0))) + 1), \
                      ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";
/// What most changes are: nothing that an index holds. SQLite writes the entries of an index anew whenever one of its columns is set,
/// also to the value that it has.
const UPDATE: &str = "UPDATE streams SET deposit = ?1, rate = ?2, start_time = ?3, cliff_time = ?4, end_time = ?5, withdrawn = ?6, \
                      status_at = ?7, created_at = ?8, updated_at = ?9, events = ?10, kind = ?11, checkpoint_amount = ?12, \
                      checkpoint_at = ?13, chain = ?14 WHERE seq = ?15 AND sender = ?16 AND recipient = ?17 AND status = ?18";
/// The same parameters, for a stream whose parties or status have changed.
const UPDATE_LISTED: &str = "UPDATE streams SET deposit = ?1, rate = ?2, start_time = ?3, cliff_time = ?4, end_time = ?5, withdrawn = ?6, \
                             status_at = ?7, created_at = ?8, updated_at = ?9, events = ?10, kind = ?11, checkpoint_amount = ?12, \
                             checkpoint_at = ?13, chain = ?14, sender = ?16, recipient = ?17, status = ?18 WHERE seq = ?15";

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
    if origin != id.origin() {
        return Err(columns.corrupt("origin", "does not go with the id"));
    }
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
    let created_at = columns.instant("created_at")?;
    let updated_at = columns.instant("updated_at")?;
    let events = columns.number("events")?;
    let mut schedule = Schedule::linear(deposit, rate, start, cliff, end);
    let chain = decode_chain(columns, origin, &mut schedule)?;
    let stream =
        Stream { id, sender, recipient, schedule, withdrawn, status, created_at, updated_at, events, chain };
    Ok(StreamRow { seq, stream })
}

/// Reads what only a stream of the chain has, the rest of its schedule among it.
fn decode_chain(
    columns: &mut Columns<'_>,
    origin: Origin,
    schedule: &mut Schedule,
) -> Result<Option<Box<OnChain>>, StoreError> {
    if origin == Origin::Api {
        ["kind", "checkpoint_amount", "checkpoint_at", "chain"]
            .into_iter()
            .try_for_each(|name| columns.skip(name))?;
        return Ok(None);
    }
    schedule.kind = columns.parsed("kind", str::parse::<Kind>)?;
    schedule.checkpoint.amount = columns.parsed("checkpoint_amount", Amount::parse)?;
    schedule.checkpoint.at = columns.time("checkpoint_at")?;
    columns.parsed("chain", |text| serde_json::from_str(text)).map(Some)
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

/// Reads up to `limit` streams of the chain after a place, in the order of their creation.
pub(crate) fn read_chain_rows(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<StreamRow>, StoreError> {
    let what = "reading streams of the chain";
    let mut statement = connection.prepare_cached(CHAIN_ROWS).attempt(what)?;
    let rows = statement.query_map(params![after, limit], |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

/// Writes a new row: in a place that it had before, or in the next one. The place of a stream that was removed stays taken.
pub(crate) fn insert_row(
    connection: &Connection,
    seq: Option<i64>,
    stream: &Stream,
) -> Result<i64, StoreError> {
    let what = "writing a stream";
    let id = stream.id.to_string();
    let contract = stream.id.contract().map(|contract| contract.to_string());
    let (sender, recipient) = (stream.sender.to_string(), stream.recipient.to_string());
    let Stored { terms, kind, checkpoint, chain } = stored(stream)?;
    let write = || {
        connection.prepare_cached(INSERT)?.insert(params![
            seq,
            id,
            stream.origin().as_str(),
            contract,
            sender,
            recipient,
            terms[0],
            terms[1],
            columns::time(stream.schedule.start),
            columns::time(stream.schedule.cliff),
            columns::time(stream.schedule.end),
            terms[2],
            stream.status.name().as_str(),
            stream.status.since().map(columns::instant),
            stream.due_at().map(columns::time),
            columns::instant(stream.created_at),
            columns::instant(stream.updated_at),
            stream.events,
            kind,
            checkpoint.as_ref().map(|(amount, _)| amount),
            checkpoint.as_ref().map(|(_, at)| at),
            chain,
        ])
    };
    write().attempt(what)
}

/// Writes all that can change about a stream of the chain.
pub(crate) fn update_row(connection: &Connection, seq: i64, stream: &Stream) -> Result<(), StoreError> {
    let Stored { terms, kind, checkpoint, chain } = stored(stream)?;
    let (sender, recipient) = (stream.sender.to_string(), stream.recipient.to_string());
    let write = |sql| {
        connection.prepare_cached(sql)?.execute(params![
            terms[0],
            terms[1],
            columns::time(stream.schedule.start),
            columns::time(stream.schedule.cliff),
            columns::time(stream.schedule.end),
            terms[2],
            stream.status.since().map(columns::instant),
            columns::instant(stream.created_at),
            columns::instant(stream.updated_at),
            stream.events,
            kind,
            checkpoint.as_ref().map(|(amount, _)| amount),
            checkpoint.as_ref().map(|(_, at)| at),
            chain,
            seq,
            sender,
            recipient,
            stream.status.name().as_str(),
        ])
    };
    match write(UPDATE).attempt("changing a stream")? {
        0 => one_row(write(UPDATE_LISTED).attempt("changing a stream")?, seq),
        changed => one_row(changed, seq),
    }
}

/// A stream's values as its columns take them.
struct Stored {
    /// The deposit, the rate and what has been withdrawn.
    terms: [String; 3],
    kind: Option<&'static str>,
    checkpoint: Option<(String, Value)>,
    chain: Option<String>,
}

fn stored(stream: &Stream) -> Result<Stored, StoreError> {
    let schedule = &stream.schedule;
    let terms = [schedule.deposit.to_string(), schedule.rate.to_string(), stream.withdrawn.to_string()];
    let Some(chain) = &stream.chain else {
        return Ok(Stored { terms, kind: None, checkpoint: None, chain: None });
    };
    let chain = serde_json::to_string(chain).map_err(|error| StoreError::Internal {
        reason: "writing what the chain knows of a stream".to_owned(),
        source: Some(error.into()),
    })?;
    let checkpoint = (schedule.checkpoint.amount.to_string(), columns::time(schedule.checkpoint.at));
    Ok(Stored { terms, kind: Some(schedule.kind.as_str()), checkpoint: Some(checkpoint), chain: Some(chain) })
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
    one_row(write().attempt("changing a stream")?, seq)?;
    change.events.iter().try_for_each(|event| events::insert(connection, seq, event))
}

fn one_row(changed: usize, seq: i64) -> Result<(), StoreError> {
    if changed == 1 {
        return Ok(());
    }
    let reason = format!("row {seq} of streams went away while it was being changed");
    Err(StoreError::Internal { reason, source: None })
}
