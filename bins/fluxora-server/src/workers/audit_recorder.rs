use std::sync::Arc;
use std::time::Duration;

use fluxora_api::RefusedWrites;
use fluxora_store::{Clock, Store, StoreError};
use fluxora_supervise::{PeriodicTask, ShutdownToken, TickError};

use super::tick_error;

const INTERVAL: Duration = Duration::from_millis(500);

/// Writes the rows of refused writes into the audit log.
#[derive(Clone)]
pub(crate) struct AuditRecorder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    refused: Arc<RefusedWrites>,
}

impl AuditRecorder {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, refused: Arc<RefusedWrites>) -> Self {
        Self { store, clock, refused }
    }

    /// Writes what waits. Where that fails, it waits on. `is_last` at the stop of the server.
    pub(crate) async fn record(&self, is_last: bool) -> Result<(), StoreError> {
        let entries = self.refused.take(self.clock.now(), is_last);
        if entries.is_empty() {
            return Ok(());
        }
        let written = self.store.append_audit(entries.clone()).await;
        if written.is_err() {
            self.refused.put_back(entries);
        }
        written
    }
}

impl PeriodicTask for AuditRecorder {
    fn name(&self) -> &'static str {
        "audit_recorder"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn tick(&mut self, _: &ShutdownToken) -> Result<(), TickError> {
        self.record(false).await.map_err(tick_error)
    }
}
