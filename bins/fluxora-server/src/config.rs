use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use clap::{Args, ValueEnum};
use fluxora_api::{InvalidToken, Rules, Token, Writes};
use tracing::level_filters::LevelFilter;

use crate::logging::LogFormat;
use crate::secret;
use crate::storage::{Database, PoolLimits};
use crate::supervisor::MOST_RESTARTS;

const DEFAULT_DATABASE_URL: &str = "sqlite://data/fluxora.db";

/// Settings as they are written: on the command line, in the environment or in the file `.env`, in this order. Not `Debug`: some
/// are secret.
///
/// A secret setting is two fields, `name` and `name_file`, both without a default and with `hide_env_values`; `secret::read` makes
/// one value of them.
#[derive(Args)]
pub(crate) struct Settings {
    /// The address to listen on. Beyond loopback, writes are refused unless OPEN_WRITES says otherwise.
    #[arg(long, env = "HOST", default_value = "127.0.0.1")]
    host: String,

    /// The port to listen on; 0 picks a free one and the log says which.
    #[arg(long, env = "PORT", default_value = "3000")]
    port: String,

    /// Where streams are kept: sqlite://path/to/file.db, sqlite::memory: to keep nothing, or for many replicas
    /// postgres://user:password@host:port/database?sslmode=disable|prefer|require|verify-full. Without it and DATABASE_URL_FILE
    /// it is sqlite://data/fluxora.db.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,

    /// A file that holds the DATABASE_URL, so that a password need not stand in the environment. A line break at its end does
    /// not count.
    #[arg(long, env = "DATABASE_URL_FILE", hide_env_values = true)]
    database_url_file: Option<OsString>,

    /// How many connections to PostgreSQL this server holds at most: 1 to 1000.
    #[arg(long, env = "DB_POOL_SIZE", default_value = "10")]
    db_pool_size: String,

    /// How long a request waits for a connection to PostgreSQL before it is refused, in milliseconds: 1 to 60000.
    #[arg(long, env = "DB_POOL_WAIT_MS", default_value = "2000")]
    db_pool_wait_ms: String,

    /// How long PostgreSQL works on one statement, in milliseconds: 10 to 600000.
    #[arg(long, env = "DB_STATEMENT_TIMEOUT_MS", default_value = "5000")]
    db_statement_timeout_ms: String,

    /// Whether anybody who can reach the port may create and cancel streams, also from other machines: true or false.
    #[arg(long, env = "OPEN_WRITES", default_value = "false")]
    open_writes: String,

    /// The least important lines to log: error, warn, info, debug or trace.
    #[arg(long, env = "LOG_LEVEL", default_value = "info")]
    log_level: String,

    /// How log lines look: json, or pretty for people.
    #[arg(long, env = "LOG_FORMAT", default_value = "json")]
    log_format: String,

    /// The passphrase of the Stellar network this server belongs to.
    #[arg(long, env = "NETWORK_PASSPHRASE", default_value = "Test SDF Network ; September 2015")]
    network_passphrase: String,

    /// How often the stream clock records what has fallen due, in milliseconds: 10 to 3600000.
    #[arg(long, env = "STREAM_CLOCK_INTERVAL_MS", default_value = "5000")]
    stream_clock_interval_ms: String,

    /// How often a background worker that fails is started again within ten minutes before the server gives up: 0 to 20.
    #[arg(long, env = "WORKER_MAX_RESTARTS", default_value = "8")]
    worker_max_restarts: String,

    /// Whether contract events are taken: true or false. Without it they are if there is an INDEXER_WORKER_TOKEN.
    #[arg(long, env = "INDEXER_ENABLED")]
    indexer_enabled: Option<String>,

    /// What whoever pushes contract events has to send in the header x-indexer-worker-token: 32 to 256 visible ASCII characters.
    #[arg(long, env = "INDEXER_WORKER_TOKEN", hide_env_values = true)]
    indexer_worker_token: Option<String>,

