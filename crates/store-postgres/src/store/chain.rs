use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fluxora_indexer::{Batch, Fence, Ledger, Opaque, Refusal, RewindRefused, Rules};
use fluxora_store::audit::entry_of;
use fluxora_store::chain::{
    self as steps, ChainState, ComparedEntry, ContractEventPage, ContractEventQuery, ContractReport,
    Coverage, Drifts, EventEvidence, Ingested, Rebuild, RebuildReport, Reorg, Rewind, Rewound,
};
use fluxora_store::{ChainStore, LeaseStore, StoreError};
use fluxora_stream::StreamId;
use jiff::Timestamp;

use super::PostgresStore;
use crate::leases;
use crate::pipeline::PipelinedTransaction;
use crate::{audit, chain};

#[async_trait]
impl ChainStore for PostgresStore {
    async fn ingest(
        &self,
        batch: Arc<Batch>,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Ingested, Refusal>, StoreError> {
        let (batch, limit) = (batch.as_ref(), self.rebuild_timeout);
        let ingested = self
            .units
            .run_extensible(limit, &self.chain, |lease| async move {
                let mut chain = PipelinedTransaction::begin_for(lease, batch, rules, limit);
                let outcome = steps::ingest(&mut chain, batch, rules, now).await?;
                chain.commit().await?;
                Ok(outcome)
            })
            .await;
        self.announcer.announce(ingested)
    }

    async fn rewind(
        &self,
        rewind: Rewind,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Rewound, RewindRefused>, StoreError> {
        let (rewind, limit, entry) = (&rewind, self.rebuild_timeout, self.entry.as_ref());
        let rewound = self
            .units
            .run_within(limit, &self.chain, |lease| async move {
                let mut chain = PipelinedTransaction::begin_long(lease, limit);
                let outcome = steps::rewind(&mut chain, rewind, rules, now).await?;
                audit::enqueue(&mut chain, entry_of(entry, &outcome)).await?;
                chain.commit().await?;
                Ok(outcome)
            })
            .await;
        self.announcer.announce(rewound)
    }

    async fn chain_state(&self) -> Result<ChainState, StoreError> {
        self.units.run(&self.connections, |lease| async move { chain::state(&lease).await }).await
    }

    async fn ledgers(&self, range: RangeInclusive<u32>) -> Result<Vec<Ledger>, StoreError> {
        let range = &range;
        self.units
            .run(&self.connections, |lease| async move { chain::ledgers::between(&lease, range).await })
            .await
    }

    async fn coverage(&self) -> Result<Vec<Coverage>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { chain::evidence::coverage_now(&lease).await })
            .await
    }

    async fn contract_event(&self, id: &Opaque) -> Result<Option<EventEvidence>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { chain::evidence::event(&lease, id).await })
            .await
    }

    async fn contract_events(&self, query: &ContractEventQuery) -> Result<ContractEventPage, StoreError> {
        self.units.run(&self.connections, |lease| async move { chain::list(&lease, query).await }).await
    }

    async fn record_comparisons(&self, compared: &[ComparedEntry]) -> Result<(), StoreError> {
        self.units
            .run(&self.chain, |lease| async move {
                let mut chain = PipelinedTransaction::begin(lease);
                chain::drifts::record(&mut chain, compared).await?;
                chain.commit().await
            })
            .await
    }

    async fn drifts(&self, after: Option<&StreamId>, limit: u32) -> Result<Drifts, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { chain::drifts::read(&lease, after, limit).await })
            .await
    }

    async fn reorgs(&self, limit: u32) -> Result<Vec<Reorg>, StoreError> {
        self.units.run(&self.connections, |lease| async move { chain::reorgs(&lease, limit).await }).await
    }

    async fn contracts(&self, limit: u32) -> Result<Vec<ContractReport>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { chain::contracts::reports(&lease, limit).await })
            .await
    }

    async fn rebuild(&self, rebuild: Rebuild, now: Timestamp) -> Result<RebuildReport, StoreError> {
        let (rebuild, limit, entry) = (&rebuild, self.rebuild_timeout, self.entry.as_ref());
        let rebuilt = self
            .units
            .run_within(limit, &self.chain, |lease| async move {
                let mut chain = PipelinedTransaction::begin_long(lease, limit);
                let report = steps::rebuild(&mut chain, rebuild, now).await?;
                if !rebuild.verify_only {
                    audit::enqueue(&mut chain, entry_of(entry, &report)).await?;
                }
                chain.commit().await?;
                Ok(report)
            })
            .await;
        self.announcer.announce(rebuilt)
    }
}

#[async_trait]
impl LeaseStore for PostgresStore {
    async fn acquire_lease(
        &self,
        lease: &'static str,
        holder: &str,
        term: Duration,
        _: Timestamp,
    ) -> Result<Option<Fence>, StoreError> {
        self.units
            .run(&self.connections, |connection| async move {
                leases::acquire(&connection, lease, holder, term).await
            })
            .await
    }

    async fn release_lease(&self, lease: &'static str, holder: &str) -> Result<(), StoreError> {
        self.units
            .run(
                &self.connections,
                |connection| async move { leases::release(&connection, lease, holder).await },
            )
            .await
    }
}
