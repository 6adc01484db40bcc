//! Of several servers on one database, one follows the network.

use std::sync::Arc;
use std::time::Duration;

use fluxora_indexer::Fence;
use fluxora_store::{Clock, LeaseStore, StoreError};
use fluxora_supervise::ShutdownToken;

/// The lease of the follower.
const LEASE: &str = "follower";
/// How long a server that is gone keeps the others waiting.
const TERM: Duration = Duration::from_secs(5);
/// The time between renewals, and between the attempts of a server that waits.
pub(crate) const RENEWAL: Duration = Duration::from_secs(1);

/// The lease that allows to follow, as one server holds it.
#[derive(Clone)]
pub struct Leadership {
    store: Arc<dyn LeaseStore>,
    holder: String,
    clock: Arc<dyn Clock>,
}

impl Leadership {
    /// The lease in this store. Each process needs a holder's name of its own, except where only one can open the database.
    pub const fn new(store: Arc<dyn LeaseStore>, holder: String, clock: Arc<dyn Clock>) -> Self {
        Self { store, holder, clock }
    }

    /// Acquires or renews the lease; `None` while another server holds it.
    pub(crate) async fn acquire(&self) -> Result<Option<Fence>, StoreError> {
        self.store.acquire_lease(LEASE, &self.holder, TERM, self.clock.now()).await
    }

    /// Renews the lease until it is lost. A store that fails keeps it: a batch under a lost lease is refused.
    pub(crate) async fn keep(&self, fence: Fence) {
        loop {
            tokio::time::sleep(RENEWAL).await;
            if self.acquire().await.is_ok_and(|held| held != Some(fence)) {
                return;
            }
        }
    }

    /// Lets another server follow at once.
    pub(crate) async fn release(&self) {
        if let Err(error) = self.store.release_lease(LEASE, &self.holder).await {
            tracing::warn!(%error, "the lease of the follower was not released: it ends by itself");
        }
    }

    /// Waits until the next attempt; `true` if shutdown was requested before.
    pub(crate) async fn wait(shutdown: &mut ShutdownToken) -> bool {
        tokio::select! {
            () = shutdown.requested() => true,
            () = tokio::time::sleep(RENEWAL) => false,
        }
    }
}

impl std::fmt::Debug for Leadership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Leadership").field("holder", &self.holder).finish_non_exhaustive()
    }
}
