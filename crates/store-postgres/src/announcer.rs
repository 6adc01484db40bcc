//! Wakes the readers of the event log in all processes sooner than they poll: by `NOTIFY`, outside of any transaction.
//!
//! A notification carries nothing and may be lost: readers follow the log by cursor and poll. It is sent after the commit on a
//! connection that writes do not use, so it costs a write nothing and its failure fails no write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxora_store::StoreError;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::Client;

use crate::connect::{ConnectFault, Connector};

const LISTEN: &str = "LISTEN fluxora_events";
const NOTIFY: &str = "NOTIFY fluxora_events";
/// The shortest and the longest wait before a lost connection is made again.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// The task that listens and notifies. It starts, and connects, at the first commit or the first wait.
#[derive(Debug)]
pub(crate) struct Announcer {
    connector: Connector,
    signals: Arc<Signals>,
    started: AtomicBool,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Signals {
    /// Holds a permit when this process has committed since the last notification was sent.
    committed: Notify,
    /// Wakes those who wait, and holds a permit when any process may have appended since the last wait.
    appended: Arc<Notify>,
}

impl Announcer {
    pub(crate) fn new(connector: Connector) -> Self {
        let (signals, started) = (Arc::default(), AtomicBool::new(false));
        Self { connector, signals, started, task: Mutex::new(None) }
    }

    /// Announces what a unit has appended, if it succeeded, and passes its outcome on.
    pub(crate) fn announce<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        if done.is_ok() {
            self.start();
            self.signals.appended.notify_waiters();
            self.signals.appended.notify_one();
            self.signals.committed.notify_one();
        }
        done
    }

    /// Waits until any process may have appended events.
    pub(crate) async fn appended(&self) {
        self.start();
        self.signals.appended.notified().await;
    }

    pub(crate) fn close(&self) {
        self.started.store(true, Ordering::Relaxed);
        if let Some(task) = self.task.lock().unwrap_or_else(PoisonError::into_inner).take() {
            task.abort();
        }
    }

    fn start(&self) {
        if self.started.swap(true, Ordering::Relaxed) {
            return;
        }
        let (connector, signals) = (self.connector.clone(), Arc::clone(&self.signals));
        let task = self.connector.runtime().spawn(async move { run(&connector, &signals).await });
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        self.close();
    }
}

/// Connects again after each loss, with a growing wait while the database cannot be reached.
async fn run(connector: &Connector, signals: &Signals) {
    let (shortest, longest) = RETRY_AFTER;
    let mut wait = shortest;
    loop {
        match connector.listen(Arc::clone(&signals.appended)).await {
            Ok((client, mut connection)) => {
                // It is aborted with this task: its client is dropped.
                tokio::select! {
                    ended = serve(&client, signals) => {
                        if ended.is_ok() {
                            wait = shortest;
                        }
                    }
                    _ = &mut connection => wait = shortest,
                }
            }
            Err(ConnectFault::RuntimeEnded) => return,
            Err(fault) => tracing::debug!(%fault, "notifications of the event log are off: readers poll"),
        }
        tokio::time::sleep(wait).await;
        wait = wait.saturating_mul(2).min(longest);
    }
}

/// Listens and notifies until a statement fails. Commits during a notification share the next one.
async fn serve(client: &Client, signals: &Signals) -> Result<(), tokio_postgres::Error> {
    client.batch_execute(LISTEN).await?;
    // Notifications sent while this process did not listen are lost.
    signals.appended.notify_waiters();
    signals.appended.notify_one();
    loop {
        signals.committed.notified().await;
        if client.batch_execute(NOTIFY).await.is_err() {
            return Ok(());
        }
    }
}
