//! The background workers of a server.

#[cfg(test)]
mod fixtures;
mod retention;
mod stream_clock;

use std::sync::Arc;
use std::time::Duration;

use fluxora_store::{Clock, Store, StoreError};
use fluxora_supervise::{Periodic, Supervisor, TickError};

use retention::Retention;
use stream_clock::StreamClock;

/// What workers need.
pub(crate) struct WorkerDeps {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stream_clock_interval: Duration,
}

/// Starts all workers of a server. They are stopped in reverse order.
pub(crate) fn start(supervisor: &mut Supervisor, deps: &WorkerDeps) {
    let WorkerDeps { store, clock, stream_clock_interval } = deps;
    let stream_clock = StreamClock::new(Arc::clone(store), Arc::clone(clock), *stream_clock_interval);
    supervisor.start(Periodic(stream_clock));
    supervisor.start(Periodic(Retention::new(Arc::clone(store), Arc::clone(clock))));
}

/// Only an internal error of the store is a defect. Every other error clears without a restart.
fn tick_error(error: StoreError) -> TickError {
    match error {
        StoreError::Internal { .. } => TickError::Defect(error.into()),
        StoreError::Overloaded | StoreError::Unavailable { .. } | StoreError::Corrupt(_) => {
            TickError::Outage(error.into())
        }
    }
}
