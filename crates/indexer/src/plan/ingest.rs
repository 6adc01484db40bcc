//! What a batch changes: fork detection, duplicates and the frontier after it.

use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use super::{Frontier, Rules, Tip};
use crate::batch::differ;
use crate::{Batch, ContractEvent, Ledger, Opaque};

/// What a plan is made from: what is stored, as far as the batch touches it.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// How far the chain is known.
    pub frontier: Frontier,
    /// The stored ledgers of [`Batch::neighbourhood`], by sequence.
    pub ledgers: BTreeMap<u32, Ledger>,
    /// The stored events whose ids the batch brings.
    pub events: HashMap<Opaque, ContractEvent>,
}

/// What a batch changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestPlan {
    /// What has to go first.
    pub rollback: Option<Rollback>,
    /// The ledgers to write: new ones, and known ones of which more is known.
    pub ledgers: Vec<Ledger>,
    /// The places, in the batch, of the events to write.
    pub insert: Vec<usize>,
    /// The places of those that are there.
    pub duplicates: Vec<usize>,
    /// The ledger up to which the streams stand as they are; what they owe to later ones is to be undone first.
    pub keep: Option<u32>,
    /// How far the chain is known afterwards. The events of ledgers after [`keep`](Self::keep) up to its
    /// [`last_safe`](Frontier::last_safe) are to be projected.
    pub frontier: Frontier,
}

/// The chain takes another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The first ledger that is another one: it and all after it go.
    pub fork: u32,
    /// How many ledgers below the tip that is.
    pub depth: u32,
    /// The hash that is stored where the two chains are first seen to differ.
    pub existing_hash: Opaque,
    /// The hash that the batch has there.
    pub incoming_hash: Opaque,
}

/// Why a batch is not taken. Nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It contradicts a ledger that is final.
    #[error(
        "ledger {} contradicts what is stored, and everything up to ledger {final_ledger} is final: an operator can rewind",
        .rollback.fork
    )]
    TooDeep {
        /// What would have to be rolled back.
        rollback: Rollback,
        /// The newest final ledger.
        final_ledger: u32,
    },
    /// Events, by their places in the batch, are stored under the same id with other contents.
    #[error("{} of the events are stored with other contents under the same id and ledger hash", .indices.len())]
    EventConflict {
        /// Their places in the batch.
        indices: Vec<usize>,
    },
    /// A ledger is stored under the same hash with another predecessor.
    #[error("ledger {ledger} is stored under the same hash with another previous hash")]
    LedgerConflict {
        /// The ledger.
        ledger: u32,
    },
}

/// Decides what a batch changes, given what is stored.
///
/// A chain is contradicted by a hash alone, never by being shorter or absent: see `docs/REORGS.md`.
///
/// # Errors
/// [`Refusal`] says why the batch cannot be taken.
pub fn plan(view: &View, batch: &Batch, rules: Rules) -> Result<IngestPlan, Refusal> {
    let rollback = find_fork(view, batch)?;
    let fork = rollback.as_ref().map(|rollback| rollback.fork);
    if let (Some(rollback), Some(final_ledger)) = (&rollback, view.frontier.final_ledger)
        && rollback.fork <= final_ledger
    {
        return Err(Refusal::TooDeep { rollback: rollback.clone(), final_ledger });
    }
    let (insert, duplicates) = sort_events(view, batch, fork)?;
    let (frontier, keep) = advance(&view.frontier, batch, fork, rules);
    Ok(IngestPlan { rollback, ledgers: to_write(view, batch, fork), insert, duplicates, keep, frontier })
}

/// The lowest ledger at which the stored chain and the batch contradict each other.
fn find_fork(view: &View, batch: &Batch) -> Result<Option<Rollback>, Refusal> {
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
        // Ledgers come in order, but one can point at the ledger before it.
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

/// Tells new events from known ones. What a rollback takes away is not known any more.
fn sort_events(view: &View, batch: &Batch, fork: Option<u32>) -> Result<(Vec<usize>, Vec<usize>), Refusal> {
    let (mut insert, mut duplicates, mut conflicts) = (Vec::new(), Vec::new(), Vec::new());
    let stays = |event: &ContractEvent| fork.is_none_or(|fork| event.position.ledger < fork);
    for (index, event) in batch.events().iter().enumerate() {
        match view.events.get(&event.id).filter(|stored| stays(stored)) {
            None => insert.push(index),
            Some(stored) if same(stored, event) => duplicates.push(index),
            Some(_) => conflicts.push(index),
        }
    }
    if conflicts.is_empty() {
        Ok((insert, duplicates))
    } else {
        Err(Refusal::EventConflict { indices: conflicts })
    }
}

/// Whether two events under one id are one: the same in everything, the payload as a JSON value.
fn same(stored: &ContractEvent, pushed: &ContractEvent) -> bool {
    let value = |event: &ContractEvent| serde_json::from_str::<serde_json::Value>(&event.payload).ok();
    // What cannot be held as a value (a number beyond every float) is the same only to the letter.
    let same_value = || value(stored).is_some_and(|stored| Some(stored) == value(pushed));
    let payload = stored.payload == pushed.payload || same_value();
    let ContractEvent { id: _, position, contract, topic, tx_hash, happened_at, payload: _ } = pushed;
    payload
        && stored.position == *position
        && stored.contract == *contract
        && stored.topic == *topic
        && stored.tx_hash == *tx_hash
        && stored.happened_at == *happened_at
}

fn to_write(view: &View, batch: &Batch, fork: Option<u32>) -> Vec<Ledger> {
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

/// How far the chain is known afterwards, and up to where the streams stand as they are.
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
        // Only a reorg takes it back.
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
