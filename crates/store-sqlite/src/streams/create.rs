use fluxora_store::{CreateStream, Created, StoreError};
use rusqlite::Connection;

use super::{events, idempotency, write};
use crate::keys;

pub(crate) fn create(connection: &Connection, create: &CreateStream) -> Result<Created, StoreError> {
    if let Some(keyed) = &create.keyed {
        match idempotency::find(connection, &keyed.scope, &keyed.key, keyed.expired_before)? {
            Some(stored) if stored.request == keyed.request => return Ok(Created::Replayed(stored.response)),
            Some(_) => return Ok(Created::KeyReused),
            None => idempotency::write(connection, keyed)?,
        }
    }
    let seq = write::Inserts::new(connection)?.insert(None, &create.stream)?;
    events::Inserts::new(connection)?.insert(seq, &create.event)?;
    if let Some(owner) = &create.owner {
        keys::put_stream_owner(connection, &create.stream.id().to_string(), owner.as_str())?;
    }
    Ok(Created::Done)
}
