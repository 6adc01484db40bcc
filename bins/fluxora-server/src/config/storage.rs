use std::time::Duration;

use clap::Args;

use super::ConfigFaults;
use super::setting::{Setting, any, milliseconds, number, optional};
use crate::database::{Database, PoolLimits};

const DEFAULT_DATABASE_URL: &str = "sqlite://data/fluxora.db";

/// The database and its limits.
#[derive(Args)]
#[command(next_help_heading = "Storage")]
pub(crate) struct StorageSettings {
    /// Database URL: sqlite://path/to/file.db, sqlite::memory: to keep nothing, or for several servers
    /// postgres://user:password@host:port/database?sslmode=disable|prefer|require|verify-full. Without it and
    /// DATABASE_URL_FILE: sqlite://data/fluxora.db.
    #[arg(
        long,
        env = "DATABASE_URL",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    database_url: Setting<Option<String>>,

    /// File that holds the DATABASE_URL, so that its password is not in the environment.
    #[arg(
        long,
        env = "DATABASE_URL_FILE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true,
        value_parser = optional(any())
    )]
    database_url_file: Setting<Option<String>>,

    /// Maximum number of PostgreSQL connections of this server: 1 to 1000.
    #[arg(long, env = "DB_POOL_SIZE", default_value = "10", value_parser = number::<usize>(1..=1_000))]
    db_pool_size: Setting<usize>,

    /// How long a request waits for a PostgreSQL connection before it is refused, in milliseconds: 1 to 60000.
    #[arg(long, env = "DB_POOL_WAIT_MS", default_value = "2000", value_parser = milliseconds(1..=60_000))]
    db_pool_wait_ms: Setting<Duration>,

    /// Time limit of one PostgreSQL statement, in milliseconds: 10 to 600000.
    #[arg(long, env = "DB_STATEMENT_TIMEOUT_MS", default_value = "5000", value_parser = milliseconds(10..=600_000))]
    db_statement_timeout_ms: Setting<Duration>,
}

impl StorageSettings {
    pub(super) fn check(&self, faults: &mut ConfigFaults) -> Option<Database> {
        let database = self.database(faults);
        let (size, wait) = (faults.take(&self.db_pool_size), faults.take(&self.db_pool_wait_ms));
        let statement_timeout = faults.take(&self.db_statement_timeout_ms);
        let limits = PoolLimits { size: size?, wait: wait?, statement_timeout: statement_timeout? };
        Some(database?.with_limits(limits))
    }

    /// The setting that names a database, if one does.
    pub(super) const fn database_setting(&self) -> Option<&'static str> {
        match (&self.database_url, &self.database_url_file) {
            (Setting::Valid(None), Setting::Valid(None)) => None,
            (Setting::Valid(None), _) => Some("DATABASE_URL_FILE"),
            _ => Some("DATABASE_URL"),
        }
    }

    fn database(&self, faults: &mut ConfigFaults) -> Option<Database> {
        let url = faults.secret("DATABASE_URL", &self.database_url, &self.database_url_file)?;
        let database = Database::parse(url.as_deref().unwrap_or(DEFAULT_DATABASE_URL));
        database.map_err(|fault| faults.add(format!("DATABASE_URL {fault}"))).ok()
    }
}
