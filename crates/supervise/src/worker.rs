use std::error::Error;

use crate::ShutdownToken;

/// Why a worker failed. The error itself may be published; its sources are only logged.
pub type WorkerError = Box<dyn Error + Send + Sync>;

/// A background worker. It waits asynchronously and never blocks its thread: all workers share one.
pub trait Worker: Clone + Send + Sync + 'static {
    /// The name in `GET /health` and in the log.
    fn name(&self) -> &'static str;

    /// Runs until shutdown is requested. Each restart runs a fresh clone of the worker.
    ///
    /// # Errors
    /// A defect, which a restart may clear. An outage of a dependency is not an error: the worker logs it and retries.
    fn run(self, shutdown: ShutdownToken) -> impl Future<Output = Result<(), WorkerError>> + Send;
}
