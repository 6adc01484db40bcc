//! Plan of a batch: the ledgers to remove and to write, the events to write, and the frontier after it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::RangeInclusive;

use jiff::Timestamp;
use thiserror::Error;

use super::content::same_content;
use super::fork::{Descendants, find_fork};
use super::frontier::{advance, check_tip, needed_from};
use super::{Frontier, Rules};
use crate::batch::differ;
use crate::invocation::Repeated;
use crate::{Batch, ContractEvent, Ledger, Opaque};

/// The stored state that a plan needs, as far as the batch touches it.
#[derive(Clone, Debug, Default)]
pub struct StoredView {
    /// The frontier before the batch.
    pub frontier: Frontier,
    /// Time of the last accepted batch.
    pub synced_at: Option<Timestamp>,
    /// The stored ledgers of [`Batch::neighbourhood`], by sequence, and all from [`ledgers_needed_from`] on.
    pub ledgers: BTreeMap<u32, Ledger>,
    /// The stored events with the id or the position of an event of the batch.
    pub events: Vec<ContractEvent>,
}

/// The changes of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestPlan {
    /// The reorg, if the batch has a fork.
    pub rollback: Option<Rollback>,
    /// Ledgers to remove first.
    pub remove: Vec<RangeInclusive<u32>>,
    /// Those of the removed ledgers of which no hash tells the branch. If they had events, they have to be pushed again.
    pub unproven: BTreeSet<u32>,
    /// Ledgers to write: new ones, and stored ones with added fields.
    pub ledgers: Vec<Ledger>,
    /// Indexes in the batch of the events to write.
    pub insert: Vec<usize>,
    /// Indexes in the batch of the events that are stored already.
    pub duplicates: Vec<usize>,
    /// Those of the duplicates whose invocation is stored with the event from now on.
    pub invocations: Vec<usize>,
    /// The ledger up to which projected streams stay valid. The effect of later ledgers has to be undone first.
    pub keep: Option<u32>,
    /// The frontier after the batch. The events of ledgers after [`keep`](Self::keep) up to its
    /// [`last_safe`](Frontier::last_safe) have to be projected.
    pub frontier: Frontier,
}

/// A reorg: stored ledgers that the batch replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// The first ledger to remove. All after it go too, except those that link to the batch.
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
    /// The newest ledger of the batch is higher than the chain can have grown.
    #[error("ledger {ledger} is implausible: by the time passed, the newest ledger is at most {highest}")]
    ImplausibleTip {
        /// The newest ledger of the batch.
        ledger: u32,
        /// The stored tip.
        tip: Option<u32>,
        /// The highest plausible ledger.
        highest: u32,
    },
    /// A ledger is stored under the same hash with another predecessor.
    #[error("ledger {ledger} is stored under the same hash with another previous hash")]
    LedgerConflict {
        /// Sequence of the ledger.
        ledger: u32,
    },
    /// A ledger is stored under the same hash with another close time.
    #[error("ledger {ledger} is stored under the same hash with another close time")]
    CloseTimeConflict {
        /// Sequence of the ledger.
        ledger: u32,
    },
    /// The lease of the batch has another holder.
    #[error("the lease {lease} has another holder")]
    LeaseLost {
        /// Name of the lease.
        lease: &'static str,
    },
}

/// Plans the changes of a batch against the stored state.
///
/// Only a hash contradicts the stored chain, never a shorter or absent chain: see `docs/REORGS.md`.
///
/// # Errors
/// [`Refusal`] if the batch cannot be accepted.
pub fn plan(view: &StoredView, batch: &Batch, rules: Rules, now: Timestamp) -> Result<IngestPlan, Refusal> {
    check_tip(view, batch, rules, now)?;
    let rollback = find_fork(view, batch)?;
    let fork = rollback.as_ref().map(|rollback| rollback.fork);
    if let (Some(rollback), Some(final_ledger)) = (&rollback, view.frontier.final_ledger)
        && rollback.fork <= final_ledger
    {
        return Err(Refusal::TooDeep { rollback: rollback.clone(), final_ledger });
    }
    let descendants = fork.map(|fork| (fork, Descendants::of(view, batch, fork)));
    let branch = descendants.as_ref().map(|(fork, descendants)| (*fork, descendants));
    let stays =
        |ledger: u32| branch.is_none_or(|(fork, after)| ledger < fork || after.kept.contains(&ledger));
    let Classes { insert, duplicates, invocations } = classify_events(view, batch, stays)?;
    check_close_times(view, batch, &duplicates, stays)?;
    let (frontier, keep) = advance(view, batch, branch, rules, now);
    let ledgers = to_write(view, batch, stays);
    let (remove, unproven) = descendants
        .map(|(fork, descendants)| (descendants.removed(fork), descendants.unproven))
        .unwrap_or_default();
    Ok(IngestPlan { rollback, remove, unproven, ledgers, insert, duplicates, invocations, keep, frontier })
}

