use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluxora_store::StoreError;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::faults::Attempt;
use crate::files::{Checkpoint, LogFile, LogIndex, NamedFile, Stamp};
use crate::log_contents::LogContents;
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
    contents: LogContents,
    /// Why nothing is written any more: something other than SQLite has written to the files. Only a restart ends it.
    damage: Cell<Option<&'static str>>,
    /// Whether the log has lost its name and its contents were saved.
    saved: Cell<bool>,
}

/// What the writer shares with the readers. It lives until the last connection of the store is closed.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    index: Option<LogIndex>,
    log: Option<LogFile>,
    /// Whether a read has failed since the last successful probe.
    pub(crate) reads_fail: AtomicBool,
}

impl DatabaseFiles {
    pub(crate) fn at(path: &Path) -> std::io::Result<Self> {
        let database = NamedFile::at(std::path::absolute(path)?)?;
        let (log, index_file) = (database.beside("-wal"), database.beside("-shm"));
        let index = index_file.as_ref().map(|file| LogIndex::open(file.path())).transpose()?;
        let log_file = log.as_ref().map(|file| LogFile::open(file.path())).transpose()?;
        let seen = (database.stamp()?, index.as_ref().map(LogIndex::checkpoint).transpose()?);
        let shared = Arc::new(Shared { index, log: log_file, reads_fail: AtomicBool::new(false) });
        let (contents, damage, saved) = (LogContents::default(), Cell::new(None), Cell::new(false));
        Ok(Self { database, log, index_file, shared, seen: Cell::new(seen), contents, damage, saved })
    }

    /// A file that is changed by anything but SQLite shows in its stamp alone: SQLite changes it in a checkpoint, which
    /// it records in the index of the log.
    fn is_overwritten(&self) -> std::io::Result<bool> {
        let stamp = self.database.stamp()?;
        let checkpoint = self.shared.index.as_ref().map(LogIndex::checkpoint).transpose()?;
        let (last_stamp, last_checkpoint) = self.seen.replace((stamp, checkpoint));
        Ok(stamp != last_stamp
            && checkpoint.is_some_and(|now| !now.is_running())
            && checkpoint == last_checkpoint)
    }

    fn log_is_intact(&self) -> std::io::Result<bool> {
        match (&self.shared.index, &self.shared.log) {
            (Some(index), Some(log)) => self.contents.are_intact(index, log),
            _ => Ok(true),
        }
    }

    /// Refuses for good if something is damaged.
    fn refuse_damage(
        &self,
        is_damaged: impl FnOnce() -> bool,
        reason: &'static str,
    ) -> Result<(), StoreError> {
        if self.damage.get().is_none() && is_damaged() {
            self.damage.set(Some(reason));
        }
        self.damage.get().map_or(Ok(()), |reason| Err(StoreError::unavailable(reason)))
    }

    fn log_has_its_name(&self) -> bool {
        [&self.log, &self.index_file].into_iter().flatten().all(NamedFile::is_still_there)
    }
}

impl WriteConnection {
    /// Refuses to write where a write would succeed and be gone at the next start: the database, its log or the index of
    /// the log has lost its name, or its name has gone to another file; the database or its log was overwritten; or the
    /// database cannot be read. Costs a `stat` for each file and a few short reads.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let Some(files) = &self.files else { return Ok(()) };
        if !files.database.is_still_there() {
            return Err(StoreError::unavailable(
                "the database file was moved, removed or replaced: put it back, or restart on what is there",
            ));
        }
        files.refuse_damage(
            || !files.log_is_intact().unwrap_or(false),
            "another program has written over the -wal or -shm file of the database, or shortened it: \
             stop the server and restore a backup, or restart on what is there",
        )?;
        if !files.log_has_its_name() {
            self.save_log(files);
            return Err(StoreError::unavailable(
                "the -wal or -shm file of the database was removed or replaced: restart the server",
            ));
        }
        files.refuse_damage(
            || files.is_overwritten().unwrap_or(true),
            "another program has written over the database file: stop the server and restore a backup",
        )?;
        if files.shared.reads_fail.load(Ordering::Relaxed) {
            let path: &PathBuf = files.database.path();
            let reader = open::reader(path).attempt("opening a reader")?;
            probe::read(&reader)?;
            files.shared.reads_fail.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Whether the log may be written into the database at the end. Where a file is damaged, closing the connection leaves
    /// all files unchanged too.
    pub(crate) fn may_checkpoint(&self) -> bool {
        drop(self.check());
        let damage = self.files.as_ref().and_then(|files| files.damage.get());
        if let Some(reason) = damage {
            tracing::error!(reason, "the write-ahead log is not written into the database");
            if let Err(error) =
                self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            {
                tracing::error!(%error, "the files of the database may change when it is closed");
            }
        }
        damage.is_none()
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
