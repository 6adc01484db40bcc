use fluxora_store::StoreError;
use fluxora_store::rows::{self, StreamRow};
use fluxora_stream::{Stream, StreamId};
use tokio_postgres::Row;

use super::column_lists::stream_columns;
use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

pub(crate) const FIND: &str = concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = $1");

pub(crate) fn decode(row: &Row) -> Result<StreamRow, StoreError> {
    rows::stream(&mut Columns::of(row, "streams"))
}

/// Reads a stream that is about to change. `last` is the number of the last event in its history.
pub(crate) fn decode_to_change(row: &Row, last: Option<i64>) -> Result<StreamRow, StoreError> {
    rows::stream_to_change(&mut Columns::of(row, "streams"), |_| Ok(last))
}

pub(crate) async fn find(lease: &Lease, id: &StreamId) -> Result<Option<Stream>, Fault> {
    let what = "reading a stream";
    let statement = lease.prepare_cached(FIND).await.attempt(what)?;
    let row = lease.query_opt(&statement, &[&id.to_string()]).await.attempt(what)?;
    Ok(row.map(|row| decode(&row)).transpose()?.map(|row| row.stream))
}