    /// A file that holds the INDEXER_WORKER_TOKEN. A line break at its end does not count.
    #[arg(long, env = "INDEXER_WORKER_TOKEN_FILE", hide_env_values = true)]
    indexer_worker_token_file: Option<OsString>,

    /// How old the last batch of contract events is when the indexer counts as stalled, in milliseconds: 1000 to 86400000.
    #[arg(long, env = "INDEXER_STALL_THRESHOLD_MS", default_value = "300000")]
    indexer_stall_threshold_ms: String,

    /// How many ledgers below the tip the last safe ledger lies, whose events are in the streams: 0 to 1000.
    #[arg(long, env = "INDEXER_SAFETY_MARGIN", default_value = "1")]
    indexer_safety_margin: String,

    /// How many ledgers below the tip a reorg may begin; what lies deeper is final: 1 to 1000000.
    #[arg(long, env = "INDEXER_MAX_REORG_DEPTH", default_value = "128")]
    indexer_max_reorg_depth: String,

    /// What an operator has to send in the header x-operator-token: 32 to 256 visible ASCII characters. Without it operator
    /// actions are off.
    #[arg(long, env = "OPERATOR_TOKEN", hide_env_values = true)]
    operator_token: Option<String>,

    /// A file that holds the OPERATOR_TOKEN. A line break at its end does not count.
    #[arg(long, env = "OPERATOR_TOKEN_FILE", hide_env_values = true)]
    operator_token_file: Option<OsString>,

    /// How long a stop waits for requests in flight, in seconds: 1 to 600.
    #[arg(long, env = "SHUTDOWN_TIMEOUT_SECONDS", default_value = "30")]
    shutdown_timeout_seconds: String,
}

/// The configuration, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) database: Database,
    pub(crate) writes: Writes,
    pub(crate) log_level: LevelFilter,
    pub(crate) log_format: LogFormat,
    pub(crate) network_passphrase: String,
    pub(crate) stream_clock_interval: Duration,
    pub(crate) worker_max_restarts: u32,
    pub(crate) indexer: Option<IndexerSettings>,
    pub(crate) operator_token: Option<Token>,
    pub(crate) shutdown_timeout: Duration,
}

/// How contract events are taken.
#[derive(Debug)]
pub(crate) struct IndexerSettings {
    pub(crate) worker_token: Token,
    pub(crate) rules: Rules,
    pub(crate) stall_threshold_ms: u32,
}

