//! Streams, their events and idempotency records as records of a copy.

use fluxora_store::chain::ContractTallies;
use fluxora_store::copy::Record;
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::{LoggedEvent, Stream, StreamEvent, StreamId};
use rusqlite::{Connection, OptionalExtension, params};

use super::section::SectionQuery;
use crate::chain::contracts;
use crate::columns;
use crate::faults::Attempt;
use crate::streams::column_lists::stream_columns;
use crate::streams::idempotency::{self, record_columns};
use crate::streams::row;
use crate::streams::{events, write};

pub(crate) const STREAMS: SectionQuery = SectionQuery {
    table: "streams",
    select: concat!("SELECT ", stream_columns!(), " FROM streams"),
    holds: "true",
    after: "seq > ?1 ORDER BY seq LIMIT ?2",
    at: "seq = ?1",
    decode: |row| row::decode(row).map(|row| Record::Stream(row.sequence, row.stream)),
};
pub(crate) const EVENTS: SectionQuery = SectionQuery {
    table: "stream_events",
    select: events::LOGGED,
    holds: "true",
    after: "e.seq > ?1 ORDER BY e.seq LIMIT ?2",
    at: "e.seq = ?1",
    decode: |row| {
        events::decode_logged(row).map(|LoggedEvent { sequence, event }| Record::Event(sequence, event))
    },
};
pub(crate) const IDEMPOTENCY_RECORDS: SectionQuery = SectionQuery {
    table: "idempotency_records",
    select: concat!("SELECT ", record_columns!(), " FROM idempotency_records"),
    holds: "true",
    after: "(scope, key) > (?1, ?2) ORDER BY scope, key LIMIT ?3",
    at: "scope = ?1 AND key = ?2",
    decode: |row| idempotency::decode(row).map(Record::Idempotency),
};

/// Reads the seq of an event's stream from `streams` or `removed_streams`.
pub(crate) fn owner(connection: &Connection, id: &StreamId) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT seq FROM streams WHERE id = ?1 UNION ALL SELECT seq FROM removed_streams WHERE id = ?1";
    let find = || {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_row([id.to_string()], |row| row.get(0)).optional()
    };
    find().attempt("looking up the stream of an event")
}

pub(crate) fn put_stream(
    connection: &Connection,
    sequence: Sequence,
    stream: &Stream,
) -> Result<(), StoreError> {
    write::Inserts::new(connection)?.insert(Some(columns::seq(sequence)), stream)?;
    contracts::tally(connection, &ContractTallies::of_streams([stream]))
}

pub(crate) fn put_event(
    connection: &Connection,
    sequence: Sequence,
    owner: i64,
    event: &StreamEvent,
) -> Result<(), StoreError> {
    events::Inserts::new(connection)?.insert(owner, event)?;
    // Most have their sequence already: rows are numbered one by one.
    let (sequence, seq) = (columns::seq(sequence), connection.last_insert_rowid());
    if sequence == seq {
        return Ok(());
    }
    let sql = "UPDATE stream_events SET seq = ?1 WHERE seq = ?2";
    let write = || connection.prepare_cached(sql)?.execute(params![sequence, seq]);
    write().map(drop).attempt("setting the sequence of a copied event")
}
