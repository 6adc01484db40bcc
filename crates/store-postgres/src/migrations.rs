use refinery::Migration;
use tokio::task::JoinHandle;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use fluxora_store::sources;

use crate::connect::Connector;
use crate::error::OpenError;
use crate::faults::redact;
use crate::refused::refused;
use crate::{Location, Options};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Our list of applied migrations. Not refinery's default: another program's list is not to be taken for ours.
const HISTORY: &str = "fluxora_schema_history";
/// The advisory lock of a migration: "Flux", schema.
const LOCK: &str = "SELECT pg_advisory_lock(1181513080, 1)";

/// How far the schema of a database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Schema {
    /// All migrations that this version knows are applied.
    Current,
    /// These migrations have yet to be applied, in this order; all of them in an empty database.
    Behind(Vec<String>),
}

/// Brings the schema of a database up to date under a lock, for which other processes wait. Returns the applied migrations.
///
/// # Errors
/// [`OpenError`]; a database that is not ours or is newer is left untouched.
pub async fn migrate(location: &Location, options: &Options) -> Result<Vec<String>, OpenError> {
    let mut session = Session::begin(location, options).await?;
    match session.schema().await? {
        Schema::Current => Ok(Vec::new()),
        Schema::Behind(missing) => session.migrate(missing).await,
    }
}

/// Looks how far the schema of a database is, and changes nothing.
///
/// # Errors
/// [`OpenError`] if the database cannot be reached, is not ours, or is newer.
pub async fn check_schema(location: &Location, options: &Options) -> Result<Schema, OpenError> {
    Session::begin(location, options).await?.schema().await
}

/// A connection for migrations. Its end lets go of the lock.
struct Session {
    location: String,
    client: Client,
    connection: JoinHandle<()>,
}

impl Session {
    /// Connects, and refuses a database that is not in UTF-8.
    async fn begin(location: &Location, options: &Options) -> Result<Self, OpenError> {
        let limits = Options { statement_timeout: options.migration_timeout, ..*options };
        let connector = Connector::new(location, &limits)?;
        let (client, connection) = connector.connect().await.map_err(|fault| refused(location, fault))?;
        let session = Self { location: location.to_string(), client, connection };
        match session.encoding().await?.as_str() {
            "UTF8" => Ok(session),
            other => {
                Err(OpenError::NotUtf8 { location: session.location.clone(), encoding: other.to_owned() })
            }
        }
    }

    async fn encoding(&self) -> Result<String, OpenError> {
        let sql = "SELECT current_setting('server_encoding')";
        let row = self.client.query_one(sql, &[]).await;
        row.and_then(|row| row.try_get(0)).map_err(|error| self.fault("reading its encoding", error))
    }

    /// Looks at the list of migrations and at the tables as of one moment: between two, another replica may have made both.
    async fn schema(&self) -> Result<Schema, OpenError> {
        let fault = |error| self.fault("reading what is there", error);
        let one_moment = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.client.batch_execute(one_moment).await.map_err(fault)?;
        let schema = self.schema_in_snapshot().await?;
        self.client.batch_execute("COMMIT").await.map_err(fault)?;
        Ok(schema)
    }

