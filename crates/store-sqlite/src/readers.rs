use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxora_store::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::faults::Attempt;
use crate::open;
use crate::write_connection::Shared;

/// How many scans run at once. Each uses a thread and a core; more would only share them.
const SCANS_AT_ONCE: usize = 4;
/// How many scans may run or wait.
const SCANS_TAKEN_ON: usize = 128;

/// A pool of read-only connections, as many as threads read at once.
///
/// The last one returned is the first taken: its pages are likely in the cache.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    /// `None` once closed.
    idle: Mutex<Option<Vec<Connection>>>,
    taken_on: Semaphore,
    at_once: Arc<Semaphore>,
    // Dropped after `idle`.
    shared: Arc<Shared>,
}

impl Readers {
    pub(crate) fn of(path: &Path, shared: Arc<Shared>) -> Self {
        Self {
            path: path.to_owned(),
            shared,
            idle: Mutex::new(Some(Vec::new())),
            taken_on: Semaphore::new(SCANS_TAKEN_ON),
            at_once: Arc::new(Semaphore::new(SCANS_AT_ONCE)),
        }
    }

    /// Reads on the calling thread. A connection on which a read has failed is not used again.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle().as_mut().ok_or_else(StoreError::closed)?.pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path).attempt("opening a reader").inspect_err(|_| self.failed())?,
        };
        let answer = query(&connection);
        if matches!(answer, Err(StoreError::Unavailable { .. })) {
            self.failed();
        }
        if !matches!(answer, Err(StoreError::Unavailable { .. } | StoreError::Internal { .. }))
            && let Some(idle) = self.idle().as_mut()
        {
            idle.push(connection);
        }
        answer
    }

    /// Makes the writer prove that the database can be read before it commits anything.
    fn failed(&self) {
        self.shared.reads_fail.store(true, Ordering::Relaxed);
    }

    /// Reads on a blocking thread, a few at a time.
    pub(crate) async fn scan<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let _taken_on = self.taken_on.try_acquire().map_err(|_| StoreError::Overloaded)?;
        let turn = Arc::clone(&self.at_once).acquire_owned().await.map_err(|_| StoreError::closed())?;
        let readers = Arc::clone(self);
        let scan = move || {
            // The permit is held until the scan ends, also if the caller has stopped waiting.
            let _turn = turn;
            readers.read(query)
        };
        tokio::task::spawn_blocking(scan).await.unwrap_or_else(|error| {
            Err(StoreError::Internal { reason: "a scan broke off".to_owned(), source: Some(error.into()) })
        })
    }

    /// Refuses later reads. Running reads finish.
    pub(crate) fn close(&self) {
        self.idle().take();
    }

    fn idle(&self) -> MutexGuard<'_, Option<Vec<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
