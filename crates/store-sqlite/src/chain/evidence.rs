use std::ops::RangeInclusive;

use fluxora_indexer::{LedgerProof, Opaque};
use fluxora_store::StoreError;
use fluxora_store::chain::{Coverage, EventEvidence};
use fluxora_store::rows::{self, ReadColumns};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::events::event_columns;
use crate::columns::Columns;
use crate::faults::Attempt;

/// The columns that [`decode_proof`] reads, in its order.
macro_rules! proof_columns {
    () => {
        "ledger, header, results, preimages, events"
    };
}
pub(crate) use proof_columns;

const COVERAGE: &str = "SELECT contract_id, ledgers FROM contract_coverage ORDER BY contract_id";
const WRITE_COVERAGE: &str =
    "INSERT OR REPLACE INTO contract_coverage (contract_id, ledgers) VALUES (?1, ?2)";
const REMOVE_COVERAGE: &str = "DELETE FROM contract_coverage WHERE contract_id = ?1";
const PROOF: &str = concat!("SELECT ", proof_columns!(), " FROM ledger_proofs WHERE ledger = ?1");
const WRITE_PROOF: &str =
    concat!("INSERT OR REPLACE INTO ledger_proofs (", proof_columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5)");
const REMOVE_PROOFS: &str = "DELETE FROM ledger_proofs WHERE ledger >= ?1 AND ledger <= ?2";
const TOKEN: &str = "SELECT token FROM leases WHERE name = ?1";
const EVENT: &str = concat!(
    "SELECT ",
    event_columns!(),
    ", l.hash FROM contract_events e JOIN ledgers l ON l.sequence = e.ledger WHERE e.id = ?1"
);

pub(crate) fn coverage(connection: &Connection) -> Result<Vec<Coverage>, StoreError> {
    let what = "reading the coverage of contracts";
    let mut statement = connection.prepare_cached(COVERAGE).attempt(what)?;
    let rows = statement.query_map([], |row| Ok(decode_coverage(row))).attempt(what)?;
    rows.map(|row| row.attempt(what)?).collect()
}

pub(crate) fn decode_coverage(row: &Row<'_>) -> Result<Coverage, StoreError> {
    rows::coverage(&mut Columns::of(row, "contract_coverage"))
}

pub(crate) fn write_coverage(connection: &Connection, coverage: &[Coverage]) -> Result<(), StoreError> {
    let write = |Coverage { contract, ledgers }: &Coverage| match ledgers.is_empty() {
        true => connection.prepare_cached(REMOVE_COVERAGE)?.execute([contract.as_str()]),
        false => connection
            .prepare_cached(WRITE_COVERAGE)?
            .execute(params![contract.as_str(), ledgers.to_string()]),
    };
    coverage
        .iter()
        .try_for_each(|coverage| write(coverage).map(drop))
        .attempt("writing the coverage of a contract")
}

pub(crate) fn proofs(connection: &Connection, ledgers: &[u32]) -> Result<Vec<LedgerProof>, StoreError> {
    let what = "reading proofs of a ledger";
    let mut statement = connection.prepare_cached(PROOF).attempt(what)?;
    let mut found = Vec::new();
    for ledger in ledgers {
        let proof = statement.query_row([ledger], |row| Ok(decode_proof(row))).optional().attempt(what)?;
        found.extend(proof.transpose()?);
    }
    Ok(found)
}

pub(crate) fn decode_proof(row: &Row<'_>) -> Result<LedgerProof, StoreError> {
    rows::ledger_proof(&mut Columns::of(row, "ledger_proofs"))
}

pub(crate) fn write_proofs(connection: &Connection, proofs: &[LedgerProof]) -> Result<(), StoreError> {
    let write = |LedgerProof { ledger, header, results, preimages, events }: &LedgerProof| {
        connection.prepare_cached(WRITE_PROOF)?.execute(params![
            ledger,
            header.as_ref(),
            results.as_ref(),
            rows::preimages(preimages),
            events.to_string(),
        ])
    };
    proofs.iter().try_for_each(|proof| write(proof).map(drop)).attempt("writing proofs of a ledger")
}

pub(crate) fn remove_proofs(
    connection: &Connection,
    ledgers: &RangeInclusive<u32>,
) -> Result<(), StoreError> {
    let remove = || connection.prepare_cached(REMOVE_PROOFS)?.execute([ledgers.start(), ledgers.end()]);
    remove().map(drop).attempt("removing proofs of ledgers")
}

pub(crate) fn lease_token(connection: &Connection, lease: &str) -> Result<Option<u64>, StoreError> {
    let what = "reading a lease";
    let mut statement = connection.prepare_cached(TOKEN).attempt(what)?;
    statement.query_row([lease], |row| row.get(0)).optional().attempt(what)
}

pub(crate) fn event(connection: &Connection, id: &Opaque) -> Result<Option<EventEvidence>, StoreError> {
    let what = "reading a contract event";
    let mut statement = connection.prepare_cached(EVENT).attempt(what)?;
    let read = |row: &Row<'_>| {
        let mut columns = Columns::of(row, "contract_events");
        let event = rows::contract_event(&mut columns)?;
        ["class", "stream", "other"].into_iter().for_each(|_| columns.skip());
        Ok::<_, StoreError>((event, columns.parsed("hash", Opaque::new)?))
    };
    let found = statement.query_row([id.as_str()], |row| Ok(read(row))).optional().attempt(what)?;
    let Some((event, ledger_hash)) = found.transpose()? else { return Ok(None) };
    let proof = proofs(connection, &[event.position.ledger])?.pop();
    Ok(Some(EventEvidence { event, ledger_hash, proof }))
}
