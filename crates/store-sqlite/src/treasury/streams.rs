use fluxora_store::StoreError;
use fluxora_store::treasury::StreamsRead;
use fluxora_treasury::{Party, Role};
use rusqlite::{Connection, params};

use crate::faults::Attempt;
use crate::streams::column_lists::stream_columns;
use crate::streams::row::decode;

/// Streams of one side, newest first.
macro_rules! of_party {
    ($side:literal) => {
        concat!(
            "SELECT ",
            stream_columns!(),
            " FROM streams INDEXED BY streams_by_",
            $side,
            " WHERE ",
            $side,
            " = ?1 ORDER BY seq DESC LIMIT ?2"
        )
    };
}

pub(super) fn of(connection: &Connection, party: &Party, limit: u32) -> Result<StreamsRead, StoreError> {
    let what = "reading the streams of a party";
    let sql = match party.role {
        Role::Sender => of_party!("sender"),
        Role::Recipient => of_party!("recipient"),
    };
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    let mut rows = statement.query(params![party.address.to_string(), limit]).attempt(what)?;
    let mut read = StreamsRead::default();
    while let Some(row) = rows.next().attempt(what)? {
        match decode(row) {
            Ok(found) => read.streams.push(found.stream),
            Err(StoreError::Corrupt(_)) => read.unreadable = read.unreadable.saturating_add(1),
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
