use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fluxora_audit::{Entry, Row};
use fluxora_auth::{ApiKey, KeyHash, KeyId};
use fluxora_delivery::{Attempt, DeliveryId, Endpoint, EndpointId, Policy, Replay, ReplayId};
use fluxora_indexer::{Batch, Fence as LeaseFence, Ledger, Opaque, Refusal, RewindRefused, Rules};
use fluxora_store::chain::{
    ChainState, ComparedEntry, ContractEventPage, ContractEventQuery, ContractReport, Coverage, Drifts,
    EventEvidence, Ingested, Rebuild, RebuildReport, Reorg, Rewind, Rewound,
};
use fluxora_store::delivery::{
    Claimed, DeliveryFigures, DeliveryPage, DeliveryQuery, EndpointCreated, EndpointPage, EndpointQuery,
    EndpointUpdate, EndpointUpdated, FannedOut, Fence, ListedDelivery, ReplayPage, ReplayQuery,
    SettleOutcome, Settlement, StartReplay, StateChange, StoredEndpoint,
};
use fluxora_store::time_events::{Emitted, Scheduled, StoredInstant};
use fluxora_store::treasury::{Counted, DueChange, PartyOutcome, PartyQuery, SumsReport};
use fluxora_store::{
    AuditPage, AuditQuery, AuditStore, ChainStore, DeliveryStore, EndpointStore, EventFilter, EventLog,
    EventLogPage, IdempotencyRecord, IdempotencyStore, KeyPage, KeyQuery, KeyRotated, KeyStore, LeaseStore,
    RunwayStore, Sequence, StoredKey, StreamCount, TimeEventStore, TreasuryStore,
};
use fluxora_treasury::Thresholds;
use jiff::SignedDuration;

use super::*;

/// A store in which every method fails with the same error, except those of an event log if it has one.
pub(super) struct FailingStore {
    fault: Fault,
    log: Option<Box<dyn EventLog>>,
    /// Counts how often a key was looked up that is not stored. Without it looking fails.
    lookups: Option<Arc<AtomicUsize>>,
}

pub(super) type Fault = fn() -> StoreError;

impl FailingStore {
    pub(super) const fn new(fault: Fault) -> Self {
        Self { fault, log: None, lookups: None }
    }

    pub(super) fn with_log(log: impl EventLog + 'static) -> Self {
        Self { log: Some(Box::new(log)), ..Self::new(|| StoreError::Overloaded) }
    }

