use std::collections::HashMap;

use fluxora_store::chain::{StoredStream, StreamWrite};
use fluxora_store::copy::RemovedStream;
use fluxora_store::rows::{self, StreamRow};
use fluxora_store::{Sequence, StoreError};
use fluxora_stream::{StreamEvent, StreamId};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::columns::{Columns, seq};
use crate::faults::Attempt;
use crate::streams::{EventInserts, Finder, Inserts, Updates, read_chain_rows};

const REMOVED: &str = "SELECT seq, id, events FROM removed_streams WHERE id = ?1";
const WHAT: &str = "changing chain streams";

pub(crate) fn read(connection: &Connection, ids: &[StreamId]) -> Result<Vec<StoredStream>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    let mut finder = Finder::new(connection)?;
    for id in ids {
        found.extend(match finder.find(id)? {
            Some(row) => Some(row.into_stored()?),
            None => removed(connection, *id)?,
        });
    }
    Ok(found)
}

fn removed(connection: &Connection, id: StreamId) -> Result<Option<StoredStream>, StoreError> {
    let mut statement = connection.prepare_cached(REMOVED).attempt(WHAT)?;
    let row = statement.query_row([id.to_string()], |row| Ok(decode_removed(row)));
    let removed = row.optional().attempt(WHAT)?.transpose()?;
    Ok(removed.map(|RemovedStream { sequence, id, event_count }| StoredStream {
        id,
        sequence,
        event_count,
        stream: None,
    }))
}

pub(crate) fn decode_removed(row: &Row<'_>) -> Result<RemovedStream, StoreError> {
    rows::removed_stream(&mut Columns::of(row, "removed_streams"))
}

pub(crate) fn after(
    connection: &Connection,
    after: Option<Sequence>,
    limit: u32,
) -> Result<Vec<StoredStream>, StoreError> {
    let after = after.map_or(0, seq);
    let rows = read_chain_rows(connection, after, limit)?;
    rows.into_iter().map(StreamRow::into_stored).collect()
}

pub(crate) fn write(
    connection: &Connection,
    streams: &[StreamWrite],
    events: &[StreamEvent],
) -> Result<(), StoreError> {
    let mut sequences = HashMap::with_capacity(streams.len());
    let (mut inserts, mut updates) = (Inserts::new(connection)?, Updates::new(connection)?);
    for write in streams {
        let (id, seq) = match write {
            StreamWrite::Insert(stream) => (stream.id(), inserts.insert(None, stream)?),
            StreamWrite::Update(sequence, stream) => {
                updates.update(seq(*sequence), stream)?;
                (stream.id(), seq(*sequence))
            }
            StreamWrite::Restore(sequence, stream) => {
                delete_removed(connection, seq(*sequence))?;
                (stream.id(), inserts.insert(Some(seq(*sequence)), stream)?)
            }
            StreamWrite::Remove { sequence, id, event_count } => {
                remove(connection, seq(*sequence), *id, *event_count)?;
                (*id, seq(*sequence))
            }
        };
        sequences.insert(id, seq);
    }
    let mut inserts = EventInserts::new(connection)?;
    for event in events {
        let seq = sequences.get(&event.stream).ok_or_else(|| StoreError::Internal {
            reason: format!("an event is emitted for stream {}, which does not change", event.stream),
            source: None,
        })?;
        inserts.insert(*seq, event)?;
    }
    Ok(())
}

fn remove(connection: &Connection, seq: i64, id: StreamId, event_count: u32) -> Result<(), StoreError> {
    let delete = || connection.prepare_cached("DELETE FROM streams WHERE seq = ?1")?.execute([seq]);
    delete().attempt(WHAT)?;
    insert_removed(connection, seq, id, event_count)
}

pub(crate) fn insert_removed(
    connection: &Connection,
    seq: i64,
    id: StreamId,
    event_count: u32,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO removed_streams (seq, id, events) VALUES (?1, ?2, ?3)";
    let write = || connection.prepare_cached(sql)?.execute(params![seq, id.to_string(), event_count]);
    write().map(drop).attempt(WHAT)
}

fn delete_removed(connection: &Connection, seq: i64) -> Result<(), StoreError> {
    let write = || connection.prepare_cached("DELETE FROM removed_streams WHERE seq = ?1")?.execute([seq]);
    write().map(drop).attempt(WHAT)
}
