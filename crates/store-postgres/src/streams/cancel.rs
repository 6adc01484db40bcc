use fluxora_audit::Entry;
use fluxora_store::{Clock, Outcome};
use fluxora_stream::{CancelRefused, Stream, StreamId};
use tokio_postgres::types::ToSql;

use super::change::{rollback, write_and_commit};
use super::column_lists::stream_columns;
use super::row::decode_to_change;
use crate::columns::seq;
use crate::faults::{Attempt, Fault};
use crate::pool::Lease;

pub(super) const LOCK: &str = concat!("SELECT ", stream_columns!(), " FROM streams WHERE id = $1 FOR UPDATE");
/// A separate statement after the lock: as part of the locking one it would see the events from before the wait for the lock.
pub(super) const LAST_EVENT: &str =
    "SELECT max(number) FROM stream_events WHERE stream = (SELECT seq FROM streams WHERE id = $1)";

pub(crate) async fn cancel(
    lease: &Lease,
    id: &StreamId,
    clock: &dyn Clock,
    entry: Option<&Entry>,
) -> Result<Outcome<Stream, CancelRefused>, Fault> {
    let what = "reading a stream to cancel";
    let lock = lease.prepare_cached(LOCK).await.attempt(what)?;
    let last_event = lease.prepare_cached(LAST_EVENT).await.attempt(what)?;
    let id = id.to_string();
    let id: &[&(dyn ToSql + Sync)] = &[&id];
    let (begun, row, last) = tokio::join!(
        biased;
        lease.batch_execute("BEGIN"),
        lease.query_opt(&lock, id),
        lease.query_one(&last_event, id),
    );
    begun.attempt(what)?;
    let row = row.attempt(what)?;
    let last = last.and_then(|row| row.try_get(0)).attempt(what)?;
    let Some(row) = row else {
        rollback(lease).await?;
        return Ok(Outcome::NotFound);
    };
    let found = decode_to_change(&row, last)?;
    match found.stream.cancel(clock.now()) {
        Ok(change) => {
            let stream = change.stream.clone();
            write_and_commit(lease, &[(seq(found.sequence), change)], entry).await?;
            Ok(Outcome::Done(stream))
        }
        Err(refused) => {
            rollback(lease).await?;
            Ok(Outcome::Refused(refused))
        }
    }
}
