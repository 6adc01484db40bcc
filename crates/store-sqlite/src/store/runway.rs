use async_trait::async_trait;
use fluxora_store::StoreError;
use fluxora_store::runway::{self, RunwayStore};
use fluxora_store::time_events::Emitted;
use fluxora_treasury::Thresholds;
use jiff::Timestamp;

use super::SqliteStore;
use crate::chain::{Chain, run};

#[async_trait]
impl RunwayStore for SqliteStore {
    async fn emit_low_runways(&self, thresholds: &Thresholds, now: Timestamp) -> Result<Emitted, StoreError> {
        let thresholds = thresholds.clone();
        self.emit(move |connection| run(runway::emit(&mut Chain(connection), &thresholds, now))).await
    }
}
