use std::ops::RangeInclusive;
use std::time::Duration;

use fluxora_indexer::{Batch, Fence, Ledger, Opaque, Refusal, RewindRefused, Rules};
use fluxora_store::chain::{
    ChainState, ContractEventPage, ContractEventQuery, ContractReport, Coverage, EventEvidence, Ingested,
    Rebuild, RebuildReport, Reorg, Rewind, Rewound,
};
use fluxora_store::{
    ChainStore, EventFilter, EventLog, EventLogPage, IdempotencyRecord, IdempotencyStore, LeaseStore,
    Sequence,
};

use super::*;

/// A store in which every method fails with the same error, except those of an event log if it has one.
pub(super) struct FailingStore {
    fault: Fault,
    log: Option<Box<dyn EventLog>>,
}

pub(super) type Fault = fn() -> StoreError;

impl FailingStore {
    pub(super) const fn new(fault: Fault) -> Self {
        Self { fault, log: None }
    }

    pub(super) fn with_log(log: impl EventLog + 'static) -> Self {
        Self { log: Some(Box::new(log)), ..Self::new(|| StoreError::Overloaded) }
    }
}

#[async_trait]
impl StreamStore for FailingStore {
    async fn create_stream(&self, _: CreateStream) -> Result<Created, StoreError> {
        Err((self.fault)())
    }
    async fn cancel_stream(
        &self,
        _: &StreamId,
        _: Arc<dyn Clock>,
    ) -> Result<Outcome<Stream, CancelRefused>, StoreError> {
        Err((self.fault)())
    }
    async fn stream(&self, _: &StreamId) -> Result<Option<Stream>, StoreError> {
        Err((self.fault)())
    }
    async fn list_streams(&self, _: &StreamQuery) -> Result<StreamPage, StoreError> {
        Err((self.fault)())
    }
    async fn count_streams(&self, _: &StreamFilter, _: UnixTime) -> Result<u64, StoreError> {
        Err((self.fault)())
    }
    async fn stream_events(&self, _: &StreamId, _: u32, _: u32) -> Result<Option<EventPage>, StoreError> {
        Err((self.fault)())
    }
    async fn stream_at(&self, _: &StreamId, _: UnixTime) -> Result<Option<Stream>, StoreError> {
        Err((self.fault)())
    }
    async fn record_due(&self, _: Timestamp, _: u32) -> Result<Recorded, StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl EventLog for FailingStore {
    async fn events_after(
        &self,
        after: Sequence,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<EventLogPage, StoreError> {
        match &self.log {
            Some(log) => log.events_after(after, filter, limit).await,
            None => Err((self.fault)()),
        }
    }
    async fn head(&self) -> Result<Sequence, StoreError> {
        match &self.log {
            Some(log) => log.head().await,
            None => Err((self.fault)()),
        }
    }
    async fn oldest(&self) -> Result<Sequence, StoreError> {
        match &self.log {
            Some(log) => log.oldest().await,
            None => Err((self.fault)()),
        }
    }
}

#[async_trait]
impl IdempotencyStore for FailingStore {
    async fn idempotency_record(
        &self,
        _: &'static str,
        _: &IdempotencyKey,
        _: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        Err((self.fault)())
    }
    async fn delete_expired_idempotency_records(&self, _: Timestamp) -> Result<u64, StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl ChainStore for FailingStore {
    async fn ingest(
        &self,
        _: Arc<Batch>,
        _: Rules,
        _: Timestamp,
    ) -> Result<Result<Ingested, Refusal>, StoreError> {
        Err((self.fault)())
    }
    async fn rewind(
        &self,
        _: Rewind,
        _: Rules,
        _: Timestamp,
    ) -> Result<Result<Rewound, RewindRefused>, StoreError> {
        Err((self.fault)())
    }
    async fn chain_state(&self) -> Result<ChainState, StoreError> {
        Err((self.fault)())
    }
    async fn ledgers(&self, _: RangeInclusive<u32>) -> Result<Vec<Ledger>, StoreError> {
        Err((self.fault)())
    }
    async fn coverage(&self) -> Result<Vec<Coverage>, StoreError> {
        Err((self.fault)())
    }
    async fn contract_event(&self, _: &Opaque) -> Result<Option<EventEvidence>, StoreError> {
        Err((self.fault)())
    }
    async fn contract_events(&self, _: &ContractEventQuery) -> Result<ContractEventPage, StoreError> {
        Err((self.fault)())
    }
    async fn reorgs(&self, _: u32) -> Result<Vec<Reorg>, StoreError> {
        Err((self.fault)())
    }
    async fn contracts(&self, _: u32) -> Result<Vec<ContractReport>, StoreError> {
        Err((self.fault)())
    }
    async fn rebuild(&self, _: Rebuild, _: Timestamp) -> Result<RebuildReport, StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl LeaseStore for FailingStore {
    async fn acquire_lease(
        &self,
        _: &'static str,
        _: &str,
        _: Duration,
        _: Timestamp,
    ) -> Result<Option<Fence>, StoreError> {
        Err((self.fault)())
    }
    async fn release_lease(&self, _: &'static str, _: &str) -> Result<(), StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl Store for FailingStore {
    fn describe(&self) -> String {
        "broken".to_owned()
    }
    async fn check(&self) -> Result<(), StoreError> {
        Err((self.fault)())
    }
    async fn close(&self) {}
}
