use std::sync::Arc;
use std::time::Duration;

use fluxora_store::Store;
use fluxora_store::copy::CopyStore;
use fluxora_store_postgres::PostgresStore;
use fluxora_store_sqlite::{ServerLock, SqliteStore};

/// A database by its URL, with the limits of its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file, or memory: for one process.
    Sqlite(fluxora_store_sqlite::Location),
    /// A PostgreSQL server: for many processes.
    Postgres(fluxora_store_postgres::Location, Box<fluxora_store_postgres::Options>),
}

/// The schema of a database, compared with that of this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Schema {
    Current,
    /// Nothing is stored: every migration is missing.
    Empty,
    /// The missing migrations.
    Behind(Vec<String>),
}

/// Limits of the PostgreSQL connection pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolLimits {
    pub(crate) size: usize,
    pub(crate) wait: Duration,
    pub(crate) statement_timeout: Duration,
}

impl Database {
    /// A SQLite database in memory.
    pub(crate) const MEMORY: Self = Self::Sqlite(fluxora_store_sqlite::Location::Memory);

    /// Parses a URL; the scheme selects the engine.
    ///
    /// # Errors
    /// What the URL must be, after its name. No part of the URL is repeated: it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self, String> {
        if !url.starts_with("postgres") {
            let location = fluxora_store_sqlite::Location::parse(url);
            return location.map(Self::Sqlite).map_err(|_| {
                "must be sqlite://path/to/file.db, sqlite:///absolute/path.db, sqlite::memory: or \
                 postgres://user:password@host:port/database"
                    .to_owned()
            });
        }
        let location = fluxora_store_postgres::Location::parse(url);
        location
            .map(|location| Self::Postgres(location, Box::default()))
            .map_err(|fault| format!("is not a PostgreSQL URL: {fault}"))
    }

    /// Whether several processes can have it open at once.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(..))
    }

    /// The same database with these limits; SQLite has none.
    pub(crate) fn with_limits(self, limits: PoolLimits) -> Self {
        let PoolLimits { size: pool, wait, statement_timeout } = limits;
        match self {
            Self::Sqlite(_) => self,
            Self::Postgres(location, options) => {
                let options = fluxora_store_postgres::Options { pool, wait, statement_timeout, ..*options };
                Self::Postgres(location, Box::new(options))
            }
        }
    }

    /// The connections to a database server. A file has none.
    pub(crate) fn connections(&self) -> usize {
        match self {
            Self::Sqlite(_) => 0,
            Self::Postgres(_, options) => options.pool,
        }
    }

    /// Takes the lock of the one server that a SQLite file may have. Many servers share a PostgreSQL database.
    ///
    /// # Errors
    /// Another server holds it.
    pub(crate) fn lock_for_server(&self) -> anyhow::Result<Option<ServerLock>> {
        match self {
            Self::Sqlite(location) => Ok(Some(ServerLock::acquire(location)?)),
            Self::Postgres(..) => Ok(None),
        }
    }

    /// Reads the schema and changes nothing: it creates no database and migrates none.
    ///
    /// # Errors
    /// Why it cannot be read. A database that does not exist is an error.
    pub(crate) async fn schema(&self) -> anyhow::Result<Schema> {
        use fluxora_store_postgres as postgres;
        use fluxora_store_sqlite as sqlite;

        let missing = match self {
            Self::Sqlite(sqlite::Location::Memory) => {
                anyhow::bail!("a database in memory does not exist before a server starts")
            }
            Self::Sqlite(location) => match sqlite::check_schema(location)? {
                sqlite::Schema::Current => return Ok(Schema::Current),
                sqlite::Schema::Behind(missing) => missing,
            },
            Self::Postgres(location, options) => match postgres::check_schema(location, options).await? {
                postgres::Schema::Current => return Ok(Schema::Current),
                postgres::Schema::Behind(missing) => missing,
            },
        };
        let is_empty = missing.first().is_some_and(|first| first.starts_with("V1__"));
        Ok(if is_empty { Schema::Empty } else { Schema::Behind(missing) })
    }

    /// Opens the store of a database that exists with the schema of this version. It creates no database and migrates
    /// none.
    ///
    /// # Errors
    /// As for [`open`](Self::open), or that the database is empty or has an older schema.
    pub(crate) async fn open_existing(&self) -> anyhow::Result<Arc<dyn Store>> {
        match self.schema().await? {
            Schema::Current => self.open().await,
            Schema::Empty => anyhow::bail!("the database is empty: check DATABASE_URL"),
            Schema::Behind(missing) => {
                let missing = missing.join(", ");
                anyhow::bail!(
                    "the schema is older than this version ({missing}): run `fluxora-server migrate` first"
                )
            }
        }
    }

    /// Opens the store and migrates its schema.
    ///
    /// # Errors
    /// Why it cannot be opened, for an operator, without credentials.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        Ok(self.open_for_copy().await?)
    }

    /// Like [`open`](Self::open), with access to every record.
    pub(crate) async fn open_for_copy(&self) -> anyhow::Result<Arc<dyn Copyable>> {
        Ok(match self {
            Self::Sqlite(location) => {
                Arc::new(SqliteStore::open(location, fluxora_store_sqlite::Options::default())?)
            }
            Self::Postgres(location, options) => Arc::new(PostgresStore::open(location, **options).await?),
        })
    }
}

/// A store whose records can be copied.
pub(crate) trait Copyable: Store + CopyStore {}

impl<S: Store + CopyStore> Copyable for S {}
