use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::{ShutdownToken, Worker, WorkerError};

/// A task that runs once at the start and then at a fixed interval.
pub trait PeriodicTask: Clone + Send + Sync + 'static {
    /// The name in `GET /health` and in the log.
    fn name(&self) -> &'static str;

    /// The time between two ticks.
    fn interval(&self) -> Duration;

    /// One tick. A long tick checks `shutdown` between its steps.
    ///
    /// # Errors
    /// [`TickError`] decides whether the worker fails or retries at the next tick.
    fn tick(&mut self, shutdown: &ShutdownToken) -> impl Future<Output = Result<(), TickError>> + Send;
}

/// Why a tick failed.
#[derive(Debug)]
pub enum TickError {
    /// A defect: the worker fails and is restarted.
    Defect(WorkerError),
    /// An outage of a dependency: logged, and retried at the next tick.
    Outage(WorkerError),
}

/// The worker that runs a [`PeriodicTask`].
#[derive(Clone, Debug)]
pub struct Periodic<T>(pub T);

impl<T: PeriodicTask> Worker for Periodic<T> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        let Self(mut task) = self;
        let mut interval = tokio::time::interval(task.interval());
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                _ = interval.tick() => {}
            }
            match task.tick(&shutdown).await {
                Ok(()) => {}
                Err(TickError::Defect(error)) => return Err(error),
                Err(TickError::Outage(error)) => {
                    let (worker, next_attempt_ms) = (task.name(), crate::task::milliseconds(task.interval()));
                    tracing::warn!(worker, next_attempt_ms, %error, "outage: the worker retries at its next tick");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const INTERVAL: Duration = Duration::from_secs(5);

    /// Counts its ticks and ends each of them with the given outcome.
    #[derive(Clone)]
    struct Counter(Arc<AtomicU32>, fn() -> Result<(), TickError>);

    impl PeriodicTask for Counter {
        fn name(&self) -> &'static str {
            "counter"
        }

        fn interval(&self) -> Duration {
            INTERVAL
        }

        async fn tick(&mut self, _: &ShutdownToken) -> Result<(), TickError> {
            self.0.fetch_add(1, Ordering::Relaxed);
            (self.1)()
        }
    }

    fn counter(outcome: fn() -> Result<(), TickError>) -> (Periodic<Counter>, Arc<AtomicU32>) {
        let ticks = Arc::new(AtomicU32::new(0));
        (Periodic(Counter(Arc::clone(&ticks), outcome)), ticks)
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_ticks_at_once_and_then_at_its_interval_until_shutdown() {
        let (worker, ticks) = counter(|| Ok(()));
        let (stop, shutdown) = ShutdownToken::pair();
        let running = tokio::spawn(worker.run(shutdown));
        tokio::task::yield_now().await;
        assert_eq!(ticks.load(Ordering::Relaxed), 1);
        for (advance, expect) in [(INTERVAL - Duration::from_millis(1), 1), (Duration::from_millis(1), 2)] {
            tokio::time::advance(advance).await;
            tokio::task::yield_now().await;
            assert_eq!(ticks.load(Ordering::Relaxed), expect);
        }
        stop.request();
        running.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_logged_at_each_tick_and_does_not_end_the_worker() {
        let (log, _guard) = crate::tests::Log::start();
        let (worker, ticks) = counter(|| Err(TickError::Outage("the disk is full".into())));
        let (stop, shutdown) = ShutdownToken::pair();
        let running = tokio::spawn(worker.run(shutdown));
        for expect in 1..=20 {
            tokio::task::yield_now().await;
            assert_eq!(ticks.load(Ordering::Relaxed), expect);
            tokio::time::advance(INTERVAL).await;
        }
        stop.request();
        running.await.unwrap().unwrap();
        let line = log.lines().remove(0);
        assert_eq!((&line["level"], &line["worker"]), (&"WARN".into(), &"counter".into()));
        assert_eq!((&line["next_attempt_ms"], &line["error"]), (&5_000.into(), &"the disk is full".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_defect_ends_the_worker_with_its_error() {
        let (worker, ticks) = counter(|| Err(TickError::Defect("no such table".into())));
        let (_stop, shutdown) = ShutdownToken::pair();
        let error = worker.run(shutdown).await.unwrap_err().to_string();
        assert_eq!((error.as_str(), ticks.load(Ordering::Relaxed)), ("no such table", 1));
    }
}