/// The sequence from which on [`plan`] needs every stored ledger in the view, given a view with the
/// [neighbourhood](Batch::neighbourhood) of the batch; `None` if that is enough, as it is for a batch that adds ledgers
/// after the tip.
pub fn ledgers_needed_from(view: &StoredView, batch: &Batch, rules: Rules) -> Option<u32> {
    let fork = find_fork(view, batch).ok()?.map(|rollback| rollback.fork);
    if fork.is_some() && fork <= view.frontier.final_ledger {
        return None;
    }
    needed_from(view, batch, fork, rules)
}

/// Indexes in the batch.
#[derive(Default)]
struct Classes {
    insert: Vec<usize>,
    duplicates: Vec<usize>,
    invocations: Vec<usize>,
}

/// Separates new events from stored ones. Events that the rollback removes count as new.
fn classify_events(
    view: &StoredView,
    batch: &Batch,
    stays: impl Fn(u32) -> bool,
) -> Result<Classes, Refusal> {
    let (mut classes, mut conflicts) = (Classes::default(), Vec::new());
    let stored = view.events.iter().filter(|event| stays(event.position.ledger));
    let by_position: HashMap<_, _> = stored.clone().map(|event| (event.position, event)).collect();
    let by_id: HashMap<_, _> = stored.map(|event| (&event.id, event)).collect();
    // Invocations by position, as far as the batch has added them.
    let mut added = HashMap::new();
    for (index, event) in batch.events().iter().enumerate() {
        let at_position = by_position.get(&event.position).copied().or_else(|| batch.repeated(index));
        match at_position.or_else(|| by_id.get(&event.id).copied()) {
            None => classes.insert.push(index),
            Some(known) if same_content(known, event) => {
                let stored = added.get(&event.position).copied().or(known.invocation.as_deref());
                match Repeated::of(stored, event.invocation.as_deref()) {
                    Repeated::Same => {}
                    Repeated::Known => {
                        added.extend(event.invocation.as_deref().map(|call| (event.position, call)));
                        classes.invocations.push(index);
                    }
                    Repeated::Conflict => conflicts.push(index),
                }
                classes.duplicates.push(index);
            }
            Some(_) => conflicts.push(index),
        }
    }
    if conflicts.is_empty() { Ok(classes) } else { Err(Refusal::EventConflict { indices: conflicts }) }
}

/// Refuses another close time for a stored ledger. A stored event may have another one than its ledger where both were
/// stored by an earlier version; its repetition is a duplicate.
fn check_close_times(
    view: &StoredView,
    batch: &Batch,
    duplicates: &[usize],
    stays: impl Fn(u32) -> bool,
) -> Result<(), Refusal> {
    let is_stored_event = |index: &&usize| batch.repeated(**index).is_none();
    let repeated = duplicates.iter().filter(is_stored_event).filter_map(|index| batch.events().get(*index));
    let repeated: BTreeSet<_> = repeated.map(|event| event.position.ledger).collect();
    let contradicts = |ledger: &&Ledger| {
        let stored = view.ledgers.get(&ledger.sequence).and_then(|stored| stored.closed_at.as_ref());
        stays(ledger.sequence)
            && !repeated.contains(&ledger.sequence)
            && differ(stored, ledger.closed_at.as_ref())
    };
    match batch.ledgers().find(contradicts) {
        Some(ledger) => Err(Refusal::CloseTimeConflict { ledger: ledger.sequence }),
        None => Ok(()),
    }
}

fn to_write(view: &StoredView, batch: &Batch, stays: impl Fn(u32) -> bool) -> Vec<Ledger> {
    let mut write = Vec::new();
    for ledger in batch.ledgers() {
        match view.ledgers.get(&ledger.sequence).filter(|_| stays(ledger.sequence)) {
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

#[cfg(test)]
mod tests;
