use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::runway::{self, RunwayStore};
use fluxora_store::time_events::Emitted;
use fluxora_treasury::Thresholds;
use jiff::Timestamp;

use super::PostgresStore;
use crate::pipeline::PipelinedTransaction;

#[async_trait]
impl RunwayStore for PostgresStore {
    async fn emit_low_runways(&self, thresholds: &Thresholds, now: Timestamp) -> Result<Emitted, StoreError> {
        let emitted = self
            .units
            .run(&self.chain, |lease| async {
                let mut transaction = PipelinedTransaction::begin(lease);
                let emitted = runway::emit(&mut transaction, thresholds, now).await?;
                transaction.commit().await?;
                Ok(emitted)
            })
            .await?;
        if emitted.events == 0 { Ok(emitted) } else { self.announcer.announce(Ok(emitted)) }
    }
}
