use std::ops::RangeInclusive;

use fluxora_indexer::{LedgerProof, Opaque};
use fluxora_store::StoreError;
use fluxora_store::chain::{Coverage, EventEvidence};
use fluxora_store::rows::{self, ReadColumns};
use tokio_postgres::Row;

use super::events::event_columns;
use crate::columns::Columns;
use crate::faults::{Attempt, Fault};
use crate::parameters::Values;
use crate::pipeline::PipelinedTransaction;
use crate::pool::Lease;

/// The columns that [`decode_proof`] reads, in its order.
macro_rules! proof_columns {
    () => {
        "ledger, header, results, preimages, events"
    };
}
pub(crate) use proof_columns;

const COVERAGE: &str = "SELECT contract_id, ledgers FROM contract_coverage ORDER BY contract_id";
const WRITE_COVERAGE: &str = "INSERT INTO contract_coverage (contract_id, ledgers) SELECT * FROM unnest($1::text[], $2::text[]) \
                              ON CONFLICT (contract_id) DO UPDATE SET ledgers = excluded.ledgers";
pub(crate) const REMOVE_COVERAGE: &str = "DELETE FROM contract_coverage WHERE contract_id = ANY($1::text[])";
pub(crate) const PROOFS: &str =
    concat!("SELECT ", proof_columns!(), " FROM ledger_proofs WHERE ledger = ANY($1::bigint[])");
const WRITE_PROOFS: &str = concat!(
    "INSERT INTO ledger_proofs (",
    proof_columns!(),
    ") SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[]) \
     ON CONFLICT (ledger) DO UPDATE SET header = excluded.header, results = excluded.results, \
         preimages = excluded.preimages, events = excluded.events"
);
pub(crate) const REMOVE_PROOFS: &str = "DELETE FROM ledger_proofs WHERE ledger >= $1 AND ledger <= $2";
/// The holder cannot change until the transaction ends.
pub(crate) const TOKEN: &str = "SELECT name, token FROM leases WHERE name = $1 FOR SHARE";
pub(crate) const EVENT: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", l.hash FROM contract_events e JOIN ledgers l ON l.sequence = e.ledger WHERE e.id = $1"
);
const READING_COVERAGE: &str = "reading the coverage of contracts";
const READING_PROOFS: &str = "reading proofs of ledgers";

pub(crate) async fn coverage(chain: &mut PipelinedTransaction) -> Result<Vec<Coverage>, Fault> {
    let rows = chain.query(READING_COVERAGE, COVERAGE, &[]).await?;
    Ok(rows.iter().map(decode_coverage).collect::<Result<_, _>>()?)
}

/// Reads the coverage of contracts outside a transaction.
pub(crate) async fn coverage_now(lease: &Lease) -> Result<Vec<Coverage>, Fault> {
    let statement = lease.prepare_cached(COVERAGE).await.attempt(READING_COVERAGE)?;
    let rows = lease.query(&statement, &[]).await.attempt(READING_COVERAGE)?;
    Ok(rows.iter().map(decode_coverage).collect::<Result<_, _>>()?)
}

pub(crate) fn decode_coverage(row: &Row) -> Result<Coverage, StoreError> {
    rows::coverage(&mut Columns::of(row, "contract_coverage"))
}

pub(crate) async fn write_coverage(
    chain: &mut PipelinedTransaction,
    coverage: &[Coverage],
) -> Result<(), Fault> {
    let what = "writing the coverage of contracts";
    let (empty, covered): (Vec<_>, Vec<_>) =
        coverage.iter().partition(|coverage| coverage.ledgers.is_empty());
    if !empty.is_empty() {
        let contracts: Vec<String> = empty.iter().map(|coverage| coverage.contract.to_string()).collect();
        let values: Values = vec![Box::new(contracts)];
        chain.enqueue(what, REMOVE_COVERAGE, values, None).await?;
    }
    if !covered.is_empty() {
        let contracts: Vec<String> = covered.iter().map(|coverage| coverage.contract.to_string()).collect();
        let ledgers: Vec<String> = covered.iter().map(|coverage| coverage.ledgers.to_string()).collect();
        let values: Values = vec![Box::new(contracts), Box::new(ledgers)];
        chain.enqueue(what, WRITE_COVERAGE, values, Some(covered.len())).await?;
    }
    Ok(())
}

