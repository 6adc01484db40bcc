//! Plans of an ingest and of a rewind: pure functions of the stored state and the request.

mod content;
mod fork;
mod frontier;
mod ingest;
mod rewind;

pub use content::same_content;
pub(crate) use content::same_json_text;
pub use frontier::{Frontier, Hole, Tip, first_hole};
pub use ingest::{IngestPlan, Refusal, Rollback, StoredView, ledgers_needed_from, plan};
pub use rewind::{RewindPlan, RewindRefused, plan_rewind};

/// Operator settings for the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Number of ledgers between the tip and the last safe ledger.
    pub safety_margin: u32,
    /// Greatest depth of a reorg below the tip. Deeper ledgers are final.
    pub max_reorg_depth: u32,
    /// Number of ledgers by which a new tip may exceed one ledger per second since the stored tip closed.
    pub max_tip_jump: u32,
}

impl Default for Rules {
    /// A margin of 1, a depth of 128, a jump of 10,000.
    fn default() -> Self {
        Self { safety_margin: 1, max_reorg_depth: 128, max_tip_jump: 10_000 }
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
