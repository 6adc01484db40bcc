//! Plans of an ingest and of a rewind: pure functions of the stored state and the request.

mod content;
mod ingest;
mod rewind;

pub use content::same_content;
pub use ingest::{IngestPlan, Refusal, Rollback, StoredView, plan};
pub use rewind::{RewindPlan, RewindRefused, plan_rewind};

use crate::Opaque;

/// Operator settings for the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Number of ledgers between the tip and the last safe ledger.
    pub safety_margin: u32,
    /// Greatest depth of a reorg below the tip. Deeper ledgers are final.
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

/// Tip, last safe ledger and final ledger of the stored chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    /// The newest ledger; `None` before the first.
    pub tip: Option<Tip>,
    /// Newest ledger whose events are projected. Only a recorded reorg lowers it.
    pub last_safe: Option<u32>,
    /// Newest ledger that only an operator can remove. Only a rewind lowers it.
    pub final_ledger: Option<u32>,
}

/// The newest ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Sequence of the ledger.
    pub ledger: u32,
    /// Hash of the ledger.
    pub hash: Opaque,
}
