//! The chain's side of a store: what is kept of it, and the steps in which a batch becomes ledgers, events and streams.

mod dependents;
mod ingest;
mod numbering;
mod project;
mod rebuild;
mod rewind;
mod state;
mod transaction;

use std::sync::Arc;

use async_trait::async_trait;
use fluxora_indexer::projection::{ReportedAnomaly, Unprojected};
use fluxora_indexer::{Batch, Refusal, RewindRefused, Rules};
use jiff::Timestamp;

pub use ingest::ingest;
pub use rebuild::{Deviation, Difference, Rebuild, RebuildReport, Scope, Step, rebuild, stream_as_of};
pub use rewind::rewind;
pub use state::{ChainState, RefusedReorg, Reorg, ReorgCause};
pub use transaction::{
    ChainTransaction, ContractEventPage, ContractEventQuery, EventCursor, ListedEvent, StoredEvent,
    StoredStream, StreamWrite,
};

use crate::StoreError;

/// What came of a batch that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingested {
    /// The places in the batch of the events that were written.
    pub inserted: Vec<usize>,
    /// The places of those that were there already.
    pub duplicates: Vec<usize>,
    /// How the chain stands.
    pub state: ChainState,
    /// The reorg that the batch brought.
    pub reorg: Option<Reorg>,
    /// Events that could not be projected.
    pub unprojected: Vec<Unprojected>,
    /// What the contract did and an operator should know.
    pub anomalies: Vec<ReportedAnomaly>,
}

/// What an operator wants undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewind {
    /// The newest ledger that stays.
    pub to_ledger: u32,
    /// Why, for the record.
    pub reason: String,
}

/// The outcome of a rewind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewound {
    /// The rewind as it is recorded.
    pub reorg: Reorg,
    /// The chain state after it.
    pub state: ChainState,
}

/// The chain, as it was told, and the streams made of it.
///
/// Each method is one atomic unit, as those of [`StreamStore`](crate::StreamStore) are.
#[async_trait]
pub trait ChainStore: Send + Sync {
    /// Takes a batch: plans it against what is stored, and writes ledgers, events, streams and what is to be told of them. Two
    /// batches never see the same state: the second is planned after the first.
    ///
    /// A refused batch writes nothing, but for the fact that a reorg into final ledgers was refused.
    async fn ingest(
        &self,
        batch: Arc<Batch>,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Ingested, Refusal>, StoreError>;

    /// Undoes every ledger after one, also final ones, and records it. A refused rewind writes nothing.
    async fn rewind(
        &self,
        rewind: Rewind,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Rewound, RewindRefused>, StoreError>;

    /// How the chain stands.
    async fn chain_state(&self) -> Result<ChainState, StoreError>;

    /// Reads a page of contract events, in the order of the chain.
    async fn contract_events(&self, query: &ContractEventQuery) -> Result<ContractEventPage, StoreError>;

    /// Reads the last `limit` reorgs, the latest first.
    async fn reorgs(&self, limit: u32) -> Result<Vec<Reorg>, StoreError>;

    /// Builds streams again from the contract's events, and compares them with those that are stored, or puts them in their place.
    async fn rebuild(&self, rebuild: Rebuild, now: Timestamp) -> Result<RebuildReport, StoreError>;
}
