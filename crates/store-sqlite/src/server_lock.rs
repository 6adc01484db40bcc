use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::Location;
use crate::open::{OpenError, make_folder};

/// What the name of the lock file adds to that of the database.
const SUFFIX: &str = "-lock";

/// The exclusive lock of the one server of a database file: a lock of the system on a file beside the database. It is
/// released, and the file removed, when it is dropped; the system releases it when the process ends. Commands and other
/// programs do not take it.
#[derive(Debug)]
pub struct ServerLock {
    _held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    path: PathBuf,
    file: File,
}

impl ServerLock {
    /// Takes the lock. A database in memory needs none.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server holds it, [`OpenError::Folder`] if the folder for the file cannot be made.
    pub fn acquire(location: &Location) -> Result<Self, OpenError> {
        let Location::File(database) = location else { return Ok(Self { _held: None }) };
        make_folder(database)?;
        let path = beside(database);
        loop {
            match Held::lock(&path) {
                // A server that ends removes the file before it releases the lock.
                Ok(held) if !held.has_its_name() => {}
                Ok(held) => return Ok(Self { _held: Some(held) }),
                Err(TryLockError::WouldBlock) => {
                    return Err(OpenError::InUse { database: database.clone(), lock: path });
                }
                // SQLite cannot write its log there either: opening the database names the reason.
                Err(TryLockError::Error(error)) => {
                    let path = path.display();
                    tracing::warn!(%path, %error, "the database cannot be locked: no other server may use it");
                    return Ok(Self { _held: None });
                }
            }
        }
    }
}

impl Held {
    fn lock(path: &Path) -> Result<Self, TryLockError> {
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(TryLockError::Error)?;
        file.try_lock()?;
        Ok(Self { path: path.to_owned(), file })
    }

    #[cfg(unix)]
    fn has_its_name(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        let identity = |file: std::fs::Metadata| (file.dev(), file.ino());
        let named = std::fs::metadata(&self.path).map(identity);
        named.is_ok_and(|named| self.file.metadata().is_ok_and(|held| identity(held) == named))
    }

    /// A file that is open keeps its name there.
    #[cfg(not(unix))]
    fn has_its_name(&self) -> bool {
        true
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.has_its_name()
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(%error, "the lock file stays");
        }
    }
}

/// The lock file of a database. A link leads to the lock of its target.
fn beside(database: &Path) -> PathBuf {
    let mut name = database.canonicalize().unwrap_or_else(|_| database.to_owned()).into_os_string();
    name.push(SUFFIX);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, SqliteStore};

    fn location(path: &Path) -> Location {
        Location::File(path.to_owned())
    }

    #[test]
    fn one_server_at_a_time_holds_the_lock_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/fluxora.db");
        let lock = ServerLock::acquire(&location(&path)).unwrap();
        let error = ServerLock::acquire(&location(&path)).unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        for name in [path.display().to_string(), format!("{}-lock", path.display())] {
            assert!(error.to_string().contains(&name), "{error}");
        }
        ServerLock::acquire(&location(&folder.path().join("other.db"))).unwrap();
        drop(lock);
        assert!(!beside(&path).exists(), "an orderly stop leaves no lock file");
        ServerLock::acquire(&location(&path)).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_lock_on_a_file_that_was_removed_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fluxora.db");
        let late = File::options().write(true).create_new(true).open(beside(&path)).unwrap();
        drop(ServerLock::acquire(&location(&path)).unwrap());
        // It was opened before the first server ended, and is locked after that.
        late.try_lock().unwrap();
        let late = Held { path: beside(&path), file: late };
        assert!(!late.has_its_name());
        let _lock = ServerLock::acquire(&location(&path)).unwrap();
        drop(late);
        ServerLock::acquire(&location(&path)).unwrap_err();
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_a_database_leads_to_its_lock() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("fluxora.db"), folder.path().join("link.db"));
        drop(SqliteStore::open(&location(&path), Options::default()).unwrap());
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let _lock = ServerLock::acquire(&location(&path)).unwrap();
        ServerLock::acquire(&location(&link)).unwrap_err();
    }

    #[test]
    fn the_lock_keeps_no_connection_from_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fluxora.db");
        let _lock = ServerLock::acquire(&location(&path)).unwrap();
        let _server = SqliteStore::open(&location(&path), Options::default()).unwrap();
        SqliteStore::open(&location(&path), Options::default()).unwrap();
    }

    #[test]
    fn databases_in_memory_are_not_locked() {
        let _locks = [(); 2].map(|()| ServerLock::acquire(&Location::Memory).unwrap());
    }
}
