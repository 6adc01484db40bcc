use fluxora_store::{Outcome, StoreError};
use fluxora_stream::{CancelRefused, Stream, StreamId};
use jiff::Timestamp;
use rusqlite::Connection;

use super::{row, write};
use crate::columns::seq;

pub(crate) fn cancel(
    connection: &Connection,
    id: &StreamId,
    now: Timestamp,
) -> Result<Outcome<Stream, CancelRefused>, StoreError> {
    let Some(found) = row::Finder::to_change(connection)?.find(id)? else { return Ok(Outcome::NotFound) };
    Ok(match found.stream.cancel(now) {
        Ok(change) => {
            write::write_change(connection, seq(found.sequence), &change)?;
            Outcome::Done(change.stream)
        }
        Err(refused) => Outcome::Refused(refused),
    })
}
