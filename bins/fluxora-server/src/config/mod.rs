//! The configuration: one section per file, read by clap from the command line, the environment and the file `.env`,
//! then checked as a whole.

mod access;
mod audit;
mod cors;
mod env_file;
mod environment;
mod faults;
mod feed;
mod follow;
mod frontend;
mod http;
mod indexer;
mod limits;
mod logs;
mod metrics;
pub(crate) mod secret;
mod setting;
mod storage;
#[cfg(test)]
mod tests;
mod traces;
mod unknown;
mod webhooks;
mod workers;

use std::net::SocketAddr;

use clap::Args;
use fluxora_api::{Cors, Frontend, Tokens, Writes};
use fluxora_seal::Keyring;

pub(crate) use access::{AccessConfig, Jwt};
pub(crate) use audit::AuditConfig;
pub(crate) use environment::Environment;
pub(crate) use faults::ConfigFaults;
pub(crate) use feed::FeedConfig;
use follow::FollowSettings;
pub(crate) use follow::{Follow, LedgerSources};
pub(crate) use http::Http;
pub(crate) use indexer::Chain;
pub(crate) use limits::RequestLimits;
pub(crate) use logs::Logs;
pub(crate) use metrics::MetricsConfig;
pub(crate) use setting::{Setting, any};
pub(crate) use traces::{Collector, Traces};
pub(crate) use unknown::UnknownName;
pub(crate) use webhooks::{OwnEndpoint, WebhookState, Webhooks};
pub(crate) use workers::{TimeEvents, WorkerConfig};

use crate::database::Database;
use crate::logging::LogFormat;

/// The settings as given, with defaults. Not `Debug`: some are secret.
#[derive(Args)]
pub(crate) struct Settings {
    #[command(flatten)]
    http: http::HttpSettings,
    #[command(flatten)]
    access: access::AccessSettings,
    #[command(flatten)]
    limits: limits::LimitSettings,
    #[command(flatten)]
    storage: storage::StorageSettings,
    #[command(flatten)]
    logs: logs::LogSettings,
    #[command(flatten)]
    indexer: indexer::IndexerSettings,
    #[command(flatten)]
    follow: FollowSettings,
    #[command(flatten)]
    workers: workers::WorkerSettings,
    #[command(flatten)]
    feed: feed::FeedSettings,
    #[command(flatten)]
    webhooks: webhooks::WebhookSettings,
    #[command(flatten)]
    metrics: metrics::MetricsSettings,
    #[command(flatten)]
    traces: traces::TraceSettings,
    #[command(flatten)]
    cors: cors::CorsSettings,
    #[command(flatten)]
    frontend: frontend::FrontendSettings,
    #[command(flatten)]
    audit: audit::AuditSettings,
}

/// The configuration, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) http: Http,
    pub(crate) access: AccessConfig,
    pub(crate) limits: RequestLimits,
    pub(crate) database: Database,
    pub(crate) logs: Logs,
    pub(crate) chain: Chain,
    /// `None` if no contract is followed.
    pub(crate) follow: Option<Follow>,
    pub(crate) workers: WorkerConfig,
    pub(crate) feed: FeedConfig,
    pub(crate) webhooks: Webhooks,
    pub(crate) metrics: MetricsConfig,
    pub(crate) traces: Traces,
    pub(crate) cors: Cors,
    pub(crate) frontend: Frontend,
    pub(crate) audit: AuditConfig,
    /// Whether the chain is simulated.
    pub(crate) demo: bool,
}

impl Config {
    /// Checks the settings.
    ///
    /// # Errors
    /// Every fault, in the order of `--help`.
    pub(crate) fn check(settings: &Settings) -> Result<Self, ConfigFaults> {
        let mut faults = ConfigFaults::default();
        let http = settings.http.check(&mut faults);
        let access = settings.access.check(&mut faults);
        let limits = settings.limits.check(&mut faults);
        let database = settings.storage.check(&mut faults);
        let logs = settings.logs.check(&mut faults);
        let chain = settings.indexer.check(&mut faults);
        let follow = settings.follow.check(&mut faults);
        let workers = settings.workers.check(&mut faults);
        let feed = settings.feed.check(&mut faults);
        let address = http.as_ref().map(|http| http.address);
        let webhooks = settings.webhooks.check(address, &mut faults);
        let metrics = settings.metrics.check(&mut faults);
        let traces = settings.traces.check(&mut faults);
        let cors = settings.cors.check(&mut faults);
        let frontend = settings.frontend.check(&mut faults);
        let audit = settings.audit.check(&mut faults);
        let config = http.zip(limits).zip(database).zip(logs).zip(chain).zip(follow).zip(workers).zip(feed);
        let config =
            config.zip(webhooks.zip(metrics.zip(traces)).zip(cors.zip(frontend).zip(audit)).zip(access));
        let config = config.map(
            |(
                (((((((http, limits), database), logs), chain), follow), workers), feed),
                (((webhooks, (metrics, traces)), ((cors, frontend), audit)), access),
            )| {
                let frontend = frontend::with_followed(frontend, follow.as_ref());
                Self {
                    http,
                    access,
                    limits,
                    database,
                    logs,
                    chain,
                    follow,
                    workers,
                    feed,
                    webhooks,
                    metrics,
                    traces,
                    cors,
                    frontend,
                    audit,
                    demo: false,
                }
            },
        );
        let config = config.map(|config| config.with_credentials(&mut faults));
        if config.as_ref().is_some_and(Self::has_one_token_for_two_roles) {
            faults.add("OPERATOR_TOKEN must not be the INDEXER_WORKER_TOKEN");
        }
        faults.finish(config)
    }

