use std::sync::Arc;
use std::time::Duration;

use fluxora_store::Store;
use fluxora_store::copy::CopyStore;
use fluxora_store_postgres::PostgresStore;
use fluxora_store_sqlite::SqliteStore;

/// A database by its URL, with the limits of its connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file, or memory: for one process.
    Sqlite(fluxora_store_sqlite::Location),
    /// A PostgreSQL server: for many processes.
    Postgres(fluxora_store_postgres::Location, Box<fluxora_store_postgres::Options>),
}

/// Limits of the PostgreSQL connection pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolLimits {
    pub(crate) size: usize,
    pub(crate) wait: Duration,
    pub(crate) statement_timeout: Duration,
}

impl Database {
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
