//! Moving everything that one backend holds to another, whatever their engines.

mod canonical;
mod digest;
mod record;
mod run;

pub use digest::{Digest, Tally};
pub use record::{Record, RecordKey, RemovedStream};
pub use run::{Copied, CopyError, PAGE, Progress, Step, copy};

use async_trait::async_trait;

use crate::StoreError;

/// A kind of record, in an order of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Streams, in the order of their creation.
    Streams,
    /// Streams that a reorg has removed, in the order of their creation.
    Removed,
    /// Events of all streams, the removed ones among them, in the order of their commits.
    Events,
    /// Responses to keyed requests, by scope and key.
    IdempotencyRecords,
    /// Ledgers of the chain, by their sequence.
    Ledgers,
    /// What contracts emitted, in the order of the chain.
    ContractEvents,
    /// Contract events that are set aside because another one lies at their position, by their number.
    RepeatedEvents,
    /// Reorgs and rewinds, by their number.
    Reorgs,
    /// How the chain stands: one record, or none where nothing has ever been told of it.
    ChainState,
}

impl Section {
    /// Every section; what others refer to comes first.
    pub const ALL: [Self; 9] = [
        Self::Streams,
        Self::Removed,
        Self::Events,
        Self::IdempotencyRecords,
        Self::Ledgers,
        Self::ContractEvents,
        Self::RepeatedEvents,
        Self::Reorgs,
        Self::ChainState,
    ];

    /// What an operator calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Streams => "streams",
            Self::Removed => "removed streams",
            Self::Events => "events",
            Self::IdempotencyRecords => "idempotency records",
            Self::Ledgers => "ledgers",
            Self::ContractEvents => "contract events",
            Self::RepeatedEvents => "repeated contract events",
            Self::Reorgs => "reorgs",
            Self::ChainState => "states of the chain",
        }
    }
}

/// What came of putting records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// They are there.
    Done,
    /// Another record has this place; nothing was written.
    Taken(RecordKey),
    /// The event at this place is of a stream that is neither there nor known to have been removed; nothing was written.
    Orphan(RecordKey),
}

/// A backend whose contents can be moved.
#[async_trait]
pub trait CopyStore: Send + Sync {
    /// Counts the records of a section, readable or not.
    async fn count(&self, section: Section) -> Result<u64, StoreError>;

    /// Reads up to `limit` records of a section that come after a place, in order; from the first on without one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if one of them cannot be read.
    async fn records(
        &self,
        section: Section,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError>;

    /// Writes records of one section at their places, whole or not at all, and lets the numbering of what is written later go on after
    /// them. Those that are there already, the same in every field, are left as they are.
    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError>;
}
