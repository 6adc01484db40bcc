//! Chain storage: the stored state, and the steps by which a batch becomes ledgers, contract events and streams.

mod contracts;
mod dependents;
mod drifts;
mod event_recorder;
mod evidence;
mod ingest;
mod ledger_set;
mod orphans;
mod project;
mod rebuild;
mod rewind;
mod state;
mod transaction;
mod undo;

use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use fluxora_indexer::projection::{ReportedAnomaly, Unprojected};
use fluxora_indexer::{Batch, Ledger, Opaque, Refusal, RewindRefused, Rules};
use fluxora_stream::StreamId;
use jiff::Timestamp;

pub use contracts::{
    ContractReport, ContractSummary, ContractTallies, ContractTally, HALT_TOPICS, contract_reports,
};
pub use drifts::{ComparedEntry, DriftedField, Drifts};
pub use evidence::{Coverage, EventEvidence};
pub use ingest::ingest;
pub use ledger_set::LedgerSet;
pub use orphans::OrphanEvent;
pub use rebuild::{
    Deviation, Difference, Rebuild, RebuildReport, Repeated, Scope, Step, rebuild, stream_as_of,
};
pub use rewind::rewind;
pub use state::{ChainState, RefusedReorg, RefusedTip, Reorg, ReorgCause};
pub use transaction::{
    Arrivals, CONTRACT_EVENT_WINDOW, ChainTransaction, ContractEventPage, ContractEventQuery, EventCursor,
    ListedEvent, Mention, RepeatedEvent, StoredEvent, StoredStream, StreamWrite,
};

use crate::StoreError;

/// The outcome of an accepted batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingested {
    /// Indexes in the batch of the events that were written.
    pub inserted: Vec<usize>,
    /// Indexes in the batch of the events that were stored already.
    pub duplicates: Vec<usize>,
    /// The chain state after the batch.
    pub state: ChainState,
    /// The reorg of the batch, if it had a fork.
    pub reorg: Option<Reorg>,
    /// Orphans among the events that were inserted late or have become safe.
    pub orphans: Vec<OrphanEvent>,
    /// Contract events that could not be projected.
    pub unprojected: Vec<Unprojected>,
    /// Anomalies that an operator has to know.
    pub anomalies: Vec<ReportedAnomaly>,
}

/// A rewind as an operator requests it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewind {
    /// The newest ledger that stays.
    pub to_ledger: u32,
    /// The reason, for the record.
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

/// Ledgers, contract events and chain streams.
///
/// Each method is one atomic unit, as those of [`StreamStore`](crate::StreamStore) are.
#[async_trait]
pub trait ChainStore: Send + Sync {
    /// Ingests a batch: plans it against the stored state, and writes ledgers, contract events, streams and stream
    /// events. A lock on the chain state serializes batches.
    ///
    /// A refused batch writes nothing, except that a reorg into final ledgers or an implausible tip was refused.
    async fn ingest(
        &self,
        batch: Arc<Batch>,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Ingested, Refusal>, StoreError>;

    /// Removes every ledger after one, final ones included, and records it. A refused rewind writes nothing.
    async fn rewind(
        &self,
        rewind: Rewind,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Rewound, RewindRefused>, StoreError>;

    /// Reads the chain state.
    async fn chain_state(&self) -> Result<ChainState, StoreError>;

    /// Reads the stored ledgers of a range, in order.
    async fn ledgers(&self, range: RangeInclusive<u32>) -> Result<Vec<Ledger>, StoreError>;

    /// Reads which ledgers were read whole for each contract that has such ledgers, by contract.
    async fn coverage(&self) -> Result<Vec<Coverage>, StoreError>;

    /// Records comparisons of streams with the entries of their contracts. A comparison replaces that of the same or of an earlier
    /// ledger, and is left out where a later one is recorded. Where the two agree nothing is kept. A reorg or a rewind that removes
    /// the ledger removes the comparison.
    async fn record_comparisons(&self, compared: &[ComparedEntry]) -> Result<(), StoreError>;

    /// Reads the streams that differ from their entries: at most `limit` of them, by id, after one.
    async fn drifts(&self, after: Option<&StreamId>, limit: u32) -> Result<Drifts, StoreError>;

    /// Reads a contract event by its id, and what proves it.
    async fn contract_event(&self, id: &Opaque) -> Result<Option<EventEvidence>, StoreError>;

    /// Reads a page of contract events, in chain order or in the order of arrival.
    async fn contract_events(&self, query: &ContractEventQuery) -> Result<ContractEventPage, StoreError>;

    /// Reads the last `limit` reorgs, latest first.
    async fn reorgs(&self, limit: u32) -> Result<Vec<Reorg>, StoreError>;

    /// Rebuilds streams from contract events, and compares them with the stored ones or replaces these.
    async fn rebuild(&self, rebuild: Rebuild, now: Timestamp) -> Result<RebuildReport, StoreError>;

    /// Reads what is known of contracts with stored events: at most `limit` of them, unusable and halted ones first.
    async fn contracts(&self, limit: u32) -> Result<Vec<ContractReport>, StoreError>;
}
