use fluxora_store::{Outcome, StoreError};
use fluxora_stream::{CancelRefused, Stream, StreamId};
use jiff::Timestamp;
use rusqlite::Connection;

use super::row;

pub(crate) fn cancel(
    connection: &Connection,
    id: &StreamId,
    now: Timestamp,
) -> Result<Outcome<Stream, CancelRefused>, StoreError> {
    let Some(found) = row::find_to_change(connection, id)? else { return Ok(Outcome::NotFound) };
    Ok(match found.stream.cancel(now) {
        Ok(change) => {
            row::write_change(connection, found.seq, &change)?;
            Outcome::Done(change.stream)
        }
        Err(refused) => Outcome::Refused(refused),
    })
}