/// Everything that is wrong with the configuration. A value is never repeated: it may be a secret in the wrong place.
#[derive(Debug, Default)]
pub(crate) struct ConfigFaults(Vec<String>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(faults) = self;
        writeln!(f, "fluxora-server cannot start: its configuration is wrong (see --help)")?;
        faults.iter().try_for_each(|fault| writeln!(f, "  {fault}"))
    }
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every setting that is wrong, at once.
    pub(crate) fn check(args: &Settings) -> Result<Self, ConfigFaults> {
        let mut faults = ConfigFaults::default();
        let host = faults.host(args);
        let config = Self {
            host: host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port: faults.port(args).unwrap_or_default(),
            database: faults.database(args),
            writes: match faults.read("OPEN_WRITES", "true or false", args.open_writes.parse().ok()) {
                Some(false) if host.is_some_and(|host| !host.is_loopback()) => Writes::Refused,
                _ => Writes::Open,
            },
            log_level: faults
                .read("LOG_LEVEL", "error, warn, info, debug or trace", level(&args.log_level))
                .unwrap_or(LevelFilter::INFO),
            log_format: faults
                .read("LOG_FORMAT", "json or pretty", LogFormat::from_str(&args.log_format, true).ok())
                .unwrap_or(LogFormat::Json),
            network_passphrase: faults
                .read(
                    "NETWORK_PASSPHRASE",
                    "1 to 200 characters",
                    Some(args.network_passphrase.clone()).filter(|text| (1..=200).contains(&text.len())),
                )
                .unwrap_or_default(),
            stream_clock_interval: faults
                .read(
                    "STREAM_CLOCK_INTERVAL_MS",
                    "a number from 10 to 3600000",
                    number(&args.stream_clock_interval_ms, 10..=3_600_000).map(Duration::from_millis),
                )
                .unwrap_or_default(),
            worker_max_restarts: faults
                .read(
                    "WORKER_MAX_RESTARTS",
                    "a number from 0 to 20",
                    number(&args.worker_max_restarts, 0..=MOST_RESTARTS.into())
                        .and_then(|restarts| u32::try_from(restarts).ok()),
                )
                .unwrap_or_default(),
            indexer: faults.indexer(args),
            operator_token: faults.token(
                "OPERATOR_TOKEN",
                args.operator_token.clone(),
                args.operator_token_file.as_deref(),
            ),
            shutdown_timeout: faults
                .read(
                    "SHUTDOWN_TIMEOUT_SECONDS",
                    "a number from 1 to 600",
                    number(&args.shutdown_timeout_seconds, 1..=600).map(Duration::from_secs),
                )
                .unwrap_or_default(),
        };
        if let (Some(indexer), Some(operator)) = (&config.indexer, &config.operator_token)
            && indexer.worker_token == *operator
        {
            // Else whoever pushes could undo what is final.
            faults.0.push("OPERATOR_TOKEN must not be the INDEXER_WORKER_TOKEN".to_owned());
        }
        if faults.0.is_empty() { Ok(config) } else { Err(faults) }
    }
}

/// Where the server listens. Nothing else is checked: whoever only asks the server needs none of its secrets.
///
/// # Errors
/// Which of `HOST` and `PORT` is wrong.
pub(crate) fn address(args: &Settings) -> Result<SocketAddr, ConfigFaults> {
    let mut faults = ConfigFaults::default();
    let (host, port) = (faults.host(args), faults.port(args));
    host.zip(port).map(SocketAddr::from).ok_or(faults)
}

/// Puts what stands in the file `.env`, if there is one, into the environment; what is there already stays.
///
/// # Errors
/// Why the file cannot be read.
pub(crate) fn load_env_file() -> Result<(), ConfigFaults> {
    let file = Path::new(".env");
    if !file.exists() {
        return Ok(());
    }
    dotenvy::from_path(file).map_err(|error| {
        // The parser's message quotes the line, which may hold a secret.
        let reason = match error {
            dotenvy::Error::Io(error) => error.to_string(),
            _ => "it has a line that is not NAME=value".to_owned(),
        };
        ConfigFaults(vec![format!(".env cannot be read: {reason}")])
    })
}

impl ConfigFaults {
    fn read<T>(&mut self, name: &str, needed: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.0.push(format!("{name} must be {needed}"));
        }
        value
    }
}

impl ConfigFaults {
    fn host(&mut self, args: &Settings) -> Option<IpAddr> {
        self.read("HOST", "an IP address, or localhost", host(&args.host))
    }

    fn port(&mut self, args: &Settings) -> Option<u16> {
        self.read("PORT", "a number from 0 to 65535", args.port.parse().ok())
    }

