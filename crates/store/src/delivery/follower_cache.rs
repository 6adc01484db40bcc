use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fluxora_delivery::EndpointId;
use fluxora_stream::{EventFilter, Sequence};

use super::StoredEndpoint;
use super::transaction::DeliveryTransaction;

/// What fan-out needs to know of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Follower {
    pub(super) id: EndpointId,
    pub(super) filter: EventFilter,
    /// Events after this position are delivered.
    pub(super) start_sequence: Sequence,
}

impl Follower {
    pub(super) fn of(stored: &StoredEndpoint) -> Self {
        let endpoint = &stored.endpoint;
        Self { id: endpoint.id, filter: endpoint.filter.clone(), start_sequence: endpoint.start_sequence }
    }
}

/// The endpoints that follow the log, as one process has read them last: they are read again when their version differs.
///
/// A version is never used for two states of the endpoints, also not after a rollback.
#[derive(Debug, Default)]
pub struct FollowerCache {
    followers: Mutex<Option<(i64, Arc<[Follower]>)>>,
    /// Whether the last step that took notices has not written them.
    is_noticing: AtomicBool,
}

impl FollowerCache {
    /// Whether this step takes notices: not directly after one that could not write them.
    pub(super) fn takes_notices(&self) -> bool {
        !self.is_noticing.fetch_not(Ordering::Relaxed)
    }

    /// Notices were written, or there are none: the next step takes them again.
    pub(super) fn notices_written(&self) {
        self.is_noticing.store(false, Ordering::Relaxed);
    }

    /// The endpoints that are neither deleted nor behind the cursor, in the order of their creation. The transaction holds the lock of the
    /// fan-out cursor, with which each of them is changed.
    pub(super) async fn followers<T: DeliveryTransaction>(
        &self,
        transaction: &mut T,
        version: i64,
    ) -> Result<Arc<[Follower]>, T::Fault> {
        if let Some(known) = self.get(version) {
            return Ok(known);
        }
        let endpoints = transaction.all_endpoints().await?;
        let followers: Arc<[Follower]> =
            endpoints.iter().filter(|stored| stored.behind.is_none()).map(Follower::of).collect();
        *self.followers.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((version, Arc::clone(&followers)));
        Ok(followers)
    }

    fn get(&self, version: i64) -> Option<Arc<[Follower]>> {
        let known = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().filter(|(of, _)| *of == version).map(|(_, followers)| Arc::clone(followers))
    }
}