    /// Checks the settings for a simulated chain with these tokens, on a database in memory. If no worker token is set, it
    /// is `secret`.
    ///
    /// # Errors
    /// Every fault. A database that is set is one.
    pub(crate) fn check_demo(
        settings: &Settings,
        tokens: Tokens,
        secret: impl FnOnce() -> String,
    ) -> Result<Self, ConfigFaults> {
        let checked = Self::check(settings);
        if let Some(name) = settings.storage.database_setting() {
            let mut faults = checked.err().unwrap_or_default();
            faults.add(format!(
                "{name} must not be set for demo, which opens no database and keeps nothing: remove it from the command \
                 line, the environment and .env"
            ));
            return Err(faults);
        }
        let config = checked?;
        let logs = Logs { format: LogFormat::Pretty, ..config.logs };
        Ok(Self {
            database: Database::MEMORY,
            logs,
            chain: config.chain.simulated(tokens, secret)?,
            follow: None,
            demo: true,
            ..config
        })
    }

    /// Closes open writes where partners have a credential.
    fn with_credentials(mut self, faults: &mut ConfigFaults) -> Self {
        if self.access.jwt.is_some() {
            if self.http.writes == Writes::Open {
                faults.add(
                    "OPEN_WRITES must not be true where JSON Web Tokens are accepted: \
                     remove it, or JWT_SECRET, JWT_PUBLIC_KEY and JWT_JWKS_FILE",
                );
            }
            self.http.writes = Writes::Refused;
        } else if self.chain.indexer.pushes && self.chain.indexer.worker_token.is_none() {
            faults.add("INDEXER_WORKER_TOKEN must be given because INDEXER_ENABLED is true");
        }
        self
    }

    /// A pusher must not be able to rewind final ledgers.
    fn has_one_token_for_two_roles(&self) -> bool {
        let pusher = self.chain.indexer.worker_token.as_ref();
        pusher.is_some() && pusher == self.http.operator_token.as_ref()
    }

    /// What this configuration leaves switched off, by the setting that switches it on.
    pub(crate) fn switched_off(&self) -> Vec<&'static str> {
        [
            (self.http.writes == Writes::Refused && self.access.jwt.is_none(), "writes (OPEN_WRITES)"),
            (
                !self.chain.indexer.pushes && self.follow.is_none(),
                "contract events (INDEXER_WORKER_TOKEN or FOLLOW_CONTRACTS)",
            ),
            (
                self.http.operator_token.is_none() && self.access.jwt.is_none(),
                "operator actions (OPERATOR_TOKEN)",
            ),
        ]
        .into_iter()
        .filter_map(|(off, what)| off.then_some(what))
        .chain(self.webhooks.state.switched_off())
        .collect()
    }
}

/// What a token is made of.
#[derive(Debug)]
pub(crate) struct TokenConfig {
    pub(crate) secret: access::Secret,
    pub(crate) audience: Option<String>,
    pub(crate) issuer: Option<String>,
}

impl TokenConfig {
    /// Checks the settings of tokens, of which `JWT_SECRET` must be given.
    ///
    /// # Errors
    /// Their faults.
    pub(crate) fn check(settings: &Settings) -> Result<Self, ConfigFaults> {
        let mut faults = ConfigFaults::default();
        let access = settings.access.check(&mut faults);
        let jwt = access.and_then(|access| {
            let jwt = access.jwt.and_then(|jwt| Some((jwt.secret?, jwt.audience, jwt.issuer)));
            if jwt.is_none() {
                faults.add("JWT_SECRET must be given: it signs the token");
            }
            jwt
        });
        faults.finish(jwt.map(|(secret, audience, issuer)| Self { secret, audience, issuer }))
    }
}

/// What sealing again needs.
#[derive(Debug)]
pub(crate) struct RekeyConfig {
    pub(crate) database: Database,
    pub(crate) keyring: Keyring,
}

impl RekeyConfig {
    /// Checks the database and the master keys, of which there must be one.
    ///
    /// # Errors
    /// Their faults.
    pub(crate) fn check(settings: &Settings) -> Result<Self, ConfigFaults> {
        let mut faults = ConfigFaults::default();
        let database = settings.storage.check(&mut faults);
        let keyring = settings.webhooks.keyring(&mut faults);
        if keyring.as_ref().is_some_and(|keyring| !keyring.seals()) {
            faults.add("FLUXORA_MASTER_KEY must be given: its first key seals");
        }
        faults.finish(database.zip(keyring).map(|(database, keyring)| Self { database, keyring }))
    }
}

/// The address of the server. No other setting is checked: a health check needs no secret.
///
/// # Errors
/// The faults of `HOST` and `PORT`.
pub(crate) fn address(settings: &Settings) -> Result<SocketAddr, ConfigFaults> {
    let mut faults = ConfigFaults::default();
    let address = settings.http.address(&mut faults);
    faults.finish(address)
}

/// The names in the environment and in `.env` that are probably misspelt settings.
pub(crate) fn unknown_names<'a>(environment: &'a Environment, known: &'a [String]) -> Vec<UnknownName<'a>> {
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    unknown::find(environment.names(), &known)
}