    async fn schema_in_snapshot(&self) -> Result<Schema, OpenError> {
        let others = "SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
                      AND relkind IN ('r', 'p') AND relname <> $1 AND NOT EXISTS \
                      (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'))";
        let kept = "SELECT to_regclass($1) IS NOT NULL";
        let fault = |error| self.fault("reading what is there", error);
        let kept: bool =
            self.client.query_one(kept, &[&HISTORY]).await.and_then(|row| row.try_get(0)).map_err(fault)?;
        let applied = if kept { self.applied().await? } else { Vec::new() };
        if applied.is_empty() {
            let row = self.client.query_one(others, &[&HISTORY]).await;
            if row.and_then(|row| row.try_get(0)).map_err(fault)? {
                return Err(OpenError::NotOurs { location: self.location.clone() });
            }
        }
        compare(&known(), &applied).map_err(|mismatch| mismatch.in_database(&self.location))
    }

    async fn applied(&self) -> Result<Vec<Applied>, OpenError> {
        let sql =
            format!("SELECT version::bigint, name::text, checksum::text FROM {HISTORY} ORDER BY version");
        let rows = self.client.query(&sql, &[]).await;
        let rows = rows.map_err(|error| self.fault("reading its list of migrations", error))?;
        let decode = |row: &tokio_postgres::Row| {
            Ok(Applied { version: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? })
        };
        let applied: Result<_, tokio_postgres::Error> = rows.iter().map(decode).collect();
        applied.map_err(|error| self.fault("reading its list of migrations", error))
    }

    /// Applies the missing migrations under the lock, unless another process has applied them during the wait.
    async fn migrate(&mut self, missing: Vec<String>) -> Result<Vec<String>, OpenError> {
        self.client.batch_execute(LOCK).await.map_err(|error| match error.code() {
            Some(&SqlState::QUERY_CANCELED) => OpenError::Migrating { location: self.location.clone() },
            _ => self.fault("waiting for its turn", error),
        })?;
        if self.schema().await? == Schema::Current {
            return Ok(Vec::new());
        }
        let mut runner = embedded::migrations::runner();
        let report = runner.set_migration_table_name(HISTORY).run_async(&mut self.client).await;
        let report = report.map_err(|error| self.failed(error, missing))?;
        Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
    }

    fn fault(&self, what: &'static str, error: tokio_postgres::Error) -> OpenError {
        let location = self.location.clone();
        let denied = error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE);
        let source = redact(error);
        if denied {
            OpenError::NoAccess { location, source }
        } else {
            OpenError::Migration { location, what, source }
        }
    }

    fn failed(&self, error: refinery::Error, missing: Vec<String>) -> OpenError {
        let location = self.location.clone();
        // What a migration wrote is no secret: the error is shown whole.
        let code =
            sources(&error).find_map(|error| error.downcast_ref::<tokio_postgres::Error>()?.code().cloned());
        let denied = [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::INVALID_SCHEMA_NAME];
        let source = Box::new(error);
        if code.is_some_and(|code| denied.contains(&code)) {
            let migration = missing.into_iter().next().unwrap_or_default();
            OpenError::NotPermitted { location, migration, source }
        } else {
            OpenError::Migration { location, what: "applying a migration", source }
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A row of [`HISTORY`].
struct Applied {
    version: i64,
    name: String,
    checksum: String,
}

enum Mismatch {
    Newer(String),
    Other(String),
}

impl Mismatch {
    fn in_database(self, location: &str) -> OpenError {
        let location = location.to_owned();
        match self {
            Self::Newer(migration) => OpenError::NewerSchema { location, migration },
            Self::Other(migration) => OpenError::OtherSchema { location, migration },
        }
    }
}

fn known() -> Vec<Migration> {
    let mut known = embedded::migrations::runner().get_migrations().clone();
    known.sort();
    known
}

fn compare(known: &[Migration], applied: &[Applied]) -> Result<Schema, Mismatch> {
    for Applied { version, name, checksum } in applied {
        let Some(known) = known.iter().find(|known| i64::from(known.version()) == *version) else {
            return Err(Mismatch::Newer(format!("V{version}__{name}")));
        };
        if known.name() != name || known.checksum().to_string() != *checksum {
            return Err(Mismatch::Other(format!("V{version}__{name}")));
        }
    }
    let is_missing =
        |known: &&Migration| !applied.iter().any(|applied| applied.version == i64::from(known.version()));
    let missing: Vec<_> = known.iter().filter(is_missing).map(ToString::to_string).collect();
    Ok(if missing.is_empty() { Schema::Current } else { Schema::Behind(missing) })
}
