//! Keeps the background workers of the process at work.
//!
//! A worker that panics, ends with an error, or ends although nobody asked it to is logged once and started again, from scratch, after
//! a wait; what it is and was shows in `GET /health`. Too many failures within a window are reported to whoever waits for
//! [`failed`](Supervisor::failed): the process then has to stop, so that what watches over it acts.
//!
//! A worker waits and never blocks: all of them share the thread on which signals are heard.

mod panics;
mod policy;
mod shutdown;
mod task;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxora_api::{WorkerHealth, WorkerState, Workers};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub(crate) use policy::{MOST_RESTARTS, Policy};
pub(crate) use shutdown::ShutdownToken;

use shutdown::Stop;
use task::Task;

/// How long a worker may take to stop. Together they and the requests in flight have to fit into the time that whoever stops the
/// process grants it.
const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// Something that works in the background.
pub(crate) trait Worker: Clone + Send + Sync + 'static {
    /// What it is called in `GET /health` and in the log.
    fn name(&self) -> &'static str;

    /// Works until it is asked to stop. A copy of the worker as it was at first is what does so after each failure.
    ///
    /// # Errors
    /// A defect, which a start from scratch may mend. An outage of what it works with is none: there it waits and tries again.
    fn run(self, shutdown: ShutdownToken) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Where chance comes from: any number, each as likely as any other.
pub(crate) type Jitter = fn() -> u32;

/// A worker failed more often than the policy allows.
#[derive(Debug, Error)]
#[error(
    "the worker {worker} keeps failing: {failures} times within {window_seconds} seconds, the last time: {error}"
)]
pub(crate) struct WorkerFailed {
    worker: &'static str,
    failures: u32,
    window_seconds: u64,
    error: String,
}

/// Starts workers, starts them again, and stops them.
pub(crate) struct Supervisor {
    policy: Policy,
    jitter: Jitter,
    board: Arc<Board>,
    started: Vec<Started>,
    report: mpsc::UnboundedSender<WorkerFailed>,
    reports: mpsc::UnboundedReceiver<WorkerFailed>,
}

/// A worker that has been started.
struct Started {
    name: &'static str,
    stop: Stop,
    health: watch::Sender<WorkerHealth>,
    supervised: JoinHandle<()>,
}

impl Supervisor {
    pub(crate) fn new(policy: Policy, jitter: Jitter) -> Self {
        panics::keep_to_the_log();
        let (report, reports) = mpsc::unbounded_channel();
        Self { policy, jitter, board: Arc::default(), started: Vec::new(), report, reports }
    }

    /// How the workers are, also those that are started later.
    pub(crate) fn workers(&self) -> Arc<dyn Workers> {
        Arc::<Board>::clone(&self.board)
    }

    /// Keeps a worker at work until it is stopped.
    pub(crate) fn start(&mut self, worker: impl Worker) {
        let name = worker.name();
        let (stop, shutdown) = ShutdownToken::pair();
        let running = WorkerHealth { name, state: WorkerState::Running, restarts: 0, last_error: None };
        let (health, shown) = watch::channel(running);
        self.board.add(shown);
        let task = Task {
            worker,
            policy: self.policy,
            jitter: self.jitter,
            shutdown,
            health: health.clone(),
            report: self.report.clone(),
        };
        let supervised = tokio::spawn(task.supervise());
        self.started.push(Started { name, stop, health, supervised });
    }

    /// Waits until a worker has failed too often.
    pub(crate) async fn failed(&mut self) -> WorkerFailed {
        match self.reports.recv().await {
            Some(failed) => failed,
            // Cannot be: this struct holds a sender of its own.
            None => std::future::pending().await,
        }
    }

    /// Stops the workers, the last one started first, and waits for each; one that does not stop in time is cut off.
    pub(crate) async fn stop(self) {
        for Started { name, stop, health, mut supervised } in self.started.into_iter().rev() {
            stop.ask();
            if tokio::time::timeout(STOP_DEADLINE, &mut supervised).await.is_ok() {
                continue;
            }
            supervised.abort();
            // An error only says that it was aborted.
            drop(supervised.await);
            health.send_modify(|health| health.state = WorkerState::Stopped);
            let deadline_ms = milliseconds(STOP_DEADLINE);
            tracing::error!(worker = name, deadline_ms, "a worker did not stop in time and was cut off");
        }
    }
}

/// As a number of JSON, which the log makes no `u128`.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What `GET /health` shows.
#[derive(Default)]
struct Board(Mutex<Vec<watch::Receiver<WorkerHealth>>>);

impl Board {
    fn add(&self, shown: watch::Receiver<WorkerHealth>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(shown);
    }
}

impl Workers for Board {
    fn snapshot(&self) -> Vec<WorkerHealth> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().map(|shown| shown.borrow().clone()).collect()
    }
}
