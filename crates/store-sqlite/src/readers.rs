use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fluxora_store::StoreError;
use rusqlite::Connection;

use crate::faults::Attempt;
use crate::open;

/// Read-only connections that are kept warm: as many as there are threads reading at one moment.
///
/// The last one put back is the first taken, so a thread mostly meets the connection whose pages it has just used.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::new(Vec::new()) }
    }

    /// Reads on the calling thread. A connection on which a read has failed is not used again.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reader(&self.path).attempt("opening a reader")?,
        };
        let answer = query(&connection);
        if !matches!(answer, Err(StoreError::Unavailable { .. } | StoreError::Internal { .. })) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        }
        answer
    }
}
