use std::sync::Arc;
use std::time::Duration;

use fluxora_indexer::Batch;
use fluxora_ingest::{Ingest, IngestError};
use fluxora_simulation::Chain;
use fluxora_store::Clock;
use fluxora_stream::UnixTime;
use fluxora_supervise::{PeriodicTask, ShutdownToken, TickError};
use tokio::sync::Mutex;

use crate::workers::tick_error;

/// Closes the due ledgers of a simulated chain and pushes each to the ingest service.
#[derive(Clone)]
pub(super) struct LedgerCloser {
    ingest: Ingest,
    clock: Arc<dyn Clock>,
    /// Shared, so that a restarted worker goes on where the failed one stopped.
    state: Arc<Mutex<State>>,
}

struct State {
    chain: Chain,
    /// The ledger that was closed and is not stored yet.
    unstored: Option<Arc<Batch>>,
}

impl LedgerCloser {
    pub(super) fn new(ingest: Ingest, clock: Arc<dyn Clock>, chain: Chain) -> Self {
        Self { ingest, clock, state: Arc::new(Mutex::new(State { chain, unstored: None })) }
    }

    /// Closes and stores each ledger that is due, until `stop` holds.
    pub(super) async fn close_due(&self, stop: impl Fn() -> bool) -> Result<(), TickError> {
        let mut state = self.state.lock().await;
        while !stop() {
            let Some(batch) = state.next(UnixTime::of(self.clock.now()))? else { break };
            match self.ingest.push(&batch).await {
                Ok(_) => state.unstored = None,
                Err(IngestError::Refused(refusal)) => return Err(TickError::Defect(refusal.into())),
                Err(IngestError::Store(error)) => return Err(tick_error(error)),
            }
        }
        Ok(())
    }
}

impl PeriodicTask for LedgerCloser {
    fn name(&self) -> &'static str {
        "demo_chain"
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(1)
    }

    async fn tick(&mut self, shutdown: &ShutdownToken) -> Result<(), TickError> {
        self.close_due(|| shutdown.is_requested()).await
    }
}

impl State {
    /// The ledger that is to be stored next: one that could not be stored, or the next that is due.
    fn next(&mut self, now: UnixTime) -> Result<Option<Arc<Batch>>, TickError> {
        if self.unstored.is_none() {
            let closed = self.chain.close(now).map_err(|fault| TickError::Defect(fault.into()))?;
            self.unstored = closed.map(|closed| {
                for refusal in &closed.refused {
                    tracing::debug!(%refusal, "the simulated contract refused a call");
                }
                for event in closed.batch.events() {
                    let (ledger, topic) = (event.position.ledger, &event.topic);
                    tracing::info!(ledger, %topic, "simulated contract event");
                }
                Arc::new(closed.batch)
            });
        }
        Ok(self.unstored.clone())
    }
}