    fn database(&mut self, args: &Settings) -> Database {
        let size = number(&args.db_pool_size, 1..=1_000).and_then(|size| usize::try_from(size).ok());
        let wait = number(&args.db_pool_wait_ms, 1..=60_000).map(Duration::from_millis);
        let statement_timeout =
            number(&args.db_statement_timeout_ms, 10..=600_000).map(Duration::from_millis);
        // Faults are told in the order of --help.
        let unlimited = PoolLimits { size: 1, wait: Duration::ZERO, statement_timeout: Duration::ZERO };
        let given =
            secret::read("DATABASE_URL", args.database_url.clone(), args.database_url_file.as_deref());
        let url = given
            .map(|url| url.unwrap_or_else(|| DEFAULT_DATABASE_URL.to_owned()))
            .and_then(|url| Database::parse(&url, unlimited).map(|_| url))
            .map_err(|fault| self.0.push(fault));
        let limits = PoolLimits {
            size: self.read("DB_POOL_SIZE", "a number from 1 to 1000", size).unwrap_or_default(),
            wait: self.read("DB_POOL_WAIT_MS", "a number from 1 to 60000", wait).unwrap_or_default(),
            statement_timeout: self
                .read("DB_STATEMENT_TIMEOUT_MS", "a number from 10 to 600000", statement_timeout)
                .unwrap_or_default(),
        };
        let database = url.and_then(|url| Database::parse(&url, limits).map_err(drop));
        database.unwrap_or(Database::Sqlite(fluxora_store_sqlite::Location::Memory))
    }
}

impl ConfigFaults {
    fn token(&mut self, name: &str, value: Option<String>, file: Option<&OsStr>) -> Option<Token> {
        let given = secret::read(name, value, file).map_err(|fault| self.0.push(fault)).ok()??;
        self.read(name, &InvalidToken.to_string(), Token::new(&given).ok())
    }

    fn indexer(&mut self, args: &Settings) -> Option<IndexerSettings> {
        // Faults are told in the order of --help.
        let enabled = args.indexer_enabled.as_deref();
        let enabled =
            enabled.and_then(|text| self.read("INDEXER_ENABLED", "true or false", text.parse::<bool>().ok()));
        let known = self.0.len();
        let token = self.token(
            "INDEXER_WORKER_TOKEN",
            args.indexer_worker_token.clone(),
            args.indexer_worker_token_file.as_deref(),
        );
        if enabled == Some(true) && token.is_none() && self.0.len() == known {
            self.0.push("INDEXER_WORKER_TOKEN must be given where INDEXER_ENABLED is true".to_owned());
        }
        let count = |text: &str, range| number(text, range).and_then(|count| u32::try_from(count).ok());
        let stall_threshold_ms = self.read(
            "INDEXER_STALL_THRESHOLD_MS",
            "a number from 1000 to 86400000",
            count(&args.indexer_stall_threshold_ms, 1_000..=86_400_000),
        );
        let safety_margin = self.read(
            "INDEXER_SAFETY_MARGIN",
            "a number from 0 to 1000",
            count(&args.indexer_safety_margin, 0..=1_000),
        );
        let max_reorg_depth = self.read(
            "INDEXER_MAX_REORG_DEPTH",
            "a number from 1 to 1000000",
            count(&args.indexer_max_reorg_depth, 1..=1_000_000),
        );
        if safety_margin.zip(max_reorg_depth).is_some_and(|(margin, depth)| margin > depth) {
            // Else a ledger could be final before its events are in the streams.
            self.0.push("INDEXER_SAFETY_MARGIN must not be above INDEXER_MAX_REORG_DEPTH".to_owned());
        }
        Some(IndexerSettings {
            worker_token: token.filter(|_| enabled != Some(false))?,
            rules: Rules { safety_margin: safety_margin?, max_reorg_depth: max_reorg_depth? },
            stall_threshold_ms: stall_threshold_ms?,
        })
    }
}

fn host(text: &str) -> Option<IpAddr> {
    if text == "localhost" { Some(IpAddr::V4(Ipv4Addr::LOCALHOST)) } else { text.parse().ok() }
}

fn level(text: &str) -> Option<LevelFilter> {
    text.parse::<tracing::Level>()
        .ok()
        .filter(|_| !text.starts_with(|c: char| c.is_ascii_digit()))
        .map(Into::into)
}

fn number(text: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
    text.parse().ok().filter(|number| range.contains(number))
}

#[cfg(test)]
mod tests;
