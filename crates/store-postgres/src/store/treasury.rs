use async_trait::async_trait;
use fluxora_store::treasury::{self as steps, Counted, DueChange, PartyOutcome, PartyQuery, SumsReport};
use fluxora_store::{StoreError, TreasuryStore};
use fluxora_stream::UnixTime;
use jiff::Timestamp;

use super::PostgresStore;
use crate::pipeline::PipelinedTransaction;

#[async_trait]
impl TreasuryStore for PostgresStore {
    async fn party(&self, query: &PartyQuery) -> Result<PartyOutcome, StoreError> {
        self.units
            .run(&self.connections, |lease| async move {
                let mut transaction = PipelinedTransaction::snapshot(lease);
                let outcome = steps::party(&mut transaction, query).await?;
                transaction.commit().await?;
                Ok(outcome)
            })
            .await
    }

    async fn count_streams_again(&self, now: Timestamp, limit: u32) -> Result<Counted, StoreError> {
        self.units
            .run(&self.connections, |lease| async move {
                let mut transaction = PipelinedTransaction::begin(lease);
                let counted = steps::count_again(&mut transaction, now, limit).await?;
                transaction.commit().await?;
                Ok(counted)
            })
            .await
    }

    async fn due_changes(&self, until: UnixTime, limit: u32) -> Result<Vec<DueChange>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move {
                let mut transaction = PipelinedTransaction::snapshot(lease);
                let due = steps::due_changes(&mut transaction, until, limit).await?;
                transaction.commit().await?;
                Ok(due)
            })
            .await
    }

    async fn check_sums(&self) -> Result<SumsReport, StoreError> {
        let limit = self.rebuild_timeout;
        self.units
            .run_within(limit, &self.connections, |lease| async move {
                let mut transaction = PipelinedTransaction::long_snapshot(lease, limit);
                let report = steps::check(&mut transaction).await?;
                transaction.commit().await?;
                Ok(report)
            })
            .await
    }

    async fn forget_sums(&self) -> Result<(), StoreError> {
        self.units
            .run(&self.connections, |lease| async move {
                let mut transaction = PipelinedTransaction::begin(lease);
                steps::forget(&mut transaction).await?;
                transaction.commit().await
            })
            .await
    }
}
