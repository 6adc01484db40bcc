use std::ops::RangeInclusive;

use fluxora_indexer::Ledger;
use fluxora_store::{StoreError, rows};
use jiff::Timestamp;
use tokio_postgres::Row;

use crate::columns::{self, Columns};
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

pub(crate) const READ: &str =
    "SELECT sequence, hash, previous_hash, closed_at FROM ledgers WHERE sequence = ANY($1::bigint[])";
pub(crate) const NEWEST: &str = "SELECT sequence, hash, previous_hash, closed_at FROM ledgers WHERE sequence <= $1 \
                                 ORDER BY sequence DESC LIMIT 1";
pub(crate) const BETWEEN: &str = "SELECT sequence, hash, previous_hash, closed_at FROM ledgers \
                                  WHERE sequence >= $1 AND sequence <= $2 ORDER BY sequence";
const WRITE: &str = "INSERT INTO ledgers (sequence, hash, previous_hash, closed_at) \
                     SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[]) \
                     ON CONFLICT (sequence) DO UPDATE SET hash = excluded.hash, previous_hash = excluded.previous_hash, \
                         closed_at = excluded.closed_at";
pub(crate) const FROM: &str =
    "SELECT sequence, hash, previous_hash, closed_at FROM ledgers WHERE sequence >= $1 ORDER BY sequence";
pub(crate) const REMOVE: &str = "DELETE FROM ledgers WHERE sequence >= $1 AND sequence <= $2";

pub(crate) async fn read(chain: &mut PipelinedTransaction, sequences: &[u32]) -> Result<Vec<Ledger>, Fault> {
    if sequences.is_empty() {
        return Ok(Vec::new());
    }
    let rows = match chain.prefetch.ledgers(sequences) {
        Some(rows) => rows,
        None => {
            let sequences: Vec<i64> = sequences.iter().copied().map(i64::from).collect();
            chain.query("reading ledgers", READ, &[&sequences]).await?
        }
    };
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

pub(crate) async fn from(chain: &mut PipelinedTransaction, sequence: u32) -> Result<Vec<Ledger>, Fault> {
    let rows = chain.query("reading ledgers", FROM, &[&i64::from(sequence)]).await?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

pub(crate) async fn between(lease: &Lease, range: &RangeInclusive<u32>) -> Result<Vec<Ledger>, Fault> {
    let what = "reading ledgers";
    let statement = lease.prepare_cached(BETWEEN).await.attempt(what)?;
    let (from, upto) = (i64::from(*range.start()), i64::from(*range.end()));
    let rows = lease.query(&statement, &[&from, &upto]).await.attempt(what)?;
    Ok(rows.iter().map(decode).collect::<Result<_, _>>()?)
}

pub(crate) async fn newest(chain: &mut PipelinedTransaction, upto: u32) -> Result<Option<Ledger>, Fault> {
    let rows = chain.query("reading the newest ledger", NEWEST, &[&i64::from(upto)]).await?;
    Ok(rows.first().map(decode).transpose()?)
}

pub(crate) fn decode(row: &Row) -> Result<Ledger, StoreError> {
    rows::ledger(&mut Columns::of(row, "ledgers"))
}

pub(crate) async fn write(chain: &mut PipelinedTransaction, ledgers: &[Ledger]) -> Result<(), Fault> {
    if ledgers.is_empty() {
        return Ok(());
    }
    chain.prefetch.ledgers_written();
    let sequences: Vec<i64> = ledgers.iter().map(|ledger| ledger.sequence.into()).collect();
    let hashes: Vec<String> = ledgers.iter().map(|ledger| ledger.hash.to_string()).collect();
    let previous: Vec<Option<String>> =
        ledgers.iter().map(|ledger| ledger.previous_hash.as_ref().map(ToString::to_string)).collect();
    let closed: Vec<Option<Timestamp>> =
        ledgers.iter().map(|ledger| ledger.closed_at.map(columns::instant)).collect();
    let values: Values = vec![Box::new(sequences), Box::new(hashes), Box::new(previous), Box::new(closed)];
    chain.enqueue("writing ledgers", WRITE, values, Some(ledgers.len())).await
}

pub(crate) async fn remove(
    chain: &mut PipelinedTransaction,
    ledgers: &RangeInclusive<u32>,
) -> Result<(), Fault> {
    chain.prefetch.invalidate();
    let values: Values = vec![Box::new(i64::from(*ledgers.start())), Box::new(i64::from(*ledgers.end()))];
    chain.enqueue("removing ledgers", REMOVE, values, None).await
}
