use fluxora_indexer::{BatchFault, NotOpaque, Refusal};
use fluxora_ingest::IngestError;
use fluxora_stellar::{NotAContract, SourceError};
use fluxora_store::StoreError;
use thiserror::Error;

/// Why the chain cannot be followed now.
#[derive(Debug, Error)]
pub enum FollowError {
    /// The store failed, or refused the ledgers.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No source can help: the release or the settings must change.
    #[error(transparent)]
    Source(SourceError),
    /// Verified ledgers contradict each other: a defect.
    #[error("verified ledgers do not make a batch: {}", .0.first().map_or_else(String::new, ToString::to_string))]
    Batch(Vec<BatchFault>),
    /// A hash or a contract has no valid text: a defect.
    #[error("a hash or a contract has no valid text")]
    Hash(#[source] NotOpaque),
    /// A stored contract has no valid id: a defect.
    #[error(transparent)]
    Contract(NotAContract),
    /// The fork is below the deepest reorg that is applied.
    #[error(
        "the chain of the source differs from the stored one for more than {max_depth} ledgers below {ledger}: an operator has to rewind"
    )]
    TooDeep {
        /// The ledger at which the difference was found.
        ledger: u32,
        /// The deepest reorg that is applied.
        max_depth: u32,
    },
    /// Sources give different ledgers.
    #[error(
        "the sources contradict each other about ledger {ledger}: the stored one stays, an operator decides"
    )]
    Conflict {
        /// The ledger.
        ledger: u32,
    },
    /// A backfill met another chain than the stored one.
    #[error("ledger {ledger} of the source is not the stored one: a backfill replaces nothing")]
    OtherLedger {
        /// The ledger.
        ledger: u32,
    },
}

impl FollowError {
    /// Whether another server follows.
    pub(crate) const fn is_lost_lease(&self) -> bool {
        matches!(self, Self::Ingest(IngestError::Refused(Refusal::LeaseLost { .. })))
    }

    /// Whether only an operator, a release or other settings help.
    pub(crate) const fn needs_operator(&self) -> bool {
        if self.is_lost_lease() {
            return false;
        }
        matches!(
            self,
            Self::Source(_)
                | Self::TooDeep { .. }
                | Self::Conflict { .. }
                | Self::OtherLedger { .. }
                | Self::Ingest(IngestError::Refused(_))
        )
    }
}
