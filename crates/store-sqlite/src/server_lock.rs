use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::Location;
use crate::open::{OpenError, make_folder};

/// What the name of the lock file adds to that of the database.
const SUFFIX: &str = "-lock";

/// The exclusive lock of the one server of a database file: a lock of the system on a file beside the database. It is
/// released when it is dropped or the process ends. Commands and other programs do not take it.
#[derive(Debug)]
pub struct ServerLock {
    _file: Option<File>,
}

impl ServerLock {
    /// Takes the lock. A database in memory needs none.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another server holds it, [`OpenError::Folder`] if the folder for the file cannot be made.
    pub fn acquire(location: &Location) -> Result<Self, OpenError> {
        let Location::File(database) = location else { return Ok(Self { _file: None }) };
        make_folder(database)?;
        let path = beside(database);
        let file = match File::options().write(true).create(true).truncate(false).open(&path) {
            Ok(file) => file,
            // SQLite cannot write its log there either: opening the database names the reason.
            Err(error) => return Ok(Self::unlocked(&path, &error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { database: database.clone(), lock: path }),
            Err(TryLockError::Error(error)) => Ok(Self::unlocked(&path, &error)),
        }
    }

    fn unlocked(path: &Path, error: &std::io::Error) -> Self {
        let path = path.display();
        tracing::warn!(%path, %error, "the database cannot be locked: make sure that no other server uses it");
        Self { _file: None }
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
        ServerLock::acquire(&location(&path)).unwrap();
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
