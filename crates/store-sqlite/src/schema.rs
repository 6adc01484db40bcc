use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use crate::Location;
use crate::open::{self, OpenError};

/// The schema of a database, compared with that of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// All migrations that this version knows are applied.
    Current,
    /// These migrations are missing, in this order; all of them in an empty file.
    Behind(Vec<String>),
}

/// Reads the schema of a database. It changes nothing: it creates no file and migrates none.
///
/// # Errors
/// [`OpenError::NoDatabase`] if there is no file; other errors as for opening it.
pub fn check_schema(location: &Location) -> Result<Schema, OpenError> {
    let Location::File(path) = location else { return Ok(Schema::Behind(open::known_migrations())) };
    if !path.try_exists().unwrap_or(true) {
        return Err(OpenError::NoDatabase { path: path.clone() });
    }
    let name = location.to_string();
    let fault = |source| OpenError::Database { location: name.clone(), what: "reading its schema", source };
    let connection = reader(path).map_err(fault)?;
    if !open::is_ours(&connection).map_err(fault)? {
        return Err(OpenError::NotOurs { location: name });
    }
    let applied = applied(&connection).map_err(fault)?;
    let known = open::known_migrations();
    if let Some(migration) = applied.iter().find(|applied| !known.contains(applied)) {
        return Err(OpenError::NewerSchema { location: name, migration: migration.clone() });
    }
    let missing: Vec<_> = known.into_iter().filter(|known| !applied.contains(known)).collect();
    Ok(if missing.is_empty() { Schema::Current } else { Schema::Behind(missing) })
}

/// Opens a file for reading. Without a write-ahead log it is opened as immutable, because SQLite would create the log
/// beside it.
fn reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let connection = match path.to_str() {
        Some(text) if !Path::new(&log).exists() => {
            let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            let uri = format!("file:{escaped}?immutable=1");
            Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
        }
        _ => Connection::open_with_flags(path, flags)?,
    };
    connection.busy_timeout(open::READ_LOCK_WAIT)?;
    Ok(connection)
}

/// The migrations that were applied, in order.
fn applied(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    if !connection.table_exists(None, "refinery_schema_history")? {
        return Ok(Vec::new());
    }
    let mut rows =
        connection.prepare("SELECT version, name FROM refinery_schema_history ORDER BY version")?;
    let name =
        |row: &rusqlite::Row<'_>| Ok(format!("V{}__{}", row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
    rows.query_map([], name)?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, SqliteStore};

    /// A directory with this file, and the database in it.
    fn file(name: &str) -> (tempfile::TempDir, Location) {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::File(directory.path().join(name));
        (directory, location)
    }

    fn entries(directory: &tempfile::TempDir) -> Vec<(String, Vec<u8>)> {
        let mut entries: Vec<_> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
            .collect();
        entries.sort();
        entries
    }

    /// Checks a database and that checking it leaves every file as it is.
    #[track_caller]
    fn check(directory: &tempfile::TempDir, location: &Location, expect: &Result<Schema, &str>) {
        let before = entries(directory);
        let schema = check_schema(location).map_err(|error| error.to_string());
        match (&schema, expect) {
            (Err(error), Err(part)) => assert!(error.contains(part), "{error}"),
            (schema, expect) => assert_eq!(schema.as_ref().ok(), expect.as_ref().ok(), "{schema:?}"),
        }
        assert!(entries(directory) == before, "something was written");
    }

    #[tokio::test]
    async fn a_database_that_was_opened_is_current_and_is_left_as_it_is() {
        for name in ["fluxora.db", "100%.db", "a#b?c.db"] {
            let (directory, location) = file(name);
            let store = SqliteStore::open(&location, Options::default()).unwrap();
            assert_eq!(check_schema(&location).unwrap(), Schema::Current, "while it is open");
            fluxora_store::Store::close(&store).await;
            check(&directory, &location, &Ok(Schema::Current));
        }
    }

    #[test]
    fn a_missing_file_is_not_created() {
        let (directory, location) = file("deep/fluxora.db");
        check(&directory, &location, &Err("there is no database"));
    }

    #[test]
    fn an_empty_file_lacks_every_migration() {
        let (directory, location) = file("fluxora.db");
        std::fs::write(directory.path().join("fluxora.db"), "").unwrap();
        check(&directory, &location, &Ok(Schema::Behind(open::known_migrations())));
    }

    /// Makes a database with the schema of this version.
    async fn make(location: &Location) {
        fluxora_store::Store::close(&SqliteStore::open(location, Options::default()).unwrap()).await;
    }

    #[tokio::test]
    async fn an_older_schema_lacks_its_later_migrations() {
        let (directory, location) = file("fluxora.db");
        make(&location).await;
        let database = Connection::open(directory.path().join("fluxora.db")).unwrap();
        database.execute("DELETE FROM refinery_schema_history WHERE version > 1", []).unwrap();
        database.close().unwrap();
        let missing = open::known_migrations().split_off(1);
        check(&directory, &location, &Ok(Schema::Behind(missing)));
    }

    #[tokio::test]
    async fn a_database_that_is_not_ours_or_newer_is_named() {
        let (directory, location) = file("fluxora.db");
        let database = Connection::open(directory.path().join("fluxora.db")).unwrap();
        database.execute_batch("CREATE TABLE orders (id INTEGER)").unwrap();
        database.close().unwrap();
        check(&directory, &location, &Err("is not a Fluxora database"));

        let (directory, location) = file("fluxora.db");
        make(&location).await;
        let database = Connection::open(directory.path().join("fluxora.db")).unwrap();
        let later = "INSERT INTO refinery_schema_history VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')";
        database.execute(later, []).unwrap();
        database.close().unwrap();
        check(&directory, &location, &Err("V999__from_the_future"));
    }
}
