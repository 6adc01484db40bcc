//! Streams that differ from the entries of their contracts.

use std::ops::RangeInclusive;

use fluxora_store::chain::{ComparedEntry, Drifts};
use fluxora_store::{StoreError, rows};
use fluxora_stream::StreamId;
use rusqlite::{Connection, Row, params};

use crate::columns::Columns;
use crate::faults::Attempt;

const LIST: &str =
    "SELECT stream, ledger, fields FROM stream_drifts WHERE stream > ?1 ORDER BY stream LIMIT ?2";
const COUNT: &str = "SELECT count(*) FROM stream_drifts";
const DRIFTS: &str = "INSERT INTO stream_drifts (stream, ledger, fields) VALUES (?1, ?2, ?3) \
                      ON CONFLICT (stream) DO UPDATE SET ledger = excluded.ledger, fields = excluded.fields \
                      WHERE stream_drifts.ledger <= excluded.ledger";
const AGREES: &str = "DELETE FROM stream_drifts WHERE stream = ?1 AND ledger <= ?2";
const REMOVE: &str = "DELETE FROM stream_drifts WHERE ledger >= ?1 AND ledger <= ?2";

pub(crate) fn record(connection: &Connection, compared: &[ComparedEntry]) -> Result<(), StoreError> {
    let what = "recording a comparison with an entry";
    for ComparedEntry { stream, ledger, fields } in compared {
        let stream = stream.to_string();
        if fields.is_empty() {
            let agrees = || connection.prepare_cached(AGREES)?.execute(params![stream, ledger]);
            agrees().attempt(what)?;
        } else {
            let fields = rows::drifted_fields(fields)?;
            let drifts = || connection.prepare_cached(DRIFTS)?.execute(params![stream, ledger, fields]);
            drifts().attempt(what)?;
        }
    }
    Ok(())
}

pub(crate) fn read(
    connection: &Connection,
    after: Option<StreamId>,
    limit: u32,
) -> Result<Drifts, StoreError> {
    let what = "reading streams that differ from their entries";
    let after = after.map_or_else(String::new, |after| after.to_string());
    let mut statement = connection.prepare_cached(LIST).attempt(what)?;
    let listed = statement.query_map(params![after, limit], |row| Ok(decode(row))).attempt(what)?;
    let listed = listed.map(|row| row.attempt(what)?).collect::<Result<_, _>>()?;
    let count = || connection.prepare_cached(COUNT)?.query_row([], |row| row.get(0));
    Ok(Drifts { count: count().attempt(what)?, listed })
}

pub(crate) fn remove(connection: &Connection, ledgers: &RangeInclusive<u32>) -> Result<(), StoreError> {
    let remove = || connection.prepare_cached(REMOVE)?.execute([ledgers.start(), ledgers.end()]);
    remove().map(drop).attempt("removing comparisons of ledgers")
}

pub(crate) fn decode(row: &Row<'_>) -> Result<ComparedEntry, StoreError> {
    rows::drift(&mut Columns::of(row, "stream_drifts"))
}
