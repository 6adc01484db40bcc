//! Decisions about the chain, as pure functions of what is stored and what is asked for.

mod ingest;
mod rewind;

pub use ingest::{IngestPlan, Refusal, Rollback, View, plan};
pub use rewind::{RewindPlan, RewindRefused, plan_rewind};

use crate::Opaque;

/// What an operator decides about the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How many ledgers below the tip the last safe ledger lies.
    pub safety_margin: u32,
    /// How many ledgers below the tip a reorg may begin at most. What lies deeper is final.
    pub max_reorg_depth: u32,
}

impl Default for Rules {
    /// A margin of 1, a depth of 128.
    fn default() -> Self {
        Self { safety_margin: 1, max_reorg_depth: 128 }
    }
}

impl Rules {
    /// The last safe ledger under a tip; `None` if the chain is shorter than the margin.
    fn safe_below(self, tip: Option<&Tip>) -> Option<u32> {
        tip.and_then(|tip| tip.ledger.checked_sub(self.safety_margin))
    }

    /// The newest ledger under a tip that no reorg can reach; `None` if every ledger can be.
    fn final_below(self, tip: Option<&Tip>) -> Option<u32> {
        tip.and_then(|tip| tip.ledger.checked_sub(self.max_reorg_depth.saturating_add(1)))
    }
}

/// How far the chain is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    /// The newest ledger; `None` before the first.
    pub tip: Option<Tip>,
    /// The newest ledger whose events are in the streams. It goes down with a recorded reorg only.
    pub last_safe: Option<u32>,
    /// The newest ledger that only an operator can undo. It never goes down by itself, also where the tip does.
    pub final_ledger: Option<u32>,
}

/// The newest ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its sequence.
    pub ledger: u32,
    /// Its hash.
    pub hash: Opaque,
}
