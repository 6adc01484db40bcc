use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxora_store::{Doubt, OutageTracker, RepeatedFailures, StoreError, StoreMetrics, Work, error_chain};
use tokio::time::{Instant, timeout_at};

use crate::faults::Fault;
use crate::pool::{Connections, Lease};

/// How often a unit of work is tried in all.
const ATTEMPTS: u32 = 5;
/// What a unit of work gets beyond the time limit of a statement.
const GRACE: Duration = Duration::from_secs(1);

/// Runs units of work: each within its time limit, retried after a deadlock or serialization failure.
#[derive(Debug)]
pub(crate) struct Units {
    limit: Duration,
    repeated: AtomicU64,
    outages: OutageTracker,
    failed_creates: Mutex<RepeatedFailures>,
    metrics: StoreMetrics,
}

impl Units {
    pub(crate) fn new(statement_timeout: Duration) -> Self {
        let limit = statement_timeout.saturating_add(GRACE);
        Self {
            limit,
            repeated: AtomicU64::new(0),
            outages: OutageTracker::default(),
            failed_creates: Mutex::default(),
            metrics: StoreMetrics::new(),
        }
    }

    pub(crate) const fn metrics(&self) -> &StoreMetrics {
        &self.metrics
    }

    /// How many attempts were repeated.
    pub(crate) fn repeated(&self) -> u64 {
        self.repeated.load(Ordering::Relaxed)
    }

    /// How often a unit is retried after a conflict.
    pub(crate) const fn repeat_limit(&self) -> u32 {
        ATTEMPTS.saturating_sub(1)
    }

    pub(crate) fn count_repeat(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
    }

    /// Logs failed batches of creates and their end, not each batch.
    pub(crate) fn report_creates(&self, failed: Option<&StoreError>) {
        let mut failures = self.failed_creates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = failed {
            if let Some(batches) = failures.fail(now()) {
                tracing::error!(batches, error = error_chain(fault), "creates were not written");
            }
        } else if let Some(batches) = failures.succeed() {
            tracing::info!(batches, "creates are written again");
        }
    }

    /// Runs a unit of work on a connection of the pool.
    pub(crate) async fn run<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        connections: &Connections,
        work: impl Fn(Arc<Lease>) -> F,
    ) -> Result<T, StoreError> {
        self.run_with(Work::Transaction, [self.limit; 2], connections, work).await
    }

    /// Runs a unit of work that may take `extended` in all once it has [extended](Lease::extend) its lease.
    pub(crate) async fn run_extensible<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        extended: Duration,
        connections: &Connections,
        work: impl Fn(Arc<Lease>) -> F,
    ) -> Result<T, StoreError> {
        self.run_with(Work::Chain, [self.limit, extended], connections, work).await
    }

    /// Runs a unit of work that may take longer than others.
    pub(crate) async fn run_within<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        limit: Duration,
        connections: &Connections,
        work: impl Fn(Arc<Lease>) -> F,
    ) -> Result<T, StoreError> {
        self.run_with(Work::Chain, [limit; 2], connections, work).await
    }

    async fn run_with<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        kind: Work,
        limits: [Duration; 2],
        connections: &Connections,
        work: impl Fn(Arc<Lease>) -> F,
    ) -> Result<T, StoreError> {
        let begun = StoreMetrics::begin();
        let result = self.attempt(limits, connections, work).await;
        self.metrics.finish(kind, begun, &result);
        if matches!(result, Err(StoreError::Unavailable { .. })) {
            self.outages.record();
        }
        result
    }

    async fn attempt<T, F: Future<Output = Result<T, Fault>>>(
        &self,
        [limit, extended]: [Duration; 2],
        connections: &Connections,
        work: impl Fn(Arc<Lease>) -> F,
    ) -> Result<T, StoreError> {
        let lease = Arc::new(connections.lease().await?);
        let begun = Instant::now();
        let mut attempts: u32 = 1;
        loop {
            let mut work = pin!(work(Arc::clone(&lease)));
            let mut done = timeout_at(begun + limit, work.as_mut()).await;
            if done.is_err() && lease.is_extended() {
                done = timeout_at(begun + extended, work).await;
            }
            // A fault, and running out of time too, drops the lease and with it the connection.
            match done.map_err(|_| StoreError::unavailable("the database server did not answer in time"))? {
                Ok(done) => {
                    lease.keep();
                    return Ok(done);
                }
                Err(Fault::Store(error)) => return Err(error),
                Err(Fault::Conflict { attempted, source }) if attempts == ATTEMPTS => {
                    let reason = format!("{attempted}: gave up after {ATTEMPTS} conflicting attempts");
                    return Err(StoreError::Unavailable { reason, source });
                }
                Err(Fault::Conflict { .. }) => {
                    attempts = attempts.saturating_add(1);
                    self.count_repeat();
                    let undone = timeout_at(
                        begun + limit.max(begun.elapsed() + GRACE),
                        lease.batch_execute("ROLLBACK"),
                    )
                    .await;
                    if !matches!(undone, Ok(Ok(()))) {
                        return Err(StoreError::unavailable(
                            "the connection to the database server was lost",
                        ));
                    }
                }
            }
        }
    }

    /// The doubt that a proof has to end; `None` if no unit has failed for an outage since the last proof.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        self.outages.doubt()
    }

    pub(crate) fn prove(&self, doubt: Doubt) {
        self.outages.prove(doubt);
    }
}

/// The same error for each of `n` creates.
pub(crate) fn for_each<T>(n: usize, fault: StoreError) -> Vec<Result<T, StoreError>> {
    let mut faults: Vec<_> = (1..n).map(|_| Err(fault.repeat())).collect();
    faults.push(Err(fault));
    faults
}

#[expect(clippy::disallowed_methods, reason = "measures the time between two log lines")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}