pub(crate) async fn proofs(
    chain: &mut PipelinedTransaction,
    ledgers: &[u32],
) -> Result<Vec<LedgerProof>, Fault> {
    let ledgers: Vec<i64> = ledgers.iter().copied().map(i64::from).collect();
    let rows = chain.query(READING_PROOFS, PROOFS, &[&ledgers]).await?;
    Ok(rows.iter().map(decode_proof).collect::<Result<_, _>>()?)
}

pub(crate) fn decode_proof(row: &Row) -> Result<LedgerProof, StoreError> {
    rows::ledger_proof(&mut Columns::of(row, "ledger_proofs"))
}

pub(crate) async fn write_proofs(
    chain: &mut PipelinedTransaction,
    proofs: &[LedgerProof],
) -> Result<(), Fault> {
    if proofs.is_empty() {
        return Ok(());
    }
    let ledgers: Vec<i64> = proofs.iter().map(|proof| proof.ledger.into()).collect();
    let bytes = |get: fn(&LedgerProof) -> &[u8]| -> Box<Vec<Vec<u8>>> {
        Box::new(proofs.iter().map(|proof| get(proof).to_vec()).collect())
    };
    let text =
        |get: fn(&LedgerProof) -> String| -> Box<Vec<String>> { Box::new(proofs.iter().map(get).collect()) };
    let values: Values = vec![
        Box::new(ledgers),
        bytes(|proof| &proof.header),
        bytes(|proof| &proof.results),
        text(|proof| rows::preimages(&proof.preimages)),
        text(|proof| proof.events.to_string()),
    ];
    chain.enqueue("writing proofs of ledgers", WRITE_PROOFS, values, Some(proofs.len())).await
}

pub(crate) async fn remove_proofs(
    chain: &mut PipelinedTransaction,
    ledgers: &RangeInclusive<u32>,
) -> Result<(), Fault> {
    let values: Values = vec![Box::new(i64::from(*ledgers.start())), Box::new(i64::from(*ledgers.end()))];
    chain.enqueue("removing proofs of ledgers", REMOVE_PROOFS, values, None).await
}

pub(crate) async fn lease_token(
    chain: &mut PipelinedTransaction,
    lease: &'static str,
) -> Result<Option<u64>, Fault> {
    let rows = chain.query("reading a lease", TOKEN, &[&lease]).await?;
    let token = |row| {
        let mut columns = Columns::of(row, "leases");
        columns.skip();
        columns.number("token")
    };
    Ok(rows.first().map(token).transpose()?)
}

/// Reads an event and what proves it. Both are as they were written, whenever they are read.
pub(crate) async fn event(lease: &Lease, id: &Opaque) -> Result<Option<EventEvidence>, Fault> {
    let what = "reading a contract event";
    let statement = lease.prepare_cached(EVENT).await.attempt(what)?;
    let row = lease.query_opt(&statement, &[&id.as_str()]).await.attempt(what)?;
    let read = |row: &Row| {
        let mut columns = Columns::of(row, "contract_events");
        let event = rows::contract_event(&mut columns)?;
        ["class", "stream", "other"].into_iter().for_each(|_| columns.skip());
        Ok::<_, StoreError>((event, columns.parsed("hash", Opaque::new)?))
    };
    let Some((event, ledger_hash)) = row.as_ref().map(read).transpose()? else { return Ok(None) };
    let statement = lease.prepare_cached(PROOFS).await.attempt(READING_PROOFS)?;
    let ledgers = vec![i64::from(event.position.ledger)];
    let rows = lease.query(&statement, &[&ledgers]).await.attempt(READING_PROOFS)?;
    let proof = rows.first().map(decode_proof).transpose()?;
    Ok(Some(EventEvidence { event, ledger_hash, proof }))
}
