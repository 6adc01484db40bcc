use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluxora_store::StoreError;
use rusqlite::Connection;

use crate::faults::Attempt;
use crate::files::{Checkpoint, LogIndex, NamedFile, Stamp};
use crate::{open, probe, room};

/// The writing connection and the files that it writes to; none in memory.
pub(crate) struct WriteConnection {
    // Dropped before `files`.
    pub(crate) connection: Connection,
    pub(crate) files: Option<DatabaseFiles>,
}

/// The database with its write-ahead log and the index of the log.
pub(crate) struct DatabaseFiles {
    database: NamedFile,
    /// `None` where the file system allows no write-ahead log.
    log: Option<NamedFile>,
    index_file: Option<NamedFile>,
    pub(crate) shared: Arc<Shared>,
    /// What was seen when the files were last checked.
    seen: Cell<(Stamp, Option<Checkpoint>)>,
    /// Whether something other than SQLite has written to the database. Only a restart ends it.
    overwritten: Cell<bool>,
    /// Whether the log has lost its name and its contents were saved.
    saved: Cell<bool>,
}

/// What the writer shares with the readers. It lives until the last connection of the store is closed.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    index: Option<LogIndex>,
    /// Whether a read has failed since the last successful probe.
    pub(crate) reads_fail: AtomicBool,
}

impl DatabaseFiles {
    pub(crate) fn at(path: &Path) -> std::io::Result<Self> {
        let database = NamedFile::at(std::path::absolute(path)?)?;
        let (log, index_file) = (database.beside("-wal"), database.beside("-shm"));
        let index = index_file.as_ref().map(|file| LogIndex::open(file.path())).transpose()?;
        let seen = (database.stamp()?, index.as_ref().map(LogIndex::checkpoint).transpose()?);
        let shared = Arc::new(Shared { index, reads_fail: AtomicBool::new(false) });
        let [overwritten, saved] = [false; 2].map(Cell::new);
        Ok(Self { database, log, index_file, shared, seen: Cell::new(seen), overwritten, saved })
    }

    /// A file that is changed by anything but SQLite shows in its stamp alone: SQLite changes it in a checkpoint, which
    /// it records in the index of the log.
    fn is_overwritten(&self) -> std::io::Result<bool> {
        if self.overwritten.get() {
            return Ok(true);
        }
        let stamp = self.database.stamp()?;
        let checkpoint = self.shared.index.as_ref().map(LogIndex::checkpoint).transpose()?;
        let (last_stamp, last_checkpoint) = self.seen.replace((stamp, checkpoint));
        let is_overwritten = stamp != last_stamp
            && checkpoint.is_some_and(|now| !now.is_running())
            && checkpoint == last_checkpoint;
        self.overwritten.set(is_overwritten);
        Ok(is_overwritten)
    }

    fn log_has_its_name(&self) -> bool {
        [&self.log, &self.index_file].into_iter().flatten().all(NamedFile::is_still_there)
    }
}

impl WriteConnection {
    /// Refuses to write where a write would succeed and be gone at the next start: the database, its log or the index of
    /// the log has lost its name, or its name has gone to another file; the database was overwritten; or it cannot be
    /// read. Costs one `stat` for each file and one short read.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let Some(files) = &self.files else { return Ok(()) };
        if !files.database.is_still_there() {
            return Err(StoreError::unavailable(
                "the database file was moved, removed or replaced: put it back, or restart on what is there",
            ));
        }
        if !files.log_has_its_name() {
            self.save_log(files);
            return Err(StoreError::unavailable(
                "the -wal or -shm file of the database was removed or replaced: restart the server",
            ));
        }
        if files.is_overwritten().unwrap_or(true) {
            return Err(StoreError::unavailable(
                "another program has written over the database file: stop the server and restore a backup",
            ));
        }
        if files.shared.reads_fail.load(Ordering::Relaxed) {
            let path: &PathBuf = files.database.path();
            let reader = open::reader(path).attempt("opening a reader")?;
            probe::read(&reader)?;
            files.shared.reads_fail.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Bounds the log by the space that is free on its disk.
    pub(crate) fn bound_log(&self) {
        let Some(files) = &self.files else { return };
        if let Err(error) = room::bound_log(&self.connection, files.database.path()) {
            tracing::debug!(%error, "the write-ahead log cannot be bounded");
        }
    }

    /// Writes what a log without a name holds into the database, once: this process alone can read it, and only while it
    /// runs.
    fn save_log(&self, files: &DatabaseFiles) {
        if files.saved.replace(true) {
            return;
        }
        let fold = "PRAGMA wal_checkpoint(PASSIVE)";
        let left =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>("log")?, row.get::<_, i64>("checkpointed")?));
        match self.connection.query_row(fold, [], left) {
            Ok((log, checkpointed)) if log == checkpointed => tracing::error!(
                "the write-ahead log was removed: everything acknowledged was written into the database file; \
                 writes are refused until the server is restarted"
            ),
            Ok((log, checkpointed)) => tracing::error!(
                log_pages = log,
                saved_pages = checkpointed,
                "the write-ahead log was removed and could be saved only in part"
            ),
            Err(error) => tracing::error!(%error, "the write-ahead log was removed and could not be saved"),
        }
    }
}
