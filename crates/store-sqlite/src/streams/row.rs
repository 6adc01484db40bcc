use fluxora_decimal::Amount;
use fluxora_store::chain::StoredStream;
use fluxora_store::{CorruptRow, StoreError};
use fluxora_stream::{
    Address, Body, ChainBody, ContractState, Kind, Origin, Schedule, Status, StatusName, Stream, StreamId,
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

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
pub(crate) use stream_columns;

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
pub(crate) use select_to_change;

pub(crate) const FIND: &str = concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = ?1");
pub(crate) const FIND_TO_CHANGE: &str = select_to_change!("WHERE id = ?1");

const FINDING: &str = "reading a stream";
const CHAIN_ROWS: &str = concat!(
    "SELECT ",
    stream_columns!(),
    " FROM streams INDEXED BY streams_by_origin WHERE origin = 'chain' AND seq > ?1 ORDER BY seq LIMIT ?2"
);
pub(crate) fn decode(row: &Row<'_>) -> Result<StreamRow, StoreError> {
    decode_from(&mut Columns::of(row, "streams"))
}

/// Reads a stream that is about to change. Its count of events must be that of its history, or the next event would leave a
/// hole or meet another of its number.
pub(crate) fn decode_to_change(row: &Row<'_>) -> Result<StreamRow, StoreError> {
    let mut columns = Columns::of(row, "streams");
    let found = decode_from(&mut columns)?;
    let last = columns.integer("events")?;
    if last == i64::from(found.stream.event_count) {
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
    let event_count = columns.number("events")?;
    let mut schedule = Schedule::linear(deposit, rate, start, cliff, end);
    let body = decode_body(columns, id, &mut schedule)?;
    let stream =
        Stream { body, sender, recipient, schedule, withdrawn, status, created_at, updated_at, event_count };
    Ok(StreamRow { seq, stream })
}

/// Reads the columns that only a chain stream has, the rest of its schedule among them.
fn decode_body(columns: &mut Columns<'_>, id: StreamId, schedule: &mut Schedule) -> Result<Body, StoreError> {
    match id {
        StreamId::Api(id) => {
            ["kind", "checkpoint_amount", "checkpoint_at", "chain"]
                .into_iter()
                .try_for_each(|name| columns.skip(name))?;
            Ok(Body::Api { id })
        }
        StreamId::Chain { contract, number } => {
            schedule.kind = columns.parsed("kind", str::parse::<Kind>)?;
            schedule.checkpoint.amount = columns.parsed("checkpoint_amount", Amount::parse)?;
            schedule.checkpoint.at = columns.time("checkpoint_at")?;
            let state = columns.parsed("chain", |text| serde_json::from_str(text).map(ContractState::V9))?;
            Ok(Body::Chain(Box::new(ChainBody { contract, number, state })))
        }
    }
}

impl StreamRow {
    /// The row as a chain stream.
    pub(crate) fn into_stored(self) -> Result<StoredStream, StoreError> {
        let (id, event_count) = (self.stream.id(), self.stream.event_count);
        let stream = self.stream.into_chain().ok_or_else(|| CorruptRow {
            table: "streams",
            column: "id",
            row: self.seq.to_string(),
            reason: "not the id of a chain stream".to_owned(),
        })?;
        let sequence = columns::sequence(self.seq);
        Ok(StoredStream { id, sequence, event_count, stream: Some(stream) })
    }
}

/// Looks streams up by their ids.
pub(crate) struct Finder<'c> {
    statement: CachedStatement<'c>,
    decode: fn(&Row<'_>) -> Result<StreamRow, StoreError>,
}

impl<'c> Finder<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, StoreError> {
        Self::of(connection, FIND, decode)
    }

    /// For streams that are about to change.
    pub(crate) fn to_change(connection: &'c Connection) -> Result<Self, StoreError> {
        Self::of(connection, FIND_TO_CHANGE, decode_to_change)
    }

    fn of(
        connection: &'c Connection,
        sql: &str,
        decode: fn(&Row<'_>) -> Result<StreamRow, StoreError>,
    ) -> Result<Self, StoreError> {
        Ok(Self { statement: connection.prepare_cached(sql).attempt(FINDING)?, decode })
    }

    pub(crate) fn find(&mut self, id: &StreamId) -> Result<Option<StreamRow>, StoreError> {
        let row = self.statement.query_row([id.to_string()], |row| Ok((self.decode)(row)));
        row.optional().attempt(FINDING)?.transpose()
    }
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
