use fluxora_indexer::{Frontier, Opaque};
use jiff::Timestamp;

/// For how many ledgers past its fork a reorg shows.
const SHOWN_FOR_LEDGERS: u32 = 5;

/// How the chain stands, as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainState {
    /// How far the chain is known.
    pub frontier: Frontier,
    /// How many contract events are stored.
    pub events: u64,
    /// How many of them wait for their ledger to be safe.
    pub pending: u64,
    /// How many have a topic or a shape that is not the contract's.
    pub unknown: u64,
    /// How many are the contract's and lack a field or have a wrong one.
    pub unreadable: u64,
    /// When the last batch was taken.
    pub synced_at: Option<Timestamp>,
    /// The latest reorg or rewind.
    pub last_reorg: Option<Reorg>,
    /// A reorg that was refused because it would have undone final ledgers. The next batch that is taken clears it.
    pub refused: Option<RefusedReorg>,
}

impl ChainState {
    /// Whether the chain has taken another way so lately that its tip is not yet 5 ledgers past the fork.
    pub fn reorg_detected(&self) -> bool {
        match (&self.last_reorg, &self.frontier.tip) {
            (Some(reorg), Some(tip)) => tip.ledger < reorg.fork_ledger.saturating_add(SHOWN_FOR_LEDGERS),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// A change of the chain's way, as it is recorded for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reorg {
    /// Its number: 1, 2, 3…; 0 while it is not recorded.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// The first ledger that is another one, or none.
    pub fork_ledger: u32,
    /// How many ledgers below the tip that was.
    pub depth: u32,
    /// What the tip was.
    pub tip_before: Option<u32>,
    /// How many contract events were removed.
    pub events_removed: u64,
    /// How many streams are different because of it.
    pub streams_rebuilt: u64,
    /// Who wanted it.
    pub cause: ReorgCause,
}

/// Who wanted the chain to take another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReorgCause {
    /// A batch, by a hash that contradicts a stored one.
    Fork {
        /// The stored hash.
        existing_hash: Opaque,
        /// The hash that contradicts it.
        incoming_hash: Opaque,
    },
    /// An operator.
    Rewind {
        /// Why.
        reason: String,
    },
}

/// A reorg that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedReorg {
    /// When.
    pub at: Timestamp,
    /// The ledger at which the batch contradicts what is stored.
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
            let tip = tip.map(|ledger| Tip { ledger, hash });
            let frontier = Frontier { tip, ..Frontier::default() };
            ChainState { frontier, last_reorg: Some(reorg), ..ChainState::default() }
        };
        assert!(!ChainState::default().reorg_detected());
        for (tip, detected) in [(None, true), (Some(10), true), (Some(14), true), (Some(15), false)] {
            assert_eq!(state(tip).reorg_detected(), detected, "{tip:?}");
        }
    }
}
