//! The writing half of every change: decided inside a transaction that holds the rows, sent together with its commit.

use fluxora_audit::Entry;
use fluxora_store::StoreError;
use fluxora_stream::Change;
use tokio_postgres::types::ToSql;

use super::events::EventValues;
use crate::audit::{self, EntryValues};
use crate::columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Parameters;
use crate::pool::Lease;

const WRITE: &str = "WITH changed AS (\
        UPDATE streams SET status = new.status, status_at = new.status_at, updated_at = new.updated_at, events = new.events \
        FROM unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[]) \
             AS new (seq, status, status_at, updated_at, events) \
        WHERE streams.seq = new.seq RETURNING streams.seq\
    ), inserted_events AS (\
        INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
        SELECT stream, number, type, occurred_at, recorded_at, data::json \
        FROM unnest($6::bigint[], $7::bigint[], $8::text[], $9::timestamptz[], $10::timestamptz[], $11::text[]) WITH ORDINALITY \
             AS event (stream, number, type, occurred_at, recorded_at, data, place) \
        WHERE stream IN (SELECT seq FROM changed) ORDER BY place\
    ) SELECT count(*) FROM changed";

/// Writes what decisions made of the streams in these rows, with their events and the row in the audit log, if there is one, and commits.
///
/// All go out together. Writing events takes the lock that numbers them; a process that is stopped between the two, or whose
/// network is slow, would block every other writer of the cluster.
pub(super) async fn write_and_commit(
    lease: &Lease,
    changes: &[(i64, Change)],
    entry: Option<&Entry>,
) -> Result<(), Fault> {
    let what = "changing streams";
    let (mut seqs, mut status, mut since, mut updated, mut counts) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut streams, mut events) = (vec![], EventValues::default());
    for (seq, Change { stream, events: emitted }) in changes {
        seqs.push(*seq);
        status.push(stream.status.name().as_str());
        since.push(stream.status.since().map(columns::instant));
        updated.push(columns::instant(stream.updated_at));
        counts.push(i64::from(stream.event_count));
        for event in emitted {
            streams.push(*seq);
            events.push(event)?;
        }
    }
    let statement = lease.prepare_cached(WRITE).await.attempt(what)?;
    let EventValues { numbers, types, occurred_at, recorded_at, data } = &events;
    let values: [&(dyn ToSql + Sync); 11] =
        [&seqs, &status, &since, &updated, &counts, &streams, numbers, types, occurred_at, recorded_at, data];
    let (written, audited, committed) = match entry {
        None => {
            let (written, committed) =
                tokio::join!(biased; lease.query_one(&statement, &values), lease.batch_execute("COMMIT"));
            (written, Ok(1), committed)
        }
        Some(entry) => {
            let append = lease.prepare_cached(audit::APPEND).await.attempt("writing an audit row")?;
            let entry = EntryValues::of([entry]);
            let entry = entry.parameters();
            tokio::join!(
                biased;
                lease.query_one(&statement, &values),
                lease.execute(&append, &entry),
                lease.batch_execute("COMMIT"),
            )
        }
    };
    let written: i64 = written.and_then(|row| row.try_get(0)).attempt(what)?;
    audited.attempt("writing an audit row")?;
    committed.attempt("committing a change")?;
    if usize::try_from(written) != Ok(seqs.len()) {
        let reason = format!(
            "{written} of {} streams were changed: the others went away though they were locked",
            seqs.len()
        );
        return Err(StoreError::Internal { reason, source: None }.into());
    }
    Ok(())
}

/// Ends a transaction that wrote nothing.
pub(super) async fn rollback(lease: &Lease) -> Result<(), Fault> {
    lease.batch_execute("ROLLBACK").await.attempt("ending a transaction")
}
