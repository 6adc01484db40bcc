use fluxora_store::StoreError;
use fluxora_store::rows::{self, ReadColumns, StreamRow};
use fluxora_stream::StreamId;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, params};

use super::column_lists::stream_columns;
use crate::columns::Columns;
use crate::faults::Attempt;

/// A query for what [`decode_to_change`] reads: the row and the number of the last event in its history.
macro_rules! select_to_change {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            $crate::streams::column_lists::stream_columns!(),
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
    rows::stream(&mut Columns::of(row, "streams"))
}

pub(crate) fn decode_to_change(row: &Row<'_>) -> Result<StreamRow, StoreError> {
    rows::stream_to_change(&mut Columns::of(row, "streams"), |columns| columns.integer("events").map(Some))
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

/// Reads up to `limit` chain streams after a sequence, in the order of creation.
pub(crate) fn read_chain_rows(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<StreamRow>, StoreError> {
    let what = "reading chain streams";
    let mut statement = connection.prepare_cached(CHAIN_ROWS).attempt(what)?;
    let rows = statement.query_map(params![after, limit], |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}
