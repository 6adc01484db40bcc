use std::sync::{Arc, Mutex, PoisonError};

use fluxora_audit::Entry;
use fluxora_store::{CreateStream, Created, StoreError, StoreMetrics, Work};
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};

use crate::Options;
use crate::pool::Connections;
use crate::unit::Units;

mod round;

/// The task that writes creates, and the queue to it.
///
/// It takes all creates that wait (up to [`Options::batch`]), writes them in one transaction over a dedicated connection, and
/// only then answers all of them; the next ones queue during that time.
#[derive(Debug)]
pub(crate) struct Writer {
    /// `None` once closed.
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    ended: watch::Receiver<()>,
    units: Arc<Units>,
}

/// A queued create and where to send its outcome.
pub(crate) struct Waiting {
    create: CreateStream,
    /// What it leaves in the audit log.
    entry: Option<Arc<Entry>>,
    reply: oneshot::Sender<Result<Created, StoreError>>,
    /// How often its key was in use and its record expired before it could be read.
    repeats: u32,
}

impl Writer {
    pub(crate) fn start(
        runtime: &Handle,
        connection: Connections,
        units: Arc<Units>,
        options: &Options,
    ) -> Self {
        let (queue, mut waiting) = mpsc::channel(options.queue.max(1));
        let (running, ended) = watch::channel(());
        let batch = options.batch.max(1);
        let measured = Arc::clone(&units);
        runtime.spawn(async move {
            let mut batch_of = Vec::new();
            while waiting.recv_many(&mut batch_of, batch).await > 0 {
                let (creates, begun) = (batch_of.len(), StoreMetrics::begin());
                round::write(&connection, &units, std::mem::take(&mut batch_of)).await;
                units.metrics().committed(creates, begun.elapsed());
            }
            connection.close();
            drop(running);
        });
        Self { queue: Mutex::new(Some(queue)), ended, units: measured }
    }

    /// Queues a create and waits until it has been committed. A caller that stops waiting does not cancel it.
    pub(crate) async fn create(
        &self,
        create: CreateStream,
        entry: Option<Arc<Entry>>,
    ) -> Result<Created, StoreError> {
        let begun = StoreMetrics::begin();
        let created = self.queue(create, entry).await;
        self.units.metrics().finish(Work::Write, begun, &created);
        created
    }

    async fn queue(&self, create: CreateStream, entry: Option<Arc<Entry>>) -> Result<Created, StoreError> {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waiting = Waiting { create, entry, reply, repeats: 0 };
        queue.ok_or_else(StoreError::closed)?.try_send(waiting).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Overloaded,
            TrySendError::Closed(_) => StoreError::closed(),
        })?;
        answer.await.unwrap_or_else(|_| Err(StoreError::closed()))
    }

    /// Finishes what is queued and ends the task.
    pub(crate) async fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut ended = self.ended.clone();
        // An error means that the task is gone, which is what was asked for.
        while ended.changed().await.is_ok() {}
    }
}
