use fluxora_store::delivery::{EventToFanOut, FanOutCursor};
use fluxora_store::rows::{logged_event, sequence};
use fluxora_store::{CorruptRow, Sequence, StoreError};
use fluxora_stream::{Address, EventParties};
use rusqlite::{Connection, Row, params};

use super::{execute, select};
use crate::columns::{self, Columns};
use crate::faults::Attempt;

/// The address that a stream has in one of its terms. A removed stream has no row: its events name the address.
macro_rules! party {
    ($name:literal) => {
        concat!(
            "coalesce(s.",
            $name,
            ", (SELECT json_extract(p.data, '$.changes.",
            $name,
            "') FROM stream_events p WHERE p.stream = e.stream AND json_extract(p.data, '$.changes.",
            $name,
            "') IS NOT NULL ORDER BY p.number DESC LIMIT 1))"
        )
    };
}

const CURSOR: &str = "SELECT cursor, followers FROM webhook_fan_out";
const SAVE_CURSOR: &str = "UPDATE webhook_fan_out SET cursor = ?1";
pub(super) const AFTER: &str = concat!(
    "SELECT e.seq, coalesce(s.id, r.id), e.number, e.type, e.occurred_at, e.recorded_at, e.data, ",
    party!("sender"),
    " AS sender, ",
    party!("recipient"),
    " AS recipient FROM stream_events e LEFT JOIN streams s ON s.seq = e.stream \
     LEFT JOIN removed_streams r ON r.seq = e.stream WHERE e.seq > ?1 ORDER BY e.seq LIMIT ?2"
);

pub(super) fn cursor(connection: &Connection) -> Result<FanOutCursor, StoreError> {
    let read = || connection.prepare_cached(CURSOR)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)));
    let (cursor, followers) = read().attempt("reading the fan-out cursor")?;
    Ok(FanOutCursor { sequence: sequence(cursor), followers })
}

pub(crate) fn save_cursor(connection: &Connection, cursor: Sequence) -> Result<(), StoreError> {
    execute(connection, "moving the fan-out cursor", SAVE_CURSOR, [columns::seq(cursor)]).map(drop)
}

pub(super) fn after(
    connection: &Connection,
    after: Sequence,
    limit: u32,
) -> Result<Vec<EventToFanOut>, StoreError> {
    select(connection, "reading events to fan out", AFTER, params![columns::seq(after), limit], decode)
}

fn decode(row: &Row<'_>) -> Result<EventToFanOut, StoreError> {
    let logged = logged_event(&mut Columns::of(row, "stream_events"))?;
    let parties = EventParties { sender: party(row, "sender")?, recipient: party(row, "recipient")? };
    Ok(EventToFanOut { logged, parties })
}

fn party(row: &Row<'_>, column: &'static str) -> Result<Option<Address>, StoreError> {
    let text: Option<String> = row.get(column).attempt("reading a party of an event")?;
    let parse = |text: String| {
        Address::parse(&text).map_err(|error| {
            let row = row.get::<_, i64>(0).map_or_else(|_| "unknown".to_owned(), |seq| seq.to_string());
            CorruptRow { table: "stream_events", column, row, reason: error.to_string() }.into()
        })
    };
    text.map(parse).transpose()
}
