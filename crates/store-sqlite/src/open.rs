use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, MAIN_DB, OpenFlags};
use thiserror::Error;

use crate::write_connection::{DatabaseFiles, WriteConnection};
use crate::{Location, room};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// `PRAGMA application_id` of our files: "Flux".
const APPLICATION_ID: i32 = 0x466C_7578;
/// How long a reader waits for a lock; in WAL mode readers hardly ever wait.
pub(crate) const READ_LOCK_WAIT: Duration = Duration::from_millis(250);
const STATEMENTS_KEPT: usize = 128;
/// The page cache of the writing connection, in KiB as a negative number. Creates cost the same with 2 MiB and with 64.
const WRITER_CACHE: i64 = -6_144;

/// Why a database cannot be opened. The message is for an operator: it names the file and what to do.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The folder for the file cannot be made.
    #[error("cannot make the folder {path}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The underlying error.
        source: std::io::Error,
    },
    /// The file cannot be opened, read or written.
    #[error("cannot open the database {location}: {what}")]
    Database {
        /// The database.
        location: String,
        /// What was attempted.
        what: &'static str,
        /// The underlying error.
        source: rusqlite::Error,
    },
    /// The file can be read and not written, to which SQLite says nothing when it opens it.
    #[error(
        "the database {location} cannot be written to: its disk is read-only, or it belongs to another user"
    )]
    ReadOnly {
        /// The database.
        location: String,
    },
    /// Another server has the file.
    #[error(
        "another server uses the database {database}: it holds {lock} locked. Stop it first; several servers need PostgreSQL",
        database = database.display(),
        lock = lock.display()
    )]
    InUse {
        /// The database.
        database: PathBuf,
        /// The lock file.
        lock: PathBuf,
    },
    /// The file was opened, and then it was no longer there.
    #[error("the database {path} went away while it was being opened", path = path.display())]
    Vanished {
        /// The file.
        path: PathBuf,
        /// The underlying error.
        source: std::io::Error,
    },
    /// There is no file, and only reading it was asked for.
    #[error("there is no database {path}", path = path.display())]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database of another program.
    #[error("{location} is not a Fluxora database: nothing was changed; name another file in DATABASE_URL")]
    NotOurs {
        /// The database.
        location: String,
    },
    /// A later version of Fluxora has written to the file.
    #[error(
        "{location} has a newer schema than this version knows ({migration}): run that version, or restore a backup"
    )]
    NewerSchema {
        /// The database.
        location: String,
        /// The first migration that is not known.
        migration: String,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the schema of {location} up to date")]
    Migration {
        /// The database.
        location: String,
        /// The underlying error.
        source: Box<refinery::Error>,
    },
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes to the database")]
    Thread(#[source] std::io::Error),
}

/// Opens the one connection that writes: makes folders and file, checks that the file is ours and migrates it. It waits for
/// `lock_wait` where another process holds the database locked.
pub(crate) fn writer(location: &Location, lock_wait: Duration) -> Result<WriteConnection, OpenError> {
    let name = location.to_string();
    let fault = |what| {
        let location = name.clone();
        move |source| OpenError::Database { location, what, source }
    };
    let mut connection = match location {
        Location::Memory => Connection::open_in_memory().map_err(fault("opening it"))?,
        Location::File(path) => {
            make_folder(path)?;
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(fault("opening it"))?
        }
    };
    connection.busy_timeout(lock_wait).map_err(fault("setting its lock wait"))?;
    if connection.is_readonly(MAIN_DB).map_err(fault("opening it"))? {
        return Err(OpenError::ReadOnly { location: name });
    }
    if !is_ours(&connection).map_err(fault("reading it"))? {
        return Err(OpenError::NotOurs { location: name });
    }
    prepare(&connection).map_err(fault("preparing it for writing"))?;
    migrate(&mut connection, &name)?;
    warn_of_repeated_events(&connection).map_err(fault("reading it"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let files = match location {
        Location::Memory => None,
        Location::File(path) => {
            room::bound_log(&connection, path).map_err(fault("bounding its write-ahead log"))?;
            let files = DatabaseFiles::at(path);
            Some(files.map_err(|source| OpenError::Vanished { path: path.clone(), source })?)
        }
    };
    Ok(WriteConnection { connection, files })
}

/// Opens a connection that can only read.
pub(crate) fn reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(READ_LOCK_WAIT)?;
    keep_plans(&connection)?;
    // Read, not mapped: reading beyond the end of a file that was cut is an error, a mapped page there ends the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

/// Makes a plan independent of the values that are bound to it. Without this, SQLite plans a query with a `LIMIT ?` afresh each time it
/// runs, which costs a third of a page of streams.
fn keep_plans(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

pub(crate) fn make_folder(file: &Path) -> Result<(), OpenError> {
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder)
            .map_err(|source| OpenError::Folder { path: folder.to_owned(), source }),
        None => Ok(()),
    }
}

/// Whether the file is ours or still empty. A first start that was cut short leaves nothing but the list of migrations.
pub(crate) fn is_ours(connection: &Connection) -> Result<bool, rusqlite::Error> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let others = "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 'refinery_schema_history'";
    let tables: i64 = connection.query_row(others, [], |row| row.get(0))?;
    Ok(id == APPLICATION_ID || (id == 0 && tables == 0))
}

fn prepare(connection: &Connection) -> Result<(), rusqlite::Error> {
    keep_plans(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // The journal of a savepoint stays in memory: a full /tmp must not stop writes.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", WRITER_CACHE)
}

/// The migrations of this version, in order.
pub(crate) fn known_migrations() -> Vec<String> {
    let runner = migrations::migrations::runner();
    let mut known: Vec<_> = runner.get_migrations().iter().collect();
    known.sort_by_key(|migration| migration.version());
    known.into_iter().map(ToString::to_string).collect()
}

/// Logs how many contract events the migration to unique positions has set aside.
fn warn_of_repeated_events(connection: &Connection) -> Result<(), rusqlite::Error> {
    let count = "SELECT count(*) FROM repeated_contract_events";
    let events: u64 = connection.query_row(count, [], |row| row.get(0))?;
    if events > 0 {
        tracing::warn!(events, "contract events are set aside: `fluxora-server reindex --verify` names them");
    }
    Ok(())
}

fn migrate(connection: &mut Connection, name: &str) -> Result<(), OpenError> {
    use refinery::error::Kind;
    let location = name.to_owned();
    migrations::migrations::runner().run(connection).map(drop).map_err(|source| match source.kind() {
        Kind::MissingVersion(migration) => {
            OpenError::NewerSchema { location, migration: migration.to_string() }
        }
        _ => OpenError::Migration { location, source: Box::new(source) },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(location: &Location) -> Result<Connection, OpenError> {
        super::writer(location, Duration::from_secs(2)).map(|opened| opened.connection)
    }

    fn file(folder: &tempfile::TempDir) -> (PathBuf, Location) {
        let path = folder.path().join("deep/er/fluxora.db");
        (path.clone(), Location::File(path))
    }

    fn made_by(sql: &str) -> OpenError {
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        make_folder(&path).unwrap();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        writer(&location).unwrap_err()
    }

    #[test]
    fn opening_makes_the_folders_and_the_schema_and_opens_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        for _ in 0..2 {
            let connection = writer(&location).unwrap();
            assert!(connection.table_exists(None, "streams").unwrap());
        }
        assert!(path.exists());
    }

    /// The contents of the tables before V3 rebuilt them, in columns of that schema.
    #[test]
    fn a_database_of_an_earlier_version_keeps_what_it_holds() {
        const API: &str = "7, '01930000-0000-7000-8000-00000000000a', 'api', NULL, 'G1', 'G2', '10.50', '0.1', 5, 5, '09223372036854775808', \
                           '0', 'paused', 9, NULL, 1, 2, 3, NULL, NULL, NULL, NULL";
        const CHAIN: &str = "9, 'C1-0', 'chain', 'C1', 'G1', 'G2', '1', '1', 5, 6, 7, '0.5', 'active', NULL, 8, 1, 2, 3, 'linear', '0', 5, '{}'";
        const EVENT: &str = "4, '7-1', 7, 1, 0, 2, 'C1', 'withdrew', 'ab', 11, '{\"a\": 1}', 'unreadable', '18446744073709551615', 3";
        const TABLES: [(&str, &[&str]); 2] = [("streams", &[API, CHAIN]), ("contract_events", &[EVENT])];
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        make_folder(&path).unwrap();
        let mut before = Connection::open(&path).unwrap();
        migrations::migrations::runner().set_target(refinery::Target::Version(2)).run(&mut before).unwrap();
        for (table, rows) in TABLES {
            for row in rows {
                before.execute(&format!("INSERT INTO {table} VALUES ({row})"), []).unwrap();
            }
        }
        // Only the columns of that version: later ones have no value there.
        let columns = TABLES.map(|(table, _)| -> String {
            let columns = "SELECT group_concat(name, ', ') FROM pragma_table_info(?1)";
            before.query_row(columns, [table], |row| row.get(0)).unwrap()
        });
        drop(before);
        let after = writer(&location).unwrap();
        for ((table, rows), columns) in TABLES.into_iter().zip(columns) {
            let kept: i64 =
                after.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
            assert_eq!(usize::try_from(kept), Ok(rows.len()), "{table}");
            for row in rows {
                // Compared as tuples, so that swapped columns are found; INTERSECT takes NULL as equal to NULL.
                let same =
                    format!("SELECT count(*) FROM (SELECT {columns} FROM {table} INTERSECT SELECT {row})");
                assert_eq!(
                    after.query_row::<i64, _, _>(&same, [], |row| row.get(0)).unwrap(),
                    1,
                    "{table}: {row}"
                );
            }
        }
    }

    #[test]
    fn a_keyed_request_of_version_0_1_0_is_rewritten_so_that_its_repetition_is_answered() {
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        make_folder(&path).unwrap();
        let mut before = Connection::open(&path).unwrap();
        migrations::migrations::runner().set_target(refinery::Target::Version(3)).run(&mut before).unwrap();
        let request = r#"[Some("GA"), Some("GB")] [Some("100.50"), Some("1")] [None, Some(5), None]"#;
        let row = rusqlite::params!["create", "k", request, 201, "/api/streams/1", r#"{"id":"1"}"#, 7];
        before.execute("INSERT INTO kept_answers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", row).unwrap();
        drop(before);
        let after = writer(&location).unwrap();
        let columns = "SELECT request, CAST(response AS TEXT), made_at FROM idempotency_records";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let (request, response, made_at): (String, String, i64) = after.query_row(columns, [], read).unwrap();
        assert_eq!((request.as_str(), made_at), (r#"["GA","GB","100.50","1",null,5,null]"#, 7));
        assert_eq!(response, r#"{"status":201,"location":"/api/streams/1","body":"{\"id\":\"1\"}"}"#);
    }

    #[test]
    fn events_at_one_position_are_set_aside_and_counted_out() {
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        make_folder(&path).unwrap();
        let mut before = Connection::open(&path).unwrap();
        migrations::migrations::runner().set_target(refinery::Target::Version(5)).run(&mut before).unwrap();
        let events = [
            ("b", 7, "{}"),
            ("a", 7, "{ }"),
            ("é", 7, "[]"),
            ("B", 9, "{}"),
            ("z", 9, "{}"),
            ("once", 8, "{}"),
        ];
        let insert = "INSERT INTO contract_events (id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, \
                      happened_at, payload, class) VALUES (?1, ?2, 1, 0, 0, 'C', 't', 'h', 11, ?3, 'unknown')";
        for event in events {
            before.execute(insert, event).unwrap();
        }
        let state = "UPDATE chain_state SET tip_ledger = 9, tip_hash = 'a9', last_safe = 8, events = 6, pending = 2, unknown_events = 6";
        before.execute(state, []).unwrap();
        drop(before);
        let after = writer(&location).unwrap();
        let text = |sql: &str| after.query_row::<String, _, _>(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(text("SELECT group_concat(id, ' ' ORDER BY ledger) FROM contract_events"), "a once B");
        let aside = "SELECT group_concat(id || '<' || kept || payload, ' ' ORDER BY number) FROM repeated_contract_events";
        assert_eq!(text(aside), "b<a{} é<a[] z<B{}");
        let counts = "SELECT events || ' ' || pending || ' ' || unknown_events || ' ' || unreadable_events FROM chain_state";
        assert_eq!(text(counts), "3 1 3 0");
        after.execute(insert, ("c", 7, "{}")).unwrap_err();
    }

    #[test]
    fn a_database_of_another_program_is_refused_and_left_alone() {
        for sql in ["CREATE TABLE notes (text)", "PRAGMA application_id = 7; CREATE TABLE streams (id)"] {
            assert!(matches!(made_by(sql), OpenError::NotOurs { .. }), "{sql}");
        }
    }

    #[test]
    fn a_file_that_is_no_database_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        make_folder(&path).unwrap();
        std::fs::write(&path, "these are not the bytes you are looking for".repeat(99)).unwrap();
        let error = writer(&location).unwrap_err();
        assert!(matches!(error, OpenError::Database { what: "reading it", .. }), "{error}");
    }

    #[test]
    fn a_newer_schema_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        drop(writer(&location).unwrap());
        let later = "INSERT INTO refinery_schema_history VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')";
        Connection::open(&path).unwrap().execute_batch(later).unwrap();
        let error = writer(&location).unwrap_err();
        assert!(matches!(error, OpenError::NewerSchema { .. }), "{error}");
        assert!(error.to_string().contains("V999__from_the_future"), "{error}");
    }

    #[test]
    fn a_first_start_that_was_cut_short_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (path, location) = file(&folder);
        make_folder(&path).unwrap();
        let history = "CREATE TABLE refinery_schema_history
            (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))";
        Connection::open(&path).unwrap().execute_batch(history).unwrap();
        assert!(writer(&location).unwrap().table_exists(None, "streams").unwrap());
    }

    #[test]
    fn a_folder_in_the_way_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().to_owned());
        let error = writer(&location).unwrap_err().to_string();
        assert!(error.contains(&folder.path().display().to_string()), "{error}");
    }
}
