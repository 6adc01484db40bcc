//! The length of the write-ahead log, as a part of what is free on its disk.
//!
//! Under load the same pages change again and again: the longer the log, the fewer copies of them are written into the
//! database. On a small disk a long log takes the room that the database needs.

use std::path::Path;

use rusqlite::Connection;

/// Pages of the log on a large disk: 64 MiB.
const MOST: u64 = 16_000;
/// Pages of the log on a full disk: 1 MiB.
const LEAST: u64 = 256;
/// Bytes of a page, SQLite's default.
const PAGE: u64 = 4_096;

/// Pages that the log may have where so many bytes are free: a quarter of these.
fn pages(free: u64) -> u64 {
    (free / 4 / PAGE).clamp(LEAST, MOST)
}

/// Bounds the log by the free space of the disk. Where that cannot be read, the log may become as long as on a large
/// disk.
pub(crate) fn bound_log(connection: &Connection, database: &Path) -> Result<(), rusqlite::Error> {
    bound_log_to(connection, free(database).unwrap_or(u64::MAX))
}

/// Bounds the log where so many bytes are free. A log that a long read has made grow is cut back to half as much again.
pub(crate) fn bound_log_to(connection: &Connection, free: u64) -> Result<(), rusqlite::Error> {
    let pages = pages(free);
    connection.pragma_update(None, "wal_autocheckpoint", i64::try_from(pages).unwrap_or(i64::MAX))?;
    let limit = i64::try_from(pages * PAGE * 3 / 2).unwrap_or(i64::MAX);
    connection.pragma_update(None, "journal_size_limit", limit)
}

#[cfg(unix)]
fn free(path: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(path).ok()?;
    disk.f_bavail.checked_mul(disk.f_frsize)
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_takes_a_quarter_of_what_is_free_within_its_limits() {
        for (free, expect) in
            [(0, 256), (4 << 20, 256), (40 << 20, 2_560), (1 << 30, 16_000), (u64::MAX, 16_000)]
        {
            assert_eq!(pages(free), expect, "{free}");
        }
    }

    #[test]
    fn a_log_on_a_small_disk_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("small.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE t (bytes BLOB)").unwrap();
        bound_log_to(&connection, 8 << 20).unwrap();
        for _ in 0..100 {
            connection.execute_batch("INSERT INTO t VALUES (zeroblob(200000)); DELETE FROM t").unwrap();
        }
        let log = std::fs::metadata(folder.path().join("small.db-wal")).unwrap().len();
        assert!(log <= 3 << 20, "{log} bytes after 100 commits of 200 kB");
    }

    #[test]
    fn the_free_space_of_a_disk_is_read() {
        let folder = tempfile::tempdir().unwrap();
        assert!(free(folder.path()).is_some_and(|free| free > 0));
    }
}
