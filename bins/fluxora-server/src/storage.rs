use std::sync::Arc;
use std::time::Duration;

use fluxora_store::Store;
use fluxora_store::copy::CopyStore;
use fluxora_store_postgres::PostgresStore;
use fluxora_store_sqlite::SqliteStore;

/// The backend that `DATABASE_URL` names, with its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// A file, or memory: for one process.
    Sqlite(fluxora_store_sqlite::Location),
    /// A server: for many replicas.
    Postgres(fluxora_store_postgres::Location, Box<fluxora_store_postgres::Options>),
}

/// The limits of a pool of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PoolLimits {
    pub(crate) size: usize,
    pub(crate) wait: Duration,
    pub(crate) statement_timeout: Duration,
}

impl Database {
    /// Reads a URL; the scheme decides.
    ///
    /// # Errors
    /// What the URL must be, without any part of it: it may hold a password.
    pub(crate) fn parse(url: &str, limits: PoolLimits) -> Result<Self, String> {
        if !url.starts_with("postgres") {
            let location = fluxora_store_sqlite::Location::parse(url);
            return location.map(Self::Sqlite).map_err(|_| {
                "DATABASE_URL must be sqlite://path/to/file.db, sqlite:///absolute/path.db, sqlite::memory: or \
                 postgres://user:password@host:port/database"
                    .to_owned()
            });
        }
        let location = fluxora_store_postgres::Location::parse(url);
        let options = fluxora_store_postgres::Options {
            pool: limits.size,
            wait: limits.wait,
            statement_timeout: limits.statement_timeout,
            ..fluxora_store_postgres::Options::default()
        };
        location
            .map(|location| Self::Postgres(location, Box::new(options)))
            .map_err(|fault| format!("DATABASE_URL: {fault}"))
    }

    /// Opens the store and brings its schema up to date.
    ///
    /// # Errors
    /// Why it cannot be opened, for an operator, without credentials.
    pub(crate) async fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        Ok(self.open_to_move().await?)
    }

    /// As [`open`](Self::open), to move all that is there.
    pub(crate) async fn open_to_move(&self) -> anyhow::Result<Arc<dyn Movable>> {
        Ok(match self {
            Self::Sqlite(location) => {
                Arc::new(SqliteStore::open(location, fluxora_store_sqlite::Options::default())?)
            }
            Self::Postgres(location, options) => Arc::new(PostgresStore::open(location, **options).await?),
        })
    }
}

/// A store whose contents can be moved.
pub(crate) trait Movable: Store + CopyStore {}

impl<S: Store + CopyStore> Movable for S {}
