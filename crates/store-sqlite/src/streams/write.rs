use fluxora_store::StoreError;
use fluxora_store::rows::FamilyColumns;
use fluxora_stream::{Change, Stream};
use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection, params};

use super::column_lists::{INSERT, UPDATE, UPDATE_LISTED};
use super::events;
use crate::columns;
use crate::faults::Attempt;

const INSERTING: &str = "writing a stream";
const UPDATING: &str = "changing a stream";

/// Writes new rows.
pub(crate) struct Inserts<'c>(CachedStatement<'c>);

impl<'c> Inserts<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, StoreError> {
        connection.prepare_cached(INSERT).attempt(INSERTING).map(Self)
    }

    /// Inserts a row with a given sequence, or with the next one. The sequence of a removed stream is not used again.
    pub(crate) fn insert(&mut self, seq: Option<i64>, stream: &Stream) -> Result<i64, StoreError> {
        let id = stream.id().to_string();
        let contract = stream.id().contract().map(|contract| contract.to_string());
        let (sender, recipient) = (stream.sender.to_string(), stream.recipient.to_string());
        let family = FamilyColumns::of(stream)?;
        let checkpoint = checkpoint(&family);
        let times = stream.times();
        let written = self.0.insert(params![
            seq,
            id,
            stream.origin().as_str(),
            contract,
            sender,
            recipient,
            family.deposit,
            family.rate,
            columns::time(times.start),
            columns::time(times.cliff),
            columns::time(times.end),
            family.withdrawn,
            stream.status.name().as_str(),
            stream.status.since().map(columns::instant),
            stream.due_at().map(columns::time),
            columns::instant(stream.created_at),
            columns::instant(stream.updated_at),
            stream.event_count,
            family.kind,
            checkpoint.as_ref().map(|(amount, _)| amount),
            checkpoint.as_ref().map(|(_, at)| at),
            family.chain,
            family.family,
        ]);
        written.attempt(INSERTING)
    }
}

/// Writes everything that can change of a chain stream.
pub(crate) struct Updates<'c> {
    unlisted: CachedStatement<'c>,
    listed: CachedStatement<'c>,
}

impl<'c> Updates<'c> {
    pub(crate) fn new(connection: &'c Connection) -> Result<Self, StoreError> {
        let prepare = |sql| connection.prepare_cached(sql).attempt(UPDATING);
        Ok(Self { unlisted: prepare(UPDATE)?, listed: prepare(UPDATE_LISTED)? })
    }

    pub(crate) fn update(&mut self, seq: i64, stream: &Stream) -> Result<(), StoreError> {
        let family = FamilyColumns::of(stream)?;
        let checkpoint = checkpoint(&family);
        let times = stream.times();
        let (sender, recipient) = (stream.sender.to_string(), stream.recipient.to_string());
        let write = |statement: &mut CachedStatement<'_>| {
            let changed = statement.execute(params![
                family.deposit,
                family.rate,
                columns::time(times.start),
                columns::time(times.cliff),
                columns::time(times.end),
                family.withdrawn,
                stream.status.since().map(columns::instant),
                columns::instant(stream.created_at),
                columns::instant(stream.updated_at),
                stream.event_count,
                family.kind,
                checkpoint.as_ref().map(|(amount, _)| amount),
                checkpoint.as_ref().map(|(_, at)| at),
                family.chain,
                seq,
                sender,
                recipient,
                stream.status.name().as_str(),
                family.family,
            ]);
            changed.attempt(UPDATING)
        };
        match write(&mut self.unlisted)? {
            0 => one_row(write(&mut self.listed)?, seq),
            changed => one_row(changed, seq),
        }
    }
}

/// The columns of a checkpoint.
fn checkpoint(family: &FamilyColumns) -> Option<(String, Value)> {
    let checkpoint = family.checkpoint?;
    Some((checkpoint.amount.to_string(), columns::time(checkpoint.at)))
}

/// Writes what a decision made of the stream in row `seq`, and its events.
pub(crate) fn write_change(connection: &Connection, seq: i64, change: &Change) -> Result<(), StoreError> {
    let sql = "UPDATE streams SET status = ?1, status_at = ?2, due_at = ?3, updated_at = ?4, events = ?5 WHERE seq = ?6";
    let stream = &change.stream;
    let write = || {
        connection.prepare_cached(sql)?.execute(params![
            stream.status.name().as_str(),
            stream.status.since().map(columns::instant),
            stream.due_at().map(columns::time),
            columns::instant(stream.updated_at),
            stream.event_count,
            seq,
        ])
    };
    one_row(write().attempt("changing a stream")?, seq)?;
    let mut events = events::Inserts::new(connection)?;
    change.events.iter().try_for_each(|event| events.insert(seq, event))
}

fn one_row(changed: usize, seq: i64) -> Result<(), StoreError> {
    if changed == 1 {
        return Ok(());
    }
    let reason = format!("row {seq} of streams went away while it was being changed");
    Err(StoreError::Internal { reason, source: None })
}
