use std::ops::RangeInclusive;
use std::sync::Arc;

use async_trait::async_trait;
use fluxora_indexer::{Batch, Ledger, Opaque, Refusal, RewindRefused, Rules};
use fluxora_store::chain::{
    ChainState, ComparedEntry, ContractEventPage, ContractEventQuery, ContractReport, Coverage, Drifts,
    EventEvidence, Ingested, Rebuild, RebuildReport, Reorg, Rewind, Rewound,
};
use fluxora_store::{ChainStore, StoreError};
use fluxora_stream::StreamId;
use jiff::Timestamp;

/// A store that is never available.
pub(super) struct Unavailable;

fn unavailable<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable { reason: "the disk is full".into(), source: None })
}

#[async_trait]
impl ChainStore for Unavailable {
    async fn ingest(
        &self,
        _: Arc<Batch>,
        _: Rules,
        _: Timestamp,
    ) -> Result<Result<Ingested, Refusal>, StoreError> {
        unavailable()
    }

    async fn rewind(
        &self,
        _: Rewind,
        _: Rules,
        _: Timestamp,
    ) -> Result<Result<Rewound, RewindRefused>, StoreError> {
        unavailable()
    }

    async fn chain_state(&self) -> Result<ChainState, StoreError> {
        unavailable()
    }

    async fn ledgers(&self, _: RangeInclusive<u32>) -> Result<Vec<Ledger>, StoreError> {
        unavailable()
    }

    async fn coverage(&self) -> Result<Vec<Coverage>, StoreError> {
        unavailable()
    }

    async fn record_comparisons(&self, _: &[ComparedEntry]) -> Result<(), StoreError> {
        unavailable()
    }

    async fn drifts(&self, _: Option<&StreamId>, _: u32) -> Result<Drifts, StoreError> {
        unavailable()
    }

    async fn contract_event(&self, _: &Opaque) -> Result<Option<EventEvidence>, StoreError> {
        unavailable()
    }

    async fn contract_events(&self, _: &ContractEventQuery) -> Result<ContractEventPage, StoreError> {
        unavailable()
    }

    async fn reorgs(&self, _: u32) -> Result<Vec<Reorg>, StoreError> {
        unavailable()
    }

    async fn contracts(&self, _: u32) -> Result<Vec<ContractReport>, StoreError> {
        unavailable()
    }

    async fn rebuild(&self, _: Rebuild, _: Timestamp) -> Result<RebuildReport, StoreError> {
        unavailable()
    }
}
