//! Plan of a batch: fork detection, duplicates and the frontier after it.

use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use super::content::same_content;
use super::{Frontier, Rules, Tip};
use crate::batch::differ;
use crate::{Batch, ContractEvent, Ledger, Opaque};

/// The stored state that a plan needs, as far as the batch touches it.
#[derive(Clone, Debug, Default)]
pub struct StoredView {
    /// The frontier before the batch.
    pub frontier: Frontier,
    /// The stored ledgers of [`Batch::neighbourhood`], by sequence.
    pub ledgers: BTreeMap<u32, Ledger>,
    /// The stored events with the id or the position of an event of the batch.
    pub events: Vec<ContractEvent>,
}

/// The changes of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestPlan {
    /// Ledgers to remove first.
    pub rollback: Option<Rollback>,
    /// Ledgers to write: new ones, and stored ones with added fields.
    pub ledgers: Vec<Ledger>,
    /// Indexes in the batch of the events to write.
    pub insert: Vec<usize>,
    /// Indexes in the batch of the events that are stored already.
    pub duplicates: Vec<usize>,
    /// The ledger up to which projected streams stay valid. The effect of later ledgers has to be undone first.
    pub keep: Option<u32>,
    /// The frontier after the batch. The events of ledgers after [`keep`](Self::keep) up to its
    /// [`last_safe`](Frontier::last_safe) have to be projected.
    pub frontier: Frontier,
}

/// A reorg: stored ledgers that the batch replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The first ledger to remove; all after it go too.
    pub fork: u32,
    /// Number of ledgers from the fork to the tip.
    pub depth: u32,
    /// Stored hash at the first contradiction.
    pub existing_hash: Opaque,
    /// Hash of the batch at the first contradiction.
    pub incoming_hash: Opaque,
}

/// Why a batch is refused. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The batch contradicts a final ledger.
    #[error(
        "ledger {} contradicts what is stored, and everything up to ledger {final_ledger} is final: an operator can rewind",
        .rollback.fork
    )]
    TooDeep {
        /// The rollback that the batch would need.
        rollback: Rollback,
        /// The newest final ledger.
        final_ledger: u32,
    },
    /// Events are stored, or given earlier in the batch, with other contents at the same position, or at another
    /// position under the same id.
    #[error("{} of the events are known with other contents at the same position or under the same id", .indices.len())]
    EventConflict {
        /// Their indexes in the batch.
        indices: Vec<usize>,
    },
    /// A ledger is stored under the same hash with another predecessor.
    #[error("ledger {ledger} is stored under the same hash with another previous hash")]
    LedgerConflict {
        /// Sequence of the ledger.
        ledger: u32,
    },
}

/// Plans the changes of a batch against the stored state.
///
/// Only a hash contradicts the stored chain, never a shorter or absent chain: see `docs/REORGS.md`.
///
/// # Errors
/// [`Refusal`] if the batch cannot be accepted.
pub fn plan(view: &StoredView, batch: &Batch, rules: Rules) -> Result<IngestPlan, Refusal> {
    let rollback = find_fork(view, batch)?;
    let fork = rollback.as_ref().map(|rollback| rollback.fork);
    if let (Some(rollback), Some(final_ledger)) = (&rollback, view.frontier.final_ledger)
        && rollback.fork <= final_ledger
    {
        return Err(Refusal::TooDeep { rollback: rollback.clone(), final_ledger });
    }
    let (insert, duplicates) = classify_events(view, batch, fork)?;
    let (frontier, keep) = advance(&view.frontier, batch, fork, rules);
    Ok(IngestPlan { rollback, ledgers: to_write(view, batch, fork), insert, duplicates, keep, frontier })
}

