//! The replay guard for stores with an asynchronous driver.

use std::future::Future;

use super::guard::admitted;
use crate::{Begun, DedupeKey, Lease, Refusal, Settled, UnixSeconds};

/// A [`ReplayGuard`](crate::ReplayGuard) whose store answers asynchronously: a database driver, a cache over the network.
///
/// The phases and their guarantees are those of [`ReplayGuard`](crate::ReplayGuard). The crate depends on no runtime: an
/// implementation awaits its own driver. The futures are [`Send`], so that a handler may run on any thread.
///
/// The example `receive_postgres` implements it with `tokio-postgres`, so that the handler's writes and the record of the
/// delivery share one transaction.
///
/// ```
/// use fluxora_webhook::{
///     AsyncReplayGuard, Begun, DedupeKey, GuardFull, Lease, MemoryGuard, ReplayGuard, Settled, UnixSeconds,
/// };
///
/// /// For the tests of a service whose real guard is a database.
/// struct InMemory(MemoryGuard);
///
/// impl AsyncReplayGuard for InMemory {
///     type Error = GuardFull;
///
///     async fn begin(&self, key: &DedupeKey, now: UnixSeconds) -> Result<Begun, GuardFull> {
///         self.0.begin(key, now)
///     }
///
///     async fn commit(&self, lease: Lease, now: UnixSeconds) -> Result<Settled, GuardFull> {
///         self.0.commit(lease, now)
///     }
///
///     async fn abort(&self, lease: Lease) -> Result<Settled, GuardFull> {
///         self.0.abort(lease)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), GuardFull> {
/// let guard = InMemory(MemoryGuard::new(10));
/// let (key, now) = (DedupeKey::of_delivery("dlv_01"), UnixSeconds::new(1_700_000_000));
/// let Ok(lease) = AsyncReplayGuard::admit(&guard, &key, now).await else { panic!("never seen before") };
/// AsyncReplayGuard::commit(&guard, lease, now).await?;
/// assert_eq!(AsyncReplayGuard::admit(&guard, &key, now).await.unwrap_err().code(), "duplicate_delivery");
/// # Ok(())
/// # }
/// ```
pub trait AsyncReplayGuard: Sync {
    /// Why the store could not answer.
    type Error: Send;

    /// Reserves a delivery for [`LEASE_SECONDS`](crate::LEASE_SECONDS), as
    /// [`ReplayGuard::begin`](crate::ReplayGuard::begin). Atomic: of two callers, on any replica, one gets
    /// [`Begun::Fresh`].
    ///
    /// # Errors
    /// The store's own. Process nothing: answer 503, and the sender retries.
    fn begin(
        &self,
        key: &DedupeKey,
        now: UnixSeconds,
    ) -> impl Future<Output = Result<Begun, Self::Error>> + Send;

    /// Remembers the delivery as processed for [`RETENTION_SECONDS`](crate::RETENTION_SECONDS).
    ///
    /// # Errors
    /// The store's own. The work is done but not remembered: answer 503; the delivery comes again.
    fn commit(
        &self,
        lease: Lease,
        now: UnixSeconds,
    ) -> impl Future<Output = Result<Settled, Self::Error>> + Send;

    /// Gives the reservation back after the handler failed: the next attempt is [`Begun::Fresh`].
    ///
    /// # Errors
    /// The store's own. The reservation then ends with its lease.
    fn abort(&self, lease: Lease) -> impl Future<Output = Result<Settled, Self::Error>> + Send;

    /// [`begin`](Self::begin) for a receiver: a lease, or the answer to give.
    ///
    /// # Errors
    /// [`Refusal`], with its status and code.
    fn admit(
        &self,
        key: &DedupeKey,
        now: UnixSeconds,
    ) -> impl Future<Output = Result<Lease, Refusal<Self::Error>>> + Send {
        async move { admitted(self.begin(key, now).await) }
    }
}
