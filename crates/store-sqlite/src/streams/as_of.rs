use fluxora_store::{StateAt, StoreError, replay};
use fluxora_stream::{Stream, StreamId, UnixTime};
use rusqlite::Connection;

use super::events::history;
use super::row::Finder;

/// Reads the state of a stream at the end of the second `at` from its row or its history; the outer `None` if it has to be rebuilt from
/// contract events.
///
/// Row and history need no common snapshot: a history only grows, by events that occur later.
pub(crate) fn stored_or_replayed(
    connection: &Connection,
    id: &StreamId,
    at: UnixTime,
) -> Result<Option<Option<Stream>>, StoreError> {
    let Some(found) = Finder::new(connection)?.find(id)? else { return Ok(Some(None)) };
    match StateAt::of(found.stream, at) {
        StateAt::Current(stream) => Ok(Some(Some(*stream))),
        StateAt::History => Ok(Some(replay(&history(connection, id, at)?)?)),
        StateAt::ContractEvents => Ok(None),
    }
}
