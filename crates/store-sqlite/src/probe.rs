//! Proofs that the database answers and takes writes.

use fluxora_store::StoreError;
use rusqlite::Connection;

use crate::faults::Attempt;

/// Reads one row: proof that the file is there and answers.
pub(crate) fn read(connection: &Connection) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM streams LIMIT 1";
    let read = || connection.prepare_cached(sql)?.query([])?.next().map(drop);
    read().attempt("probing the database")
}

/// Writes as much as a few creates do, so that a commit proves that there is room for them.
pub(crate) fn write(connection: &Connection) -> Result<(), StoreError> {
    let sql = "INSERT INTO write_proofs (bytes) VALUES (zeroblob(65536))";
    connection.execute(sql, []).map(drop).attempt("writing a proof that writes work")
}

/// Frees what [`write()`] took.
pub(crate) fn clear(connection: &Connection) -> Result<(), StoreError> {
    connection.execute("DELETE FROM write_proofs", []).map(drop).attempt("removing a proof that writes work")
}
