use std::path::{Path, PathBuf};

use fluxora_store::StoreError;
use rusqlite::Connection;

/// The writing connection and the file that it writes to; none in memory.
pub(crate) struct WriteConnection {
    pub(crate) connection: Connection,
    pub(crate) file: Option<DatabaseFile>,
}

/// A file and its identity in the file system, which does not depend on its path.
pub(crate) struct DatabaseFile {
    path: PathBuf,
    identity: Identity,
}

impl DatabaseFile {
    pub(crate) fn at(path: &Path) -> std::io::Result<Self> {
        let path = std::path::absolute(path)?;
        Ok(Self { identity: identity(&path)?, path })
    }

    fn is_still_there(&self) -> bool {
        identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }
}

impl WriteConnection {
    /// Refuses to write to a file that has no name any more, or whose name has gone to another file: such writes would all
    /// succeed and all be gone at the next start. Costs one `stat` for each commit.
    pub(crate) fn still_there(&self) -> Result<(), StoreError> {
        if self.file.as_ref().is_none_or(DatabaseFile::is_still_there) {
            Ok(())
        } else {
            Err(StoreError::unavailable(
                "the database file was moved, removed or replaced: put it back, or restart on what is there",
            ))
        }
    }
}

/// Device and inode.
#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> std::io::Result<Identity> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).map(|file| (file.dev(), file.ino()))
}

/// Other systems do not let a file be moved while it is open.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(path: &Path) -> std::io::Result<Identity> {
    std::fs::metadata(path).map(drop)
}
