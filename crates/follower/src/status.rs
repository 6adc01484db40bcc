use std::sync::{Mutex, MutexGuard, PoisonError};

use fluxora_indexer::{LedgerRanges, Opaque};
use fluxora_stellar::{EndpointStatus, Ledger};
use fluxora_store::chain::{Coverage, Drifts};
use jiff::Timestamp;

/// What a follower is doing, shared with `GET /health`.
#[derive(Debug, Default)]
pub struct FollowerStatus(Mutex<FollowerSnapshot>);

/// What a follower is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FollowerSnapshot {
    /// What it does.
    pub phase: FollowerPhase,
    /// The newest ledger that it stored since the start of the process.
    pub ledger: Option<FollowedLedger>,
    /// The newest ledger that any source reported.
    pub latest: Option<u32>,
    /// When a source last answered.
    pub answered_at: Option<Timestamp>,
    /// The last error, while it lasts.
    pub last_error: Option<String>,
    /// The sources.
    pub sources: Vec<EndpointStatus>,
    /// The ledgers that were read for each contract, others than the followed ones included.
    pub coverage: Vec<Coverage>,
    /// The past of added contracts that is being read.
    pub gap: Option<GapProgress>,
    /// The streams that differ from the last entry that they were compared with.
    pub drifts: Drifts,
}

/// Ledgers that are read again for contracts that were added later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapProgress {
    /// The contracts.
    pub contracts: Vec<String>,
    /// The first ledger.
    pub from: u32,
    /// The last ledger.
    pub to: u32,
    /// The next ledger.
    pub next: u32,
    /// The last error, while it lasts.
    pub last_error: Option<String>,
}

/// A stored ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowedLedger {
    /// Its sequence.
    pub sequence: u32,
    /// When it closed.
    pub closed_at: Timestamp,
}

/// What a follower does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FollowerPhase {
    /// It has stored no ledger since the start.
    #[default]
    Starting,
    /// Another server on the same database follows.
    Standby,
    /// It stores older ledgers.
    CatchingUp,
    /// It has every ledger of its sources.
    AtTip,
    /// No source can be asked, or the store failed: it retries.
    Waiting,
    /// A source contradicts a stored ledger: witnesses are heard.
    Trial,
    /// An operator has to decide.
    Halted,
}

impl FollowerPhase {
    /// The name in `GET /health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Standby => "standby",
            Self::CatchingUp => "catching_up",
            Self::AtTip => "at_tip",
            Self::Waiting => "waiting",
            Self::Trial => "trial",
            Self::Halted => "halted",
        }
    }
}

impl FollowerStatus {
    /// The present state.
    pub fn snapshot(&self) -> FollowerSnapshot {
        self.lock().clone()
    }

    pub(crate) fn phase(&self, phase: FollowerPhase) {
        self.lock().phase = phase;
    }

    pub(crate) fn failed(&self, phase: FollowerPhase, error: String) {
        let mut snapshot = self.lock();
        snapshot.phase = phase;
        snapshot.last_error = Some(error);
    }

    pub(crate) fn drifts(&self, drifts: Drifts) {
        self.lock().drifts = drifts;
    }

    pub(crate) fn covered(&self, coverage: Vec<Coverage>) {
        self.lock().coverage = coverage;
    }

    pub(crate) fn gap(&self, gap: Option<GapProgress>) {
        self.lock().gap = gap;
    }

    pub(crate) fn gap_failed(&self, error: String) {
        if let Some(gap) = &mut self.lock().gap {
            gap.last_error = Some(error);
        }
    }

    /// Ledgers up to this one were stored, and read for these contracts.
    pub(crate) fn stored(&self, ledger: &Ledger, first: u32, contracts: &[Opaque]) {
        let mut snapshot = self.lock();
        for contract in contracts {
            let known = snapshot.coverage.iter_mut().find(|known| known.contract == *contract);
            let range = first..=ledger.sequence;
            if let Some(known) = known {
                known.ledgers.add(range);
            } else {
                let mut ledgers = LedgerRanges::default();
                ledgers.add(range);
                snapshot.coverage.push(Coverage { contract: contract.clone(), ledgers });
            }
        }
        snapshot.ledger = Some(FollowedLedger { sequence: ledger.sequence, closed_at: ledger.close_time });
        snapshot.last_error = None;
    }

    pub(crate) fn sources(&self, sources: Vec<EndpointStatus>, latest: Option<u32>) {
        let mut snapshot = self.lock();
        snapshot.sources = sources;
        snapshot.latest = latest;
    }

    pub(crate) fn answered(&self, now: Timestamp) {
        self.lock().answered_at = Some(now);
    }

    fn lock(&self) -> MutexGuard<'_, FollowerSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
