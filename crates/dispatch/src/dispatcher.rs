use std::fmt;
use std::sync::Arc;

use fluxora_store::Clock;
use fluxora_supervise::{Jitter, ShutdownToken, Worker, WorkerError};
use tokio::sync::Notify;

use crate::pump::Pump;
use crate::{FanOut, Options, Sender, Store};

/// The worker that claims due deliveries, sends them and settles the results.
pub struct Dispatcher<S: ?Sized>(Arc<Shared<S>>);

pub(crate) struct Shared<S: ?Sized> {
    pub(crate) sender: Arc<Sender>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) jitter: Jitter,
    pub(crate) options: Options,
    pub(crate) wake: Arc<Notify>,
    pub(crate) store: Arc<S>,
}

impl<S: Store + ?Sized + 'static> Dispatcher<S> {
    /// A dispatcher of this store's deliveries.
    pub fn new(
        store: Arc<S>,
        sender: Arc<Sender>,
        clock: Arc<dyn Clock>,
        jitter: Jitter,
        options: Options,
    ) -> Self {
        Self(Arc::new(Shared { sender, clock, jitter, options, wake: Arc::default(), store }))
    }

    /// The worker that creates the deliveries. It wakes the dispatcher.
    pub fn fan_out(&self) -> FanOut<S> {
        let Shared { clock, options, wake, store, .. } = self.0.as_ref();
        FanOut::new(Arc::clone(store), Arc::clone(clock), options.poll_interval, Arc::clone(wake))
    }

    /// Wakes the dispatcher: for those who make a delivery due.
    pub fn wake(&self) -> Arc<Notify> {
        Arc::clone(&self.0.wake)
    }
}

impl<S: Store + ?Sized + 'static> Worker for Dispatcher<S> {
    fn name(&self) -> &'static str {
        "webhook_dispatch"
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        let mut pump = Pump::new(self.0);
        loop {
            tokio::select! {
                () = shutdown.requested() => break,
                stepped = pump.step() => stepped?,
            }
        }
        pump.stop().await;
        Ok(())
    }
}

impl<S: ?Sized> Clone for Dispatcher<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: ?Sized> fmt::Debug for Dispatcher<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dispatcher").field("options", &self.0.options).finish_non_exhaustive()
    }
}
