//! Removal of ledgers, and the streams whose projection it invalidates.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use fluxora_indexer::Frontier;
use fluxora_indexer::projection::Class;
use fluxora_stream::StreamId;

use super::evidence::cut_coverage;
use super::{ChainState, ChainTransaction, ContractTallies, StoredEvent};

/// Streams whose stored projection is no longer valid: they have to be rebuilt.
pub(super) struct Invalidated {
    pub(super) streams: BTreeSet<StreamId>,
    /// The first ledger of an event for which one of them is no longer valid.
    pub(super) first: u32,
    /// The first ledger with a late event.
    pub(super) first_late: Option<u32>,
}

impl Default for Invalidated {
    fn default() -> Self {
        Self { streams: BTreeSet::new(), first: u32::MAX, first_late: None }
    }
}

impl Invalidated {
    pub(super) fn add(&mut self, stored: &StoredEvent) {
        self.first = self.first.min(stored.event.position.ledger);
        self.streams.extend([stored.subjects.stream, stored.subjects.other].into_iter().flatten());
    }
}

/// What an undo has changed.
pub(super) struct Undone {
    /// Events of the removed ledgers, without payloads.
    pub(super) removed: Vec<StoredEvent>,
    /// Events that were safe, and are removed or pending again.
    pub(super) taken_back: Vec<StoredEvent>,
}

/// Removes ledgers, and invalidates the streams of events after `keep`.
pub(super) async fn undo<T: ChainTransaction>(
    transaction: &mut T,
    state: &mut ChainState,
    ledgers: Vec<RangeInclusive<u32>>,
    keep: Option<u32>,
    invalidated: &mut Invalidated,
    contracts: &mut ContractTallies,
) -> Result<Undone, T::Fault> {
    let Frontier { last_safe, .. } = state.frontier;
    let mut removed = Vec::new();
    cut_coverage(transaction, &ledgers).await?;
    for range in ledgers {
        removed.extend(transaction.remove_ledgers(range).await?);
    }
    let mut taken_back = Vec::new();
    for stored in &removed {
        state.events = state.events.saturating_sub(1);
        tally(state, stored.class, u64::saturating_sub);
        contracts.remove(stored);
        if Some(stored.event.position.ledger) <= last_safe {
            invalidated.add(stored);
            taken_back.push(stored.clone());
        } else {
            state.pending = state.pending.saturating_sub(1);
        }
    }
    // Events that stay and are no longer safe are pending again.
    if let Some(upto) = last_safe.filter(|_| keep < last_safe) {
        for stored in transaction.events_between(keep, upto).await? {
            invalidated.add(&stored);
            state.pending = state.pending.saturating_add(1);
            taken_back.push(stored);
        }
    }
    Ok(Undone { removed, taken_back })
}

/// Counts an event in or out of the unknown and unreadable ones.
pub(super) fn tally(state: &mut ChainState, class: Class, count: fn(u64, u64) -> u64) {
    match class {
        Class::Unknown => state.unknown = count(state.unknown, 1),
        Class::Unreadable => state.unreadable = count(state.unreadable, 1),
        Class::Stream | Class::Protocol | Class::Transfer => {}
    }
}

pub(super) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