/// The lowest ledger at which the stored chain and the batch contradict each other.
fn find_fork(view: &StoredView, batch: &Batch) -> Result<Option<Rollback>, Refusal> {
    let mut lowest: Option<(u32, Opaque, Opaque)> = None;
    for ledger in batch.ledgers() {
        let at = |sequence: Option<u32>| sequence.and_then(|sequence| view.ledgers.get(&sequence));
        let before = at(ledger.sequence.checked_sub(1));
        let after = at(ledger.sequence.checked_add(1));
        let found = match (at(Some(ledger.sequence)), before, after) {
            (Some(stored), _, _)
                if stored.hash == ledger.hash
                    && differ(stored.previous_hash.as_ref(), ledger.previous_hash.as_ref()) =>
            {
                return Err(Refusal::LedgerConflict { ledger: ledger.sequence });
            }
            (_, Some(before), _) if differ(ledger.previous_hash.as_ref(), Some(&before.hash)) => {
                let incoming = ledger.previous_hash.clone();
                incoming.map(|incoming| (before.sequence, before.hash.clone(), incoming))
            }
            (Some(stored), _, _) if stored.hash != ledger.hash => {
                Some((stored.sequence, stored.hash.clone(), ledger.hash.clone()))
            }
            (_, _, Some(after)) if differ(after.previous_hash.as_ref(), Some(&ledger.hash)) => {
                let existing = after.previous_hash.clone();
                existing.map(|existing| (after.sequence, existing, ledger.hash.clone()))
            }
            _ => None,
        };
        // Ledgers come in order, but a previous hash can contradict the ledger before.
        if let Some(found) = found
            && lowest.as_ref().is_none_or(|lowest| found.0 < lowest.0)
        {
            lowest = Some(found);
        }
    }
    let tip = view.frontier.tip.as_ref().map_or(0, |tip| tip.ledger);
    Ok(lowest.map(|(fork, existing_hash, incoming_hash)| Rollback {
        fork,
        depth: tip.saturating_sub(fork),
        existing_hash,
        incoming_hash,
    }))
}

/// Separates new events from stored ones. Events that the rollback removes count as new.
fn classify_events(
    view: &StoredView,
    batch: &Batch,
    fork: Option<u32>,
) -> Result<(Vec<usize>, Vec<usize>), Refusal> {
    let (mut insert, mut duplicates, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
    let stays = |event: &&ContractEvent| fork.is_none_or(|fork| event.position.ledger < fork);
    let stored = view.events.iter().filter(stays);
    let by_position: HashMap<_, _> = stored.clone().map(|event| (event.position, event)).collect();
    let by_id: HashMap<_, _> = stored.map(|event| (&event.id, event)).collect();
    for (index, event) in batch.events().iter().enumerate() {
        let at_position = by_position.get(&event.position).copied().or_else(|| batch.repeated(index));
        match at_position.or_else(|| by_id.get(&event.id).copied()) {
            None => insert.push(index),
            Some(known) if same_content(known, event) => duplicates.push(index),
            Some(_) => conflicts.push(index),
        }
    }
    if conflicts.is_empty() {
        Ok((insert, duplicates))
    } else {
        Err(Refusal::EventConflict { indices: conflicts })
    }
}

fn to_write(view: &StoredView, batch: &Batch, fork: Option<u32>) -> Vec<Ledger> {
    let mut write = Vec::new();
    for ledger in batch.ledgers() {
        let stays = fork.is_none_or(|fork| ledger.sequence < fork);
        match view.ledgers.get(&ledger.sequence).filter(|_| stays) {
            None => write.push(ledger.clone()),
            Some(stored) => {
                let mut enriched = stored.clone();
                enriched.enrich(ledger);
                if enriched != *stored {
                    write.push(enriched);
                }
            }
        }
    }
    write
}

/// The frontier after the batch, and the ledger up to which projected streams stay valid.
fn advance(frontier: &Frontier, batch: &Batch, fork: Option<u32>, rules: Rules) -> (Frontier, Option<u32>) {
    let newest =
        batch.ledgers().next_back().map(|ledger| Tip { ledger: ledger.sequence, hash: ledger.hash.clone() });
    let kept = frontier.tip.clone().filter(|tip| fork.is_none_or(|fork| tip.ledger < fork));
    let tip = match (kept, newest) {
        (Some(kept), Some(newest)) if newest.ledger < kept.ledger => Some(kept),
        (kept, newest) => newest.or(kept),
    };
    let reached = rules.safe_below(tip.as_ref());
    let last_safe = match fork {
        // Only a reorg lowers it.
        Some(_) => reached,
        None => frontier.last_safe.max(reached),
    };
    let keep = frontier.last_safe.min(last_safe).min(match fork {
        Some(fork) => fork.checked_sub(1),
        None => frontier.last_safe,
    });
    let final_ledger = frontier.final_ledger.max(rules.final_below(tip.as_ref()));
    (Frontier { tip, last_safe, final_ledger }, keep)
}

#[cfg(test)]
mod tests;
