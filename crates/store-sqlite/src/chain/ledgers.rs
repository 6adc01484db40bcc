use std::ops::RangeInclusive;

use fluxora_indexer::{Ledger, Opaque};
use fluxora_store::{StoreError, rows};
use rusqlite::{Connection, Row, params};

use crate::columns::{self, Columns};
use crate::faults::Attempt;

const ONE: &str = "SELECT sequence, hash, previous_hash, closed_at FROM ledgers WHERE sequence = ?1";
const FROM: &str =
    "SELECT sequence, hash, previous_hash, closed_at FROM ledgers WHERE sequence >= ?1 ORDER BY sequence";
const BETWEEN: &str = "SELECT sequence, hash, previous_hash, closed_at FROM ledgers WHERE sequence >= ?1 AND sequence <= ?2 \
                       ORDER BY sequence";
const NEWEST: &str = "SELECT sequence, hash, previous_hash, closed_at FROM ledgers WHERE sequence <= ?1 \
                      ORDER BY sequence DESC LIMIT 1";

pub(crate) fn read(connection: &Connection, sequences: &[u32]) -> Result<Vec<Ledger>, StoreError> {
    let mut found = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        found.extend(one(connection, ONE, *sequence)?);
    }
    Ok(found)
}

pub(crate) fn from(connection: &Connection, sequence: u32) -> Result<Vec<Ledger>, StoreError> {
    let what = "reading ledgers";
    let mut statement = connection.prepare_cached(FROM).attempt(what)?;
    let rows = statement.query_map([sequence], |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

pub(crate) fn between(
    connection: &Connection,
    range: &RangeInclusive<u32>,
) -> Result<Vec<Ledger>, StoreError> {
    let what = "reading ledgers";
    let mut statement = connection.prepare_cached(BETWEEN).attempt(what)?;
    let rows = statement.query_map([range.start(), range.end()], |row| Ok(decode(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

pub(crate) fn newest(connection: &Connection, upto: u32) -> Result<Option<Ledger>, StoreError> {
    one(connection, NEWEST, upto)
}

fn one(connection: &Connection, sql: &str, sequence: u32) -> Result<Option<Ledger>, StoreError> {
    let what = "reading a ledger";
    let mut statement = connection.prepare_cached(sql).attempt(what)?;
    let mut rows = statement.query([sequence]).attempt(what)?;
    rows.next().attempt(what)?.map(decode).transpose()
}

pub(crate) fn decode(row: &Row<'_>) -> Result<Ledger, StoreError> {
    rows::ledger(&mut Columns::of(row, "ledgers"))
}

pub(crate) fn write(connection: &Connection, ledgers: &[Ledger]) -> Result<(), StoreError> {
    let sql =
        "INSERT OR REPLACE INTO ledgers (sequence, hash, previous_hash, closed_at) VALUES (?1, ?2, ?3, ?4)";
    let write = |ledger: &Ledger| {
        connection.prepare_cached(sql)?.execute(params![
            ledger.sequence,
            ledger.hash.as_str(),
            ledger.previous_hash.as_ref().map(Opaque::as_str),
            ledger.closed_at.map(columns::instant),
        ])
    };
    ledgers.iter().try_for_each(|ledger| write(ledger).map(drop)).attempt("writing a ledger")
}

pub(crate) fn remove(connection: &Connection, ledgers: &RangeInclusive<u32>) -> Result<(), StoreError> {
    let sql = "DELETE FROM ledgers WHERE sequence >= ?1 AND sequence <= ?2";
    let remove = || connection.prepare_cached(sql)?.execute([ledgers.start(), ledgers.end()]);
    remove().map(drop).attempt("removing ledgers")
}
