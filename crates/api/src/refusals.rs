use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use fluxora_store::RepeatedFailures;

/// The requests that got a 503 because of storage, by their position in the route table: an outage is logged when it begins, then
/// once a minute, and when it has ended, not at each request.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// Whether there was one since the start. Without one a request takes no lock.
    has_any: AtomicBool,
    routes: Mutex<BTreeMap<usize, RepeatedFailures>>,
}

impl Refusals {
    /// Counts a refused request. If a line is due, returns how many requests it stands for.
    pub(crate) fn refuse(&self, route: usize, now: Instant) -> Option<u64> {
        self.has_any.store(true, Ordering::Relaxed);
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.entry(route).or_default().fail(now)
    }

    /// Notes a request that storage served. If it ends an outage that was logged, returns how many requests were refused.
    pub(crate) fn serve(&self, route: usize) -> Option<u64> {
        if !self.has_any.load(Ordering::Relaxed) {
            return None;
        }
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.get_mut(&route)?.succeed()
    }
}
