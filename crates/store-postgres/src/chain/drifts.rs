//! Streams that differ from the entries of their contracts.

use std::ops::RangeInclusive;

use fluxora_store::chain::{ComparedEntry, Drifts};
use fluxora_store::{StoreError, rows};
use fluxora_stream::StreamId;
use tokio_postgres::Row;

use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

const LIST: &str =
    "SELECT stream, ledger, fields FROM stream_drifts WHERE stream > $1 ORDER BY stream LIMIT $2";
const COUNT: &str = "SELECT count(*) FROM stream_drifts";
pub(crate) const DRIFTS: &str = "INSERT INTO stream_drifts AS known (stream, ledger, fields) \
                                 SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[]) \
                                 ON CONFLICT (stream) DO UPDATE SET ledger = excluded.ledger, fields = excluded.fields \
                                 WHERE known.ledger <= excluded.ledger";
pub(crate) const AGREE: &str = "DELETE FROM stream_drifts d USING unnest($1::text[], $2::bigint[]) AS a (stream, ledger) \
                                WHERE d.stream = a.stream AND d.ledger <= a.ledger";
pub(crate) const REMOVE: &str = "DELETE FROM stream_drifts WHERE ledger >= $1 AND ledger <= $2";

/// Of each stream there is one comparison.
pub(crate) async fn record(
    chain: &mut PipelinedTransaction,
    compared: &[ComparedEntry],
) -> Result<(), Fault> {
    let what = "recording comparisons with entries";
    let (agree, drift): (Vec<_>, Vec<_>) = compared.iter().partition(|compared| compared.fields.is_empty());
    let streams = |compared: &[&ComparedEntry]| -> Box<Vec<String>> {
        Box::new(compared.iter().map(|compared| compared.stream.to_string()).collect())
    };
    let ledgers = |compared: &[&ComparedEntry]| -> Box<Vec<i64>> {
        Box::new(compared.iter().map(|compared| compared.ledger.into()).collect())
    };
    if !agree.is_empty() {
        let values: Values = vec![streams(&agree), ledgers(&agree)];
        chain.enqueue(what, AGREE, values, None).await?;
    }
    if !drift.is_empty() {
        let fields = drift.iter().map(|compared| rows::drifted_fields(&compared.fields));
        let fields = fields.collect::<Result<Vec<_>, StoreError>>()?;
        let values: Values = vec![streams(&drift), ledgers(&drift), Box::new(fields)];
        chain.enqueue(what, DRIFTS, values, None).await?;
    }
    Ok(())
}

pub(crate) async fn read(lease: &Lease, after: Option<&StreamId>, limit: u32) -> Result<Drifts, Fault> {
    let what = "reading streams that differ from their entries";
    let after = after.map_or_else(String::new, ToString::to_string);
    let statement = lease.prepare_cached(LIST).await.attempt(what)?;
    let rows = lease.query(&statement, &[&after, &i64::from(limit)]).await.attempt(what)?;
    let listed = rows.iter().map(decode).collect::<Result<_, StoreError>>()?;
    let statement = lease.prepare_cached(COUNT).await.attempt(what)?;
    let row = lease.query_one(&statement, &[]).await.attempt(what)?;
    let count: i64 = row.try_get(0).attempt(what)?;
    Ok(Drifts { count: count.unsigned_abs(), listed })
}

pub(crate) async fn remove(
    chain: &mut PipelinedTransaction,
    ledgers: &RangeInclusive<u32>,
) -> Result<(), Fault> {
    let values: Values = vec![Box::new(i64::from(*ledgers.start())), Box::new(i64::from(*ledgers.end()))];
    chain.enqueue("removing comparisons of ledgers", REMOVE, values, None).await
}

pub(crate) fn decode(row: &Row) -> Result<ComparedEntry, StoreError> {
    rows::drift(&mut Columns::of(row, "stream_drifts"))
}
