use std::fmt;

use fluxora_api::{WorkerHealth, WorkerState};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::panics::{self, Place};
use super::policy::{Failures, Policy, Verdict};
use super::{Jitter, ShutdownToken, Worker, WorkerFailed, milliseconds};

/// How much of an error `GET /health` shows, in characters.
const MOST_SHOWN: usize = 200;

/// One worker and all that keeps it at work.
pub(super) struct Task<W> {
    pub(super) worker: W,
    pub(super) policy: Policy,
    pub(super) jitter: Jitter,
    pub(super) shutdown: ShutdownToken,
    pub(super) health: watch::Sender<WorkerHealth>,
    pub(super) report: mpsc::UnboundedSender<WorkerFailed>,
}

/// How a worker failed.
#[derive(Debug)]
enum Failure {
    Error(anyhow::Error),
    Panic {
        location: String,
        message: String,
        backtrace: Option<String>,
    },
    /// It ended and should have gone on.
    Ended,
}

/// For the log: everything there is to know.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => write!(f, "{error:#}"),
            Self::Panic { location, message, .. } => write!(f, "panicked at {location}: {message}"),
            Self::Ended => f.write_str("ended although nobody asked it to"),
        }
    }
}

impl Failure {
    /// For whoever reaches the port: neither the causes of an error nor what a panic said, which may quote values.
    fn shown(&self) -> String {
        let text = match self {
            Self::Error(error) => error.to_string(),
            Self::Panic { location, .. } => format!("panicked at {location}"),
            Self::Ended => self.to_string(),
        };
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_SHOWN).collect()
    }

    fn backtrace(&self) -> Option<&str> {
        match self {
            Self::Panic { backtrace, .. } => backtrace.as_deref(),
            Self::Error(_) | Self::Ended => None,
        }
    }
}

impl<W: Worker> Task<W> {
    /// Works until the worker has stopped, as it was asked to, or has failed too often.
    pub(super) async fn supervise(mut self) {
        let began = Instant::now();
        let mut failures = Failures::default();
        let end = loop {
            let Err(failure) = self.run().await else { break WorkerState::Stopped };
            self.health.send_modify(|health| health.last_error = Some(failure.shown()));
            if self.shutdown.is_asked() {
                self.failed_to_stop(&failure);
                break WorkerState::Stopped;
            }
            let count = failures.add(began.elapsed(), self.policy.window);
            let Verdict::RestartAfter(wait) = self.policy.judge(count, (self.jitter)()) else {
                self.give_up(&failure, count);
                break WorkerState::Failed;
            };
            let restarts = self.health.borrow().restarts;
            let (worker, next_attempt_ms) = (self.worker.name(), milliseconds(wait));
            let backtrace = failure.backtrace();
            tracing::warn!(worker, restarts, next_attempt_ms, error = %failure, backtrace, "a worker failed and is started again");
            self.health.send_modify(|health| health.state = WorkerState::BackingOff);
            tokio::select! {
                () = self.shutdown.asked() => break WorkerState::Stopped,
                () = tokio::time::sleep(wait) => {}
            }
            self.health.send_modify(|health| {
                health.state = WorkerState::Running;
                health.restarts = health.restarts.saturating_add(1);
            });
        };
        self.health.send_modify(|health| health.state = end);
    }

    /// Works until the worker has ended. It has a task of its own, so that a panic ends nothing else; that task ends with this one.
    async fn run(&self) -> Result<(), Failure> {
        let (worker, shutdown, place) = (self.worker.clone(), self.shutdown.clone(), Place::default());
        let mut task = JoinSet::new();
        task.spawn(place.clone().of(async move { worker.run(shutdown).await }));
        match task.join_next().await {
            Some(Ok(Ok(()))) if self.shutdown.is_asked() => Ok(()),
            Some(Ok(Err(error))) => Err(Failure::Error(error)),
            Some(Err(error)) => {
                let found = place.found();
                let message = error.try_into_panic().map_or_else(
                    |cancelled| cancelled.to_string(),
                    |payload| panics::message(payload.as_ref()).to_owned(),
                );
                Err(Failure::Panic {
                    location: found.as_ref().map_or_else(String::new, |found| found.location.clone()),
                    message,
                    backtrace: found.and_then(|found| found.backtrace),
                })
            }
            Some(Ok(Ok(()))) | None => Err(Failure::Ended),
        }
    }

    fn failed_to_stop(&self, failure: &Failure) {
        let (worker, backtrace) = (self.worker.name(), failure.backtrace());
        tracing::warn!(worker, error = %failure, backtrace, "a worker failed as it was asked to stop");
    }

    fn give_up(&self, failure: &Failure, failures: u32) {
        let restarts = self.health.borrow().restarts;
        let (worker, backtrace) = (self.worker.name(), failure.backtrace());
        tracing::error!(worker, restarts, error = %failure, backtrace, "a worker failed too often and is given up");
        let failed = WorkerFailed {
            worker,
            failures,
            window_seconds: self.policy.window.as_secs(),
            error: failure.to_string(),
        };
        // Whoever has stopped listening is shutdown already.
        self.report.send(failed).ok();
    }
}
