//! The SQL of streams: each function is one statement or one unit, on whatever connection it is handed.

mod cancel;
mod create;
mod due;
mod events;
mod list;
mod row;

pub(crate) use cancel::cancel;
pub(crate) use create::{create, forget_answers};
pub(crate) use due::record_due;
pub(crate) use events::{events, history};
pub(crate) use list::{count, list};
pub(crate) use row::find;

use fluxora_store::StoreError;
use rusqlite::Connection;

use crate::faults::Attempt;

/// Reads one row of the schema: proof that the file is there and answers.
pub(crate) fn probe(connection: &Connection) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM streams LIMIT 1";
    let read = || connection.prepare_cached(sql)?.query([])?.next().map(drop);
    read().attempt("probing the database")
}
