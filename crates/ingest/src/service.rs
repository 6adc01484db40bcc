use std::fmt;
use std::sync::Arc;

use fluxora_indexer::{Batch, Refusal, Rules};
use fluxora_store::chain::Ingested;
use fluxora_store::{ChainStore, Clock, StoreError};
use thiserror::Error;

use crate::observer::observe;
use crate::{Observation, Observer, RefusalKind, halts, log};

/// Stores batches of contract events, and logs and observes what happened.
#[derive(Clone)]
pub struct Ingest {
    store: Arc<dyn ChainStore>,
    clock: Arc<dyn Clock>,
    rules: Rules,
    observer: Arc<dyn Observer>,
}

/// Why a batch was not stored.
#[derive(Debug, Error)]
pub enum IngestError {
    /// The batch contradicts stored data. It is logged; the same batch is refused again.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store failed. It is not logged here; the caller retries or answers.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Ingest {
    /// A service without an observer.
    pub fn new(store: Arc<dyn ChainStore>, clock: Arc<dyn Clock>, rules: Rules) -> Self {
        Self { store, clock, rules, observer: Arc::new(()) }
    }

    /// Reports to this observer.
    #[must_use]
    pub fn observed_by(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// The safety margin and the reorg limit that batches are planned with.
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Stores one batch in one transaction.
    ///
    /// # Errors
    /// [`IngestError::Refused`] if it contradicts stored data, [`IngestError::Store`] if the store failed. Nothing of
    /// it is stored then.
    pub async fn push(&self, batch: &Arc<Batch>) -> Result<Ingested, IngestError> {
        let outcome = self.store.ingest(Arc::clone(batch), self.rules, self.clock.now()).await;
        match outcome {
            Ok(Ok(ingested)) => {
                log::stored(&ingested);
                halts::log(&ingested, batch);
                observe(self.observer.as_ref(), &ingested);
                Ok(ingested)
            }
            Ok(Err(refusal)) => {
                log::refused(&refusal, batch);
                self.observer.observe(Observation::Refused(RefusalKind::of(&refusal)));
                Err(refusal.into())
            }
            Err(error) => {
                self.observer.observe(Observation::StoreFailed);
                Err(error.into())
            }
        }
    }
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").field("rules", &self.rules).finish_non_exhaustive()
    }
}