    pub(super) fn without_keys(lookups: &Arc<AtomicUsize>) -> Self {
        Self { lookups: Some(Arc::clone(lookups)), ..Self::new(|| StoreError::Overloaded) }
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
    async fn stream_owner(&self, _: &StreamId) -> Result<Option<String>, StoreError> {
        Err((self.fault)())
    }
    async fn stream(&self, _: &StreamId) -> Result<Option<Stream>, StoreError> {
        Err((self.fault)())
    }
    async fn list_streams(&self, _: &StreamQuery) -> Result<StreamPage, StoreError> {
        Err((self.fault)())
    }
    async fn count_streams(&self, _: &StreamFilter, _: UnixTime) -> Result<StreamCount, StoreError> {
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
impl TreasuryStore for FailingStore {
    async fn party(&self, _: &PartyQuery) -> Result<PartyOutcome, StoreError> {
        Err((self.fault)())
    }
    async fn count_streams_again(&self, _: Timestamp, _: u32) -> Result<Counted, StoreError> {
        Err((self.fault)())
    }
    async fn due_changes(&self, _: UnixTime, _: u32) -> Result<Vec<DueChange>, StoreError> {
        Err((self.fault)())
    }
    async fn check_sums(&self) -> Result<SumsReport, StoreError> {
        Err((self.fault)())
    }
    async fn forget_sums(&self) -> Result<(), StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl TimeEventStore for FailingStore {
    async fn begin_time_events(&self) -> Result<bool, StoreError> {
        Err((self.fault)())
    }
    async fn schedule_time_events(&self, _: Timestamp, _: u32) -> Result<Scheduled, StoreError> {
        Err((self.fault)())
    }
    async fn emit_time_events(&self, _: Timestamp, _: u32) -> Result<Emitted, StoreError> {
        Err((self.fault)())
    }
    async fn open_instants(
        &self,
        _: Option<&StoredInstant>,
        _: u32,
    ) -> Result<Vec<StoredInstant>, StoreError> {
        Err((self.fault)())
    }
    async fn settle_instant(&self, _: &StoredInstant, _: bool, _: Timestamp) -> Result<bool, StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl RunwayStore for FailingStore {
    async fn emit_low_runways(&self, _: &Thresholds, _: Timestamp) -> Result<Emitted, StoreError> {
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
        _: &str,
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
impl KeyStore for FailingStore {
    async fn create_key(&self, _: ApiKey, _: KeyHash) -> Result<StoredKey, StoreError> {
        Err((self.fault)())
    }
    async fn key_by_hash(&self, _: &KeyHash) -> Result<Option<StoredKey>, StoreError> {
        let lookups = self.lookups.as_ref().ok_or_else(self.fault)?;
        lookups.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    }
    async fn key(&self, _: KeyId) -> Result<Option<StoredKey>, StoreError> {
        Err((self.fault)())
    }
    async fn list_keys(&self, _: &KeyQuery) -> Result<KeyPage, StoreError> {
        Err((self.fault)())
    }
    async fn has_keys(&self) -> Result<bool, StoreError> {
        Err((self.fault)())
    }
    async fn revoke_key(&self, _: KeyId, _: Timestamp) -> Result<Option<StoredKey>, StoreError> {
        Err((self.fault)())
    }
    async fn rotate_key(&self, _: ApiKey, _: KeyHash, _: Timestamp) -> Result<KeyRotated, StoreError> {
        Err((self.fault)())
    }
    async fn record_key_uses(&self, _: Vec<(KeyId, Timestamp)>) -> Result<(), StoreError> {
        Err((self.fault)())
    }
    async fn delete_ended_keys(&self, _: Timestamp) -> Result<u64, StoreError> {
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
    async fn record_comparisons(&self, _: &[ComparedEntry]) -> Result<(), StoreError> {
        Err((self.fault)())
    }
    async fn drifts(&self, _: Option<&StreamId>, _: u32) -> Result<Drifts, StoreError> {
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
    ) -> Result<Option<LeaseFence>, StoreError> {
        Err((self.fault)())
    }
    async fn release_lease(&self, _: &'static str, _: &str) -> Result<(), StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl EndpointStore for FailingStore {
    async fn create_endpoint(&self, _: Endpoint, _: bool, _: u32) -> Result<EndpointCreated, StoreError> {
        Err((self.fault)())
    }
    async fn endpoint(&self, _: EndpointId) -> Result<Option<StoredEndpoint>, StoreError> {
        Err((self.fault)())
    }
    async fn endpoint_owner(&self, _: EndpointId) -> Result<Option<Option<String>>, StoreError> {
        Err((self.fault)())
    }
    async fn list_endpoints(&self, _: &EndpointQuery) -> Result<EndpointPage, StoreError> {
        Err((self.fault)())
    }
    async fn update_endpoint(&self, _: EndpointUpdate, _: Timestamp) -> Result<EndpointUpdated, StoreError> {
        Err((self.fault)())
    }
    async fn change_endpoint_state(
        &self,
        _: EndpointId,
        _: StateChange,
        _: Timestamp,
    ) -> Result<EndpointUpdated, StoreError> {
        Err((self.fault)())
    }
    async fn delete_endpoint(&self, _: EndpointId, _: Timestamp) -> Result<bool, StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl DeliveryStore for FailingStore {
    async fn fan_out(&self, _: u32, _: Timestamp) -> Result<FannedOut, StoreError> {
        Err((self.fault)())
    }
    async fn claim(
        &self,
        _: &str,
        _: u32,
        _: SignedDuration,
        _: &Policy,
        _: Timestamp,
    ) -> Result<Claimed, StoreError> {
        Err((self.fault)())
    }
    async fn settle(
        &self,
        _: Vec<Settlement>,
        _: &Policy,
        _: Timestamp,
    ) -> Result<Vec<SettleOutcome>, StoreError> {
        Err((self.fault)())
    }
    async fn release(&self, _: Vec<Fence>, _: Timestamp) -> Result<u64, StoreError> {
        Err((self.fault)())
    }
    async fn delivery(&self, _: DeliveryId) -> Result<Option<ListedDelivery>, StoreError> {
        Err((self.fault)())
    }
    async fn attempts(&self, _: DeliveryId, _: u32, _: u32) -> Result<Vec<Attempt>, StoreError> {
        Err((self.fault)())
    }
    async fn list_deliveries(&self, _: &DeliveryQuery) -> Result<DeliveryPage, StoreError> {
        Err((self.fault)())
    }
    async fn replay(
        &self,
        _: DeliveryId,
        _: Option<Uuid>,
        _: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        Err((self.fault)())
    }
    async fn skip(&self, _: DeliveryId, _: Timestamp) -> Result<Option<(ListedDelivery, bool)>, StoreError> {
        Err((self.fault)())
    }
    async fn start_replay(&self, _: StartReplay, _: Timestamp) -> Result<Option<(Replay, bool)>, StoreError> {
        Err((self.fault)())
    }
    async fn run_replay(&self, _: u32, _: Timestamp) -> Result<Option<Replay>, StoreError> {
        Err((self.fault)())
    }
    async fn cancel_replay(&self, _: ReplayId, _: Timestamp) -> Result<Option<Replay>, StoreError> {
        Err((self.fault)())
    }
    async fn replay_job(&self, _: ReplayId) -> Result<Option<Replay>, StoreError> {
        Err((self.fault)())
    }
    async fn list_replays(&self, _: &ReplayQuery) -> Result<ReplayPage, StoreError> {
        Err((self.fault)())
    }
    async fn delete_settled_deliveries(&self, _: Timestamp) -> Result<u64, StoreError> {
        Err((self.fault)())
    }
    async fn delivery_figures(&self, _: Timestamp) -> Result<DeliveryFigures, StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl AuditStore for FailingStore {
    fn audited(&self, _: Entry) -> Box<dyn Store> {
        Box::new(Self::new(self.fault))
    }
    async fn append_audit(&self, _: Vec<Entry>) -> Result<(), StoreError> {
        Err((self.fault)())
    }
    async fn audit_page(&self, _: &AuditQuery) -> Result<AuditPage, StoreError> {
        Err((self.fault)())
    }
    async fn audit_rows(&self, _: Sequence, _: u32) -> Result<Vec<Row>, StoreError> {
        Err((self.fault)())
    }
    async fn expire_audit(&self, _: Timestamp, _: Timestamp) -> Result<u64, StoreError> {
        Err((self.fault)())
    }
}

#[async_trait]
impl Store for FailingStore {
    fn describe(&self) -> String {
        "broken".to_owned()
    }
    async fn check(&self) -> Result<(), StoreError> {
        // Others get their turn, as while a real store is asked.
        tokio::task::yield_now().await;
        Err((self.fault)())
    }
    async fn close(&self) {}
}
