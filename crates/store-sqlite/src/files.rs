//! Whether the files that SQLite has open are the ones that the next start will find.
//!
//! No file is opened and closed for this while a connection is open: closing one lets go of every lock that the process
//! holds on it.

use std::path::{Path, PathBuf};

/// A file, and the system's identity of it.
pub(crate) struct NamedFile {
    path: PathBuf,
    identity: Identity,
}

impl NamedFile {
    pub(crate) fn at(path: PathBuf) -> std::io::Result<Self> {
        Ok(Self { identity: system::identity(&path)?, path })
    }

    /// The file with this suffix, if there is one.
    pub(crate) fn beside(&self, suffix: &str) -> Option<Self> {
        let mut name = self.path.clone().into_os_string();
        name.push(suffix);
        Self::at(name.into()).ok()
    }

    pub(crate) const fn path(&self) -> &PathBuf {
        &self.path
    }

    pub(crate) fn is_still_there(&self) -> bool {
        system::identity(&self.path).is_ok_and(|identity| identity == self.identity)
    }

    pub(crate) fn stamp(&self) -> std::io::Result<Stamp> {
        system::stamp(&self.path)
    }
}

/// How far the log was written into the database: the salt of the log, the pages written, and the pages of a checkpoint
/// that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    salt: [u8; 8],
    written: [u8; 4],
    begun: [u8; 4],
}

impl Checkpoint {
    pub(crate) fn is_running(&self) -> bool {
        self.written != self.begun
    }
}

/// Bytes of the two copies of the header of the index.
pub(crate) const INDEX_HEADER_BYTES: usize = 96;

pub(crate) use system::{Identity, LogFile, LogIndex, Stamp};

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::os::unix::fs::{FileExt, MetadataExt};

    use super::{Checkpoint, INDEX_HEADER_BYTES, Path};

    /// Device and inode.
    pub(crate) type Identity = (u64, u64);

    pub(super) fn identity(path: &Path) -> std::io::Result<Identity> {
        std::fs::metadata(path).map(|file| (file.dev(), file.ino()))
    }

    /// Size, and the instant of the last change in seconds and nanoseconds.
    pub(crate) type Stamp = (u64, i64, i64);

    pub(super) fn stamp(path: &Path) -> std::io::Result<Stamp> {
        std::fs::metadata(path).map(|file| (file.size(), file.mtime(), file.mtime_nsec()))
    }

    /// The index of the log (`-shm`). Its layout is part of SQLite's file format.
    #[derive(Debug)]
    pub(crate) struct LogIndex(File);

    impl LogIndex {
        pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
            File::open(path).map(Self)
        }

        pub(crate) fn checkpoint(&self) -> std::io::Result<Checkpoint> {
            let (mut salt, mut written, mut begun) = ([0; 8], [0; 4], [0; 4]);
            self.0.read_exact_at(&mut salt, 32)?;
            self.0.read_exact_at(&mut written, 96)?;
            self.0.read_exact_at(&mut begun, 128)?;
            Ok(Checkpoint { salt, written, begun })
        }

        pub(crate) fn header(&self) -> std::io::Result<[u8; INDEX_HEADER_BYTES]> {
            let mut header = [0; INDEX_HEADER_BYTES];
            self.0.read_exact_at(&mut header, 0).map(|()| header)
        }
    }

    /// The write-ahead log (`-wal`).
    #[derive(Debug)]
    pub(crate) struct LogFile(File);

    impl LogFile {
        pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
            File::open(path).map(Self)
        }

        pub(crate) fn len(&self) -> std::io::Result<u64> {
            self.0.metadata().map(|file| file.size())
        }

        pub(crate) fn read(&self, bytes: &mut [u8], offset: u64) -> std::io::Result<()> {
            self.0.read_exact_at(bytes, offset)
        }
    }
}

/// Other systems do not let a file be moved or written over while it is open.
#[cfg(not(unix))]
mod system {
    use super::{Checkpoint, INDEX_HEADER_BYTES, Path};

    pub(crate) type Identity = ();
    pub(crate) type Stamp = ();

    pub(super) fn identity(path: &Path) -> std::io::Result<Identity> {
        std::fs::metadata(path).map(drop)
    }

    pub(super) fn stamp(_: &Path) -> std::io::Result<Stamp> {
        Ok(())
    }

    #[derive(Debug)]
    pub(crate) struct LogIndex;

    impl LogIndex {
        pub(crate) fn open(_: &Path) -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn checkpoint(&self) -> std::io::Result<Checkpoint> {
            Ok(Checkpoint { salt: [0; 8], written: [0; 4], begun: [0; 4] })
        }

        /// The header of an index without frames.
        pub(crate) fn header(&self) -> std::io::Result<[u8; INDEX_HEADER_BYTES]> {
            Ok(std::array::from_fn(|at| u8::from(at % 48 == 12)))
        }
    }

    #[derive(Debug)]
    pub(crate) struct LogFile;

    impl LogFile {
        pub(crate) fn open(_: &Path) -> std::io::Result<Self> {
            Ok(Self)
        }

        pub(crate) fn len(&self) -> std::io::Result<u64> {
            Ok(0)
        }

        pub(crate) fn read(&self, _: &mut [u8], _: u64) -> std::io::Result<()> {
            Ok(())
        }
    }
}
