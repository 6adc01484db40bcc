use std::fmt;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::panics::{self, PanicRecorder};
use crate::policy::{Failures, Verdict};
use crate::{
    Jitter, RestartPolicy, ShutdownToken, Worker, WorkerError, WorkerFailed, WorkerHealth, WorkerState,
};

/// The longest error in a health snapshot, in characters.
const MAX_SHOWN: usize = 200;

/// The supervision of one worker.
pub(crate) struct Task<W> {
    pub(crate) worker: W,
    pub(crate) policy: RestartPolicy,
    pub(crate) jitter: Jitter,
    pub(crate) shutdown: ShutdownToken,
    pub(crate) health: watch::Sender<WorkerHealth>,
    pub(crate) report: mpsc::UnboundedSender<WorkerFailed>,
}

/// How a worker failed.
#[derive(Debug)]
enum Failure {
    Error(WorkerError),
    Panic { location: String, message: String, backtrace: Option<String> },
    Ended,
}

/// The full failure, for the log.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => {
                write!(f, "{error}")?;
                let mut source = error.source();
                while let Some(error) = source {
                    write!(f, ": {error}")?;
                    source = error.source();
                }
                Ok(())
            }
            Self::Panic { location, message, .. } => write!(f, "panicked at {location}: {message}"),
            Self::Ended => f.write_str("ended before shutdown was requested"),
        }
    }
}

impl Failure {
    /// The published failure: without the sources of an error and without the text of a panic, which may quote values.
    fn shown(&self) -> String {
        let text = match self {
            Self::Error(error) => error.to_string(),
            Self::Panic { location, .. } => format!("panicked at {location}"),
            Self::Ended => self.to_string(),
        };
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_SHOWN).collect()
    }

    fn backtrace(&self) -> Option<&str> {
        match self {
            Self::Panic { backtrace, .. } => backtrace.as_deref(),
            Self::Error(_) | Self::Ended => None,
        }
    }
}

impl<W: Worker> Task<W> {
    /// Runs and restarts the worker until it has stopped or exceeded its restarts.
    pub(crate) async fn supervise(mut self) {
        let start = Instant::now();
        let mut failures = Failures::default();
        let end = loop {
            let Err(failure) = self.run().await else { break WorkerState::Stopped };
            self.health.send_modify(|health| health.last_error = Some(failure.shown()));
            if self.shutdown.is_requested() {
                self.log_failed_stop(&failure);
                break WorkerState::Stopped;
            }
            let count = failures.add(start.elapsed(), self.policy.window);
            let Verdict::RestartAfter(wait) = self.policy.judge(count, (self.jitter)()) else {
                self.give_up(&failure, count);
                break WorkerState::Failed;
            };
            self.log_restart(&failure, wait);
            self.health.send_modify(|health| health.state = WorkerState::BackingOff);
            tokio::select! {
                () = self.shutdown.requested() => break WorkerState::Stopped,
                () = tokio::time::sleep(wait) => {}
            }
            self.health.send_modify(|health| {
                health.state = WorkerState::Running;
                health.restarts = health.restarts.saturating_add(1);
            });
        };
        self.health.send_modify(|health| health.state = end);
    }

    /// Runs a clone of the worker in a separate task, which contains a panic and is aborted with this one.
    async fn run(&self) -> Result<(), Failure> {
        let (worker, shutdown, panic) =
            (self.worker.clone(), self.shutdown.clone(), PanicRecorder::default());
        let mut task = JoinSet::new();
        task.spawn(panic.clone().watch(async move { worker.run(shutdown).await }));
        match task.join_next().await {
            Some(Ok(Ok(()))) if self.shutdown.is_requested() => Ok(()),
            Some(Ok(Err(error))) => Err(Failure::Error(error)),
            Some(Err(error)) => {
                let site = panic.site();
                let message = error.try_into_panic().map_or_else(
                    |cancelled| cancelled.to_string(),
                    |payload| panics::message(payload.as_ref()).to_owned(),
                );
                Err(Failure::Panic {
                    location: site.as_ref().map_or_else(String::new, |site| site.location.clone()),
                    message,
                    backtrace: site.and_then(|site| site.backtrace),
                })
            }
            Some(Ok(Ok(()))) | None => Err(Failure::Ended),
        }
    }

    fn log_restart(&self, failure: &Failure, wait: Duration) {
        let restarts = self.health.borrow().restarts;
        let (worker, next_attempt_ms) = (self.worker.name(), milliseconds(wait));
        let backtrace = failure.backtrace();
        tracing::warn!(worker, restarts, next_attempt_ms, error = %failure, backtrace, "worker failed: restarting");
    }

    fn log_failed_stop(&self, failure: &Failure) {
        let (worker, backtrace) = (self.worker.name(), failure.backtrace());
        tracing::warn!(worker, error = %failure, backtrace, "worker failed during shutdown");
    }

    fn give_up(&self, failure: &Failure, failures: u32) {
        let restarts = self.health.borrow().restarts;
        let (worker, backtrace) = (self.worker.name(), failure.backtrace());
        tracing::error!(worker, restarts, error = %failure, backtrace, "worker failed too often: stopping the server");
        let failed = WorkerFailed {
            worker,
            failures,
            window_seconds: self.policy.window.as_secs(),
            error: failure.to_string(),
        };
        // Without a receiver the process is already stopping.
        self.report.send(failed).ok();
    }
}

/// Milliseconds as `u64`: the JSON log writes a `u128` as a string.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
