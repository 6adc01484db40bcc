//! Fork detection, and the stored ledgers that stay on the branch of a batch.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::ingest::{Refusal, Rollback, StoredView};
use crate::batch::differ;
use crate::{Batch, Opaque};

/// The lowest ledger at which the stored chain and the batch contradict each other.
pub(super) fn find_fork(view: &StoredView, batch: &Batch) -> Result<Option<Rollback>, Refusal> {
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

/// The stored ledgers from a fork on, by what their hashes prove.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Descendants {
    /// Ledgers of the batch's branch: a chain of previous hashes leads to a ledger of the batch, or the batch names the
    /// ledger by its hash. They stay.
    pub(super) kept: BTreeSet<u32>,
    /// Ledgers of which no hash tells the branch. They are removed and have to be pushed again.
    pub(super) unproven: BTreeSet<u32>,
}

impl Descendants {
    /// The view has every stored ledger from `fork` on.
    pub(super) fn of(view: &StoredView, batch: &Batch, fork: u32) -> Self {
        let (mut found, mut stale) = (Self::default(), BTreeSet::new());
        for (sequence, stored) in view.ledgers.range(fork..) {
            let before = sequence.checked_sub(1);
            let stored_before = before.and_then(|before| view.ledgers.get(&before));
            let kept_before = stored_before.filter(|before| found.kept.contains(&before.sequence));
            let parent = before.and_then(|before| batch.ledger(before)).or(kept_before);
            let child = sequence.checked_add(1).and_then(|after| batch.ledger(after));
            let link = stored.previous_hash.as_ref();
            let is_linked = |parent: &Opaque| link == Some(parent);
            let pushed = batch.ledger(*sequence).map(|pushed| &pushed.hash);
            let named = pushed.or(child.and_then(|child| child.previous_hash.as_ref()));
            let is_contradicted =
                differ(named, Some(&stored.hash)) || differ(link, parent.map(|parent| &parent.hash));
            let is_child_of_stale = || {
                stored_before
                    .is_some_and(|before| stale.contains(&before.sequence) && is_linked(&before.hash))
            };
            if is_contradicted {
                stale.insert(*sequence);
            } else if named.is_some() || parent.is_some_and(|parent| is_linked(&parent.hash)) {
                found.kept.insert(*sequence);
            } else if is_child_of_stale() {
                stale.insert(*sequence);
            } else {
                found.unproven.insert(*sequence);
            }
        }
        found
    }

    /// The ledgers to remove: every one from the fork on that does not stay.
    pub(super) fn removed(&self, fork: u32) -> Vec<RangeInclusive<u32>> {
        let mut ranges = Vec::new();
        let mut first = Some(fork);
        for kept in &self.kept {
            if let (Some(from), Some(to)) = (first, kept.checked_sub(1))
                && from <= to
            {
                ranges.push(from..=to);
            }
            first = kept.checked_add(1);
        }
        ranges.extend(first.map(|from| from..=u32::MAX));
        ranges
    }
}
