use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::task::{Task, milliseconds};
use crate::{Jitter, RestartPolicy, ShutdownToken, Stop, Worker, WorkerHealth, WorkerState, Workers, panics};

/// How long one worker may take to stop before its task is aborted.
pub(crate) const STOP_DEADLINE: Duration = Duration::from_secs(2);

/// A worker exceeded its restarts. The process has to stop, so that its service manager acts.
#[derive(Debug, Error)]
#[error(
    "the worker {worker} keeps failing: {failures} times within {window_seconds} seconds, the last time: {error}"
)]
pub struct WorkerFailed {
    pub(crate) worker: &'static str,
    pub(crate) failures: u32,
    pub(crate) window_seconds: u64,
    pub(crate) error: String,
}

/// Starts, restarts and stops workers.
///
/// A worker fails when it panics, returns an error, or ends before shutdown is requested. Each failure is logged once;
/// the worker is restarted after the wait of the [`RestartPolicy`].
#[derive(Debug)]
pub struct Supervisor {
    policy: RestartPolicy,
    jitter: Jitter,
    board: Arc<Board>,
    pub(crate) started: Vec<Started>,
    report: mpsc::UnboundedSender<WorkerFailed>,
    reports: mpsc::UnboundedReceiver<WorkerFailed>,
}

/// A started worker.
#[derive(Debug)]
pub(crate) struct Started {
    name: &'static str,
    stop: Stop,
    pub(crate) health: watch::Sender<WorkerHealth>,
    supervised: JoinHandle<()>,
}

impl Supervisor {
    /// A supervisor without workers. It installs a panic hook for the process, see [`WorkerHealth::last_error`].
    pub fn new(policy: RestartPolicy, jitter: Jitter) -> Self {
        panics::install_hook();
        let (report, reports) = mpsc::unbounded_channel();
        Self { policy, jitter, board: Arc::default(), started: Vec::new(), report, reports }
    }

    /// The health of all workers, including those started later.
    pub fn workers(&self) -> Arc<dyn Workers> {
        Arc::<Board>::clone(&self.board)
    }

    /// Starts a worker on the current tokio runtime and supervises it until [`stop`](Self::stop).
    pub fn start(&mut self, worker: impl Worker) {
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

    /// Waits until a worker has exceeded its restarts.
    pub async fn failed(&mut self) -> WorkerFailed {
        match self.reports.recv().await {
            Some(failed) => failed,
            // Unreachable: `self.report` keeps the channel open.
            None => std::future::pending().await,
        }
    }

    /// Stops the workers in reverse start order and waits up to two seconds for each. A worker that does not stop in
    /// time is aborted.
    pub async fn stop(self) {
        for Started { name, stop, health, mut supervised } in self.started.into_iter().rev() {
            stop.request();
            if tokio::time::timeout(STOP_DEADLINE, &mut supervised).await.is_ok() {
                continue;
            }
            supervised.abort();
            // The error only reports the abort.
            drop(supervised.await);
            health.send_modify(|health| health.state = WorkerState::Stopped);
            let deadline_ms = milliseconds(STOP_DEADLINE);
            tracing::error!(worker = name, deadline_ms, "worker did not stop in time: aborted");
        }
    }
}

/// The health of all workers, in start order.
#[derive(Debug, Default)]
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
