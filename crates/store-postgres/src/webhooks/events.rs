use fluxora_store::delivery::{EventToFanOut, FanOutCursor};
use fluxora_store::rows::sequence;
use fluxora_store::{CorruptRow, Sequence, StoreError};
use fluxora_stream::{Address, EventParties};
use tokio_postgres::Row;

use super::decode_all;
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::streams::events::{decode_logged, logged_columns, logged_tables};

/// The address that a stream has in one of its terms. A removed stream has no row: its events name the address.
macro_rules! party {
    ($name:literal) => {
        concat!(
            "coalesce(s.",
            $name,
            ", (SELECT p.data->'changes'->>'",
            $name,
            "' FROM stream_events p WHERE p.stream = e.stream AND p.data->'changes'->>'",
            $name,
            "' IS NOT NULL ORDER BY p.number DESC LIMIT 1))"
        )
    };
}

const CURSOR: &str = "SELECT cursor, followers FROM webhook_fan_out WHERE one = 1 FOR UPDATE";
const SAVE_CURSOR: &str = "UPDATE webhook_fan_out SET cursor = $1 WHERE one = 1";
const HEAD: &str = "SELECT coalesce(max(seq), 0) FROM stream_events";
pub(super) const AFTER: &str = concat!(
    "SELECT ",
    logged_columns!(),
    ", ",
    party!("sender"),
    " AS sender, ",
    party!("recipient"),
    " AS recipient FROM ",
    logged_tables!(),
    " WHERE e.seq > $1 ORDER BY e.seq LIMIT $2"
);

pub(super) async fn cursor(transaction: &mut PipelinedTransaction) -> Result<FanOutCursor, Fault> {
    let what = "locking the fan-out cursor";
    let rows = transaction.query(what, CURSOR, &[]).await?;
    let read = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
    let (cursor, followers) = rows.first().map_or(Ok((0, 0)), read).attempt(what)?;
    Ok(FanOutCursor { sequence: sequence(cursor), followers })
}

pub(super) async fn head(transaction: &mut PipelinedTransaction) -> Result<Sequence, Fault> {
    let what = "reading the head of the event log";
    let rows = transaction.query(what, HEAD, &[]).await?;
    let head = rows.first().map_or(Ok(0), |row| row.try_get(0)).attempt(what)?;
    Ok(sequence(head))
}

pub(crate) async fn save_cursor(
    transaction: &mut PipelinedTransaction,
    cursor: Sequence,
) -> Result<(), Fault> {
    let values: Values = vec![Box::new(columns::seq(cursor))];
    transaction.enqueue("moving the fan-out cursor", SAVE_CURSOR, values, Some(1)).await
}

pub(super) async fn after(
    transaction: &mut PipelinedTransaction,
    after: Sequence,
    limit: u32,
) -> Result<Vec<EventToFanOut>, Fault> {
    let what = "reading events to fan out";
    let rows = transaction.query(what, AFTER, &[&columns::seq(after), &i64::from(limit)]).await?;
    decode_all(&rows, decode)
}

fn decode(row: &Row) -> Result<EventToFanOut, StoreError> {
    let logged = decode_logged(row)?;
    let parties = EventParties { sender: party(row, "sender")?, recipient: party(row, "recipient")? };
    Ok(EventToFanOut { logged, parties })
}

fn party(row: &Row, column: &'static str) -> Result<Option<Address>, StoreError> {
    let corrupt = |reason: String| {
        let row = row.try_get::<_, i64>(0).map_or_else(|_| "unknown".to_owned(), |seq| seq.to_string());
        StoreError::from(CorruptRow { table: "stream_events", column, row, reason })
    };
    let text: Option<&str> = row.try_get(column).map_err(|error| corrupt(error.to_string()))?;
    text.map(|text| Address::parse(text).map_err(|error| corrupt(error.to_string()))).transpose()
}
