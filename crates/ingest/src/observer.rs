use fluxora_indexer::Refusal;
use fluxora_store::chain::Ingested;

/// Receives what happened to each batch, for metrics. It is called after the commit and must not block.
pub trait Observer: Send + Sync {
    /// Called once for each observation.
    fn observe(&self, observation: Observation);
}

/// Ignores every observation.
impl Observer for () {
    fn observe(&self, _: Observation) {}
}

/// One thing that happened to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The batch was stored.
    Stored {
        /// Contract events written.
        events: usize,
        /// Contract events that were stored before.
        duplicates: usize,
    },
    /// The batch replaced stored ledgers.
    ReorgApplied {
        /// How many ledgers below the tip the fork is.
        depth: u32,
        /// Contract events removed.
        events_removed: u64,
        /// Streams changed by the reorg.
        streams_rebuilt: u64,
    },
    /// Events belong to streams that are not stored.
    Orphans {
        /// Their count.
        events: usize,
    },
    /// Events were stored and could not be projected.
    Unprojected {
        /// Their count.
        events: usize,
    },
    /// The contract did what it should not do.
    Anomalies {
        /// Their count.
        count: usize,
    },
    /// The batch was refused; nothing was stored.
    Refused(RefusalKind),
    /// The store failed.
    StoreFailed,
}

/// Why a batch was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It contradicts a final ledger.
    ReorgTooDeep,
    /// An event is known with other contents at the same position or under the same id.
    EventConflict,
    /// Its newest ledger is higher than the chain can have grown.
    ImplausibleTip,
    /// A ledger is stored under the same hash with another previous hash or close time.
    LedgerConflict,
    /// The lease under which it is written has another holder.
    LeaseLost,
}

impl RefusalKind {
    pub(crate) const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::TooDeep { .. } => Self::ReorgTooDeep,
            Refusal::EventConflict { .. } => Self::EventConflict,
            Refusal::ImplausibleTip { .. } => Self::ImplausibleTip,
            Refusal::LedgerConflict { .. } | Refusal::CloseTimeConflict { .. } => Self::LedgerConflict,
            Refusal::LeaseLost { .. } => Self::LeaseLost,
        }
    }
}

/// Everything to observe about a stored batch.
pub(crate) fn observe(observer: &dyn Observer, ingested: &Ingested) {
    let Ingested { inserted, duplicates, reorg, orphans, unprojected, anomalies, state: _ } = ingested;
    observer.observe(Observation::Stored { events: inserted.len(), duplicates: duplicates.len() });
    if let Some(reorg) = reorg {
        let (depth, events_removed, streams_rebuilt) =
            (reorg.depth, reorg.events_removed, reorg.streams_rebuilt);
        observer.observe(Observation::ReorgApplied { depth, events_removed, streams_rebuilt });
    }
    if !orphans.is_empty() {
        observer.observe(Observation::Orphans { events: orphans.len() });
    }
    if !unprojected.is_empty() {
        observer.observe(Observation::Unprojected { events: unprojected.len() });
    }
    if !anomalies.is_empty() {
        observer.observe(Observation::Anomalies { count: anomalies.len() });
    }
}
