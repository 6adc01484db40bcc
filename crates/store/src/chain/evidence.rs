//! What verified ledgers bring beside their events: coverage, proofs and the lease of their reader.

use std::ops::RangeInclusive;

use fluxora_indexer::{Batch, ContractEvent, Evidence, LedgerProof, LedgerRanges, Opaque, Refusal};

use super::ChainTransaction;

/// The ledgers that were read whole for a contract, and verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// The contract.
    pub contract: Opaque,
    /// Its ledgers; none if the contract has no coverage.
    pub ledgers: LedgerRanges,
}

/// A stored contract event, and what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventEvidence {
    /// The event.
    pub event: ContractEvent,
    /// Hash of its ledger.
    pub ledger_hash: Opaque,
    /// The proof of events of its ledger, which need not prove this one; `None` if none is proven.
    pub proof: Option<LedgerProof>,
}

/// Refuses a batch whose lease has another holder. A lease that is held cannot change until the transaction ends.
pub(super) async fn check_lease<T: ChainTransaction>(
    transaction: &mut T,
    batch: &Batch,
) -> Result<Result<(), Refusal>, T::Fault> {
    let Some(fence) = batch.evidence().fence else { return Ok(Ok(())) };
    let holder = transaction.lease_token(fence.lease).await?;
    Ok(if holder == Some(fence.token) { Ok(()) } else { Err(Refusal::LeaseLost { lease: fence.lease }) })
}

/// Writes coverage and proofs of a batch.
pub(super) async fn write_evidence<T: ChainTransaction>(
    transaction: &mut T,
    batch: &Batch,
) -> Result<(), T::Fault> {
    let Evidence { contracts, proofs, fence: _ } = batch.evidence();
    if !contracts.is_empty() {
        let mut known = transaction.coverage().await?;
        let mut covered = Vec::with_capacity(contracts.len());
        for contract in contracts {
            let at = known.iter().position(|coverage| coverage.contract == *contract);
            let none = || Coverage { contract: contract.clone(), ledgers: LedgerRanges::default() };
            let mut coverage = at.map_or_else(none, |at| known.swap_remove(at));
            batch.ledgers().for_each(|ledger| coverage.ledgers.add(ledger.sequence..=ledger.sequence));
            covered.push(coverage);
        }
        transaction.write_coverage(&covered).await?;
    }
    if !proofs.is_empty() {
        let ledgers: Vec<_> = proofs.iter().map(|proof| proof.ledger).collect();
        let known = transaction.ledger_proofs(&ledgers).await?;
        let merged = proofs.iter().map(|proof| {
            let mut merged = proof.clone();
            known.iter().filter(|known| known.ledger == proof.ledger).for_each(|known| merged.merge(known));
            merged
        });
        let merged: Vec<_> = merged.collect();
        transaction.write_ledger_proofs(&merged).await?;
    }
    Ok(())
}

/// Removes ledgers from the coverage of every contract: they are read again.
pub(super) async fn cut_coverage<T: ChainTransaction>(
    transaction: &mut T,
    removed: &[RangeInclusive<u32>],
) -> Result<(), T::Fault> {
    if removed.is_empty() {
        return Ok(());
    }
    let mut coverage = transaction.coverage().await?;
    coverage.retain_mut(|coverage| {
        // Every range is removed, also after the first that is found.
        removed.iter().filter(|range| coverage.ledgers.remove(range)).count() > 0
    });
    if !coverage.is_empty() {
        transaction.write_coverage(&coverage).await?;
    }
    Ok(())
}
