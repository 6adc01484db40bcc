use fluxora_indexer::{Frontier, Opaque};
use jiff::Timestamp;

use super::LedgerSet;

/// Number of ledgers past its fork for which a reorg is reported.
const SHOWN_FOR_LEDGERS: u32 = 5;

/// The stored state of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainState {
    /// Tip, last safe ledger and final ledger.
    pub frontier: Frontier,
    /// Number of stored contract events.
    pub events: u64,
    /// Number of pending ones: their ledger is not safe yet.
    pub pending: u64,
    /// Number of unknown ones: topic or shape is not the contract's.
    pub unknown: u64,
    /// Number of unreadable ones: a field is missing or wrong.
    pub unreadable: u64,
    /// Time of the last accepted batch.
    pub synced_at: Option<Timestamp>,
    /// The latest reorg or rewind.
    pub last_reorg: Option<Reorg>,
    /// Number of safe ones about a stream that is not stored: its creation was never pushed or cannot be read.
    pub orphans: u64,
    /// Ledgers with events that a reorg removed although no hash proved that they were of the old branch. Each leaves
    /// the set when it is pushed again.
    pub resync: LedgerSet,
    /// A reorg that was refused because it reached final ledgers. The next accepted batch clears it.
    pub refused: Option<RefusedReorg>,
    /// An implausible tip that was refused. The next accepted batch clears it.
    pub refused_tip: Option<RefusedTip>,
}

impl ChainState {
    /// Whether the tip is less than 5 ledgers past the fork of the last reorg.
    pub fn reorg_detected(&self) -> bool {
        match (&self.last_reorg, &self.frontier.tip) {
            (Some(reorg), Some(tip)) => tip.ledger < reorg.fork_ledger.saturating_add(SHOWN_FOR_LEDGERS),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// A refused tip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedTip {
    /// Time of the refusal.
    pub at: Timestamp,
    /// The implausible ledger.
    pub ledger: u32,
}

/// A reorg or a rewind, as it is recorded for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorg {
    /// Number: 1, 2, 3 without gaps; 0 before it is recorded.
    pub number: u64,
    /// Time of the removal.
    pub at: Timestamp,
    /// The first removed ledger.
    pub fork_ledger: u32,
    /// Number of ledgers from the fork to the tip before.
    pub depth: u32,
    /// The tip before.
    pub tip_before: Option<u32>,
    /// Number of contract events removed.
    pub events_removed: u64,
    /// Number of streams that changed.
    pub streams_rebuilt: u64,
    /// The cause.
    pub cause: ReorgCause,
}

/// The cause of a reorg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReorgCause {
    /// A batch with a hash that contradicts a stored one.
    Fork {
        /// The stored hash.
        existing_hash: Opaque,
        /// The contradicting hash of the batch.
        incoming_hash: Opaque,
    },
    /// An operator's rewind.
    Rewind {
        /// The operator's reason.
        reason: String,
    },
}

/// A reorg that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedReorg {
    /// Time of the refusal.
    pub at: Timestamp,
    /// The stored ledger that the batch contradicted.
    pub fork_ledger: u32,
}

#[cfg(test)]
mod tests {
    use fluxora_indexer::Tip;

    use super::*;

    #[test]
    fn a_reorg_shows_until_the_tip_is_five_ledgers_past_its_fork() {
        let state = |tip: Option<u32>| {
            let hash = Opaque::new("a").unwrap();
            let cause = ReorgCause::Fork { existing_hash: hash.clone(), incoming_hash: hash.clone() };
            let reorg = Reorg {
                number: 1,
                at: Timestamp::UNIX_EPOCH,
                fork_ledger: 10,
                depth: 0,
                tip_before: Some(10),
                events_removed: 0,
                streams_rebuilt: 0,
                cause,
            };
            let tip = tip.map(|ledger| Tip { ledger, hash, at: None });
            let frontier = Frontier { tip, ..Frontier::default() };
            ChainState { frontier, last_reorg: Some(reorg), ..ChainState::default() }
        };
        assert!(!ChainState::default().reorg_detected());
        for (tip, detected) in [(None, true), (Some(10), true), (Some(14), true), (Some(15), false)] {
            assert_eq!(state(tip).reorg_detected(), detected, "{tip:?}");
        }
    }
}
