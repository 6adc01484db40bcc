use std::sync::Arc;
use std::time::Duration;

use fluxora_api::Clock;
use fluxora_store::Store;

use crate::retention::Retention;
use crate::stream_clock::StreamClock;
use crate::supervisor::Supervisor;

/// What workers are made of.
pub(crate) struct WorkerDeps {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stream_clock_interval: Duration,
}

/// Starts whatever works in the background of a server. They are stopped in the opposite order.
pub(crate) fn start(supervisor: &mut Supervisor, deps: &WorkerDeps) {
    let WorkerDeps { store, clock, stream_clock_interval } = deps;
    supervisor.start(StreamClock::new(Arc::clone(store), Arc::clone(clock), *stream_clock_interval));
    supervisor.start(Retention::new(Arc::clone(store), Arc::clone(clock)));
}
