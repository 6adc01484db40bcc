use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fluxora_store::delivery::FannedOut;
use fluxora_store::{Clock, StoreError, error_chain};
use fluxora_supervise::{ShutdownToken, Worker, WorkerError};
use tokio::sync::Notify;

use crate::Store;

/// Events of one step.
const EVENTS: u32 = 200;
/// Deliveries that one step of a replay looks at.
const REPLAYED: u32 = 500;

/// The worker that turns events into deliveries and runs replays.
pub struct FanOut<S: ?Sized> {
    store: Arc<S>,
    clock: Arc<dyn Clock>,
    poll_interval: Duration,
    created: Arc<Notify>,
}

impl<S: Store + ?Sized + 'static> FanOut<S> {
    pub(crate) fn new(
        store: Arc<S>,
        clock: Arc<dyn Clock>,
        poll_interval: Duration,
        created: Arc<Notify>,
    ) -> Self {
        Self { store, clock, poll_interval, created }
    }

    /// One step of fan-out and one of a replay; whether more is to be done at once.
    async fn step(&self) -> Result<bool, StoreError> {
        let FannedOut { deliveries, too_large, more, .. } =
            self.store.fan_out(EVENTS, self.clock.now()).await?;
        if too_large > 0 {
            tracing::warn!(
                deliveries = too_large,
                "deliveries are dead: their body is larger than receivers accept"
            );
        }
        let replay = self.store.run_replay(REPLAYED, self.clock.now()).await?;
        let is_running = replay.as_ref().is_some_and(|replay| replay.finished_at.is_none());
        if deliveries > 0 || replay.is_some() {
            self.created.notify_one();
        }
        Ok(more || is_running)
    }

    /// Follows the log for ever.
    async fn follow(&self) -> Result<(), WorkerError> {
        let mut is_out = false;
        loop {
            // Registered before the step reads: an event that is appended meanwhile is not missed.
            let mut appended = pin!(self.store.appended());
            let appended_already = is_ready(appended.as_mut()).await;
            match self.step().await {
                Ok(more) => {
                    is_out = false;
                    if more || appended_already {
                        continue;
                    }
                    tokio::select! {
                        () = appended => {}
                        () = tokio::time::sleep(self.poll_interval) => {}
                    }
                }
                Err(error @ StoreError::Internal { .. }) => return Err(error.into()),
                Err(error) => {
                    if !is_out {
                        tracing::warn!(error = error_chain(&error), "fan-out failed: it is retried");
                    }
                    is_out = true;
                    tokio::time::sleep(self.poll_interval).await;
                }
            }
        }
    }
}

/// Polls a future once, so that it is registered for its wake-up.
async fn is_ready(mut future: Pin<&mut impl Future<Output = ()>>) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

impl<S: Store + ?Sized + 'static> Worker for FanOut<S> {
    fn name(&self) -> &'static str {
        "webhook_fan_out"
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        tokio::select! {
            () = shutdown.requested() => Ok(()),
            ended = self.follow() => ended,
        }
    }
}

impl<S: ?Sized> Clone for FanOut<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            poll_interval: self.poll_interval,
            created: Arc::clone(&self.created),
        }
    }
}

impl<S: ?Sized> fmt::Debug for FanOut<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FanOut").finish_non_exhaustive()
    }
}
