//! Copying the whole contents of one backend to another of any engine.

mod canonical;
mod digest;
mod keys;
mod record;
mod run;
mod webhooks;

pub use digest::{Digest, Tally};
pub use record::{CopiedAttempt, Record, RecordKey, RemovedStream};
pub use run::{Copied, CopyError, PAGE, Progress, Step, copy};

use async_trait::async_trait;

use crate::StoreError;

/// A kind of record. Each section has its order.
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
    /// Proofs of contract events, by the sequence of their ledger.
    LedgerProofs,
    /// The ledgers that were read whole, by contract.
    Coverage,
    /// Contract events that are set aside because another one lies at their position, by their number.
    RepeatedEvents,
    /// Reorgs and rewinds, by their number.
    Reorgs,
    /// The state of the chain: one record, or none if no batch was ever ingested.
    ChainState,
    /// Webhook endpoints, the deleted ones among them, in the order of their creation.
    WebhookEndpoints,
    /// Webhook deliveries, in the order of their creation.
    WebhookDeliveries,
    /// Attempts of webhook deliveries, in the order in which they were recorded.
    WebhookAttempts,
    /// Replays of webhook deliveries, in the order of their creation.
    WebhookReplays,
    /// The position up to which events were fanned out: one record, or none if it is 0.
    WebhookFanOut,
    /// Rows of the audit log, by their number.
    Audit,
    /// API keys, in the order of their creation.
    ApiKeys,
    /// The partners that created streams, by stream.
    StreamOwners,
    /// Streams that differ from the entries of their contracts, by stream.
    StreamDrifts,
}

impl Section {
    /// Every section; what others refer to comes first.
    pub const ALL: [Self; 20] = [
        Self::Streams,
        Self::Removed,
        Self::Events,
        Self::IdempotencyRecords,
        Self::Ledgers,
        Self::ContractEvents,
        Self::LedgerProofs,
        Self::Coverage,
        Self::RepeatedEvents,
        Self::Reorgs,
        Self::ChainState,
        Self::WebhookEndpoints,
        Self::WebhookDeliveries,
        Self::WebhookAttempts,
        Self::WebhookReplays,
        Self::WebhookFanOut,
        Self::Audit,
        Self::ApiKeys,
        Self::StreamOwners,
        Self::StreamDrifts,
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
            Self::LedgerProofs => "proofs of contract events",
            Self::Coverage => "coverages of contracts",
            Self::RepeatedEvents => "repeated contract events",
            Self::Reorgs => "reorgs",
            Self::ChainState => "states of the chain",
            Self::WebhookEndpoints => "webhook endpoints",
            Self::WebhookDeliveries => "webhook deliveries",
            Self::WebhookAttempts => "webhook attempts",
            Self::WebhookReplays => "webhook replays",
            Self::WebhookFanOut => "webhook fan-out cursors",
            Self::Audit => "audit rows",
            Self::ApiKeys => "API keys",
            Self::StreamOwners => "owners of streams",
            Self::StreamDrifts => "drifts of streams",
        }
    }
}

/// The outcome of writing records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// All records are stored.
    Done,
    /// Another record has this key; nothing was written.
    Taken(RecordKey),
    /// The event with this key belongs to a stream that is neither stored nor removed; nothing was written.
    Orphan(RecordKey),
}

/// A backend whose contents can be copied.
#[async_trait]
pub trait CopyStore: Send + Sync {
    /// Counts the records of a section, readable or not.
    async fn count(&self, section: Section) -> Result<u64, StoreError>;

    /// Reads up to `limit` records of a section after a key, in order; from the first on without one.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if one of them cannot be read.
    async fn records(
        &self,
        section: Section,
        after: Option<&RecordKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError>;

    /// Writes records of one section with their keys, all or none; later rows are numbered after them. Records that are stored already, the
    /// same in every field, are left unchanged.
    async fn put(&self, records: Vec<Record>) -> Result<Put, StoreError>;
}
