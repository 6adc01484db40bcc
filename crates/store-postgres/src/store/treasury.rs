use async_trait::async_trait;
use fluxora_store::treasury::{self as steps, PartyOutcome, PartyQuery};
use fluxora_store::{StoreError, TreasuryStore};

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
}
