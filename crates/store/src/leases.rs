use std::time::Duration;

use async_trait::async_trait;
use fluxora_indexer::Fence;
use jiff::Timestamp;

use crate::StoreError;

/// Leases: work that one process at a time may do.
#[async_trait]
pub trait LeaseStore: Send + Sync {
    /// Acquires a lease for a term, or renews it for its holder; `None` while another holder has it. Each change of the holder
    /// gives a higher token.
    ///
    /// A backend that several processes use measures with the clock of its server, others with `now`.
    async fn acquire_lease(
        &self,
        lease: &'static str,
        holder: &str,
        term: Duration,
        now: Timestamp,
    ) -> Result<Option<Fence>, StoreError>;

    /// Ends the lease of this holder at once. It does nothing if another one has the lease.
    async fn release_lease(&self, lease: &'static str, holder: &str) -> Result<(), StoreError>;
}
