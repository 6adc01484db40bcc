use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fluxora_feed::Feed;
use fluxora_indexer::Rules;
use fluxora_ingest::Ingest;
use fluxora_store::{Clock, Store};
use fluxora_stream::UnixTime;
use fluxora_supervise::Workers;
use fluxora_trace::Tracer;
use jiff::Timestamp;
use uuid::Uuid;

use crate::access::Keys;
use crate::corrupt_rows::CorruptRows;
use crate::dependencies::Readings;
use crate::error::{ApiError, ErrorKind};
use crate::push_failures::PushFailures;
use crate::refusals::Refusals;
use crate::{
    AllowedHosts, Audit, Cors, Credentials, FollowerHealth, FollowerReport, Frontend, Limits, LogLevels,
    LoggedRequests, Metrics, Token, Tokens, Webhooks,
};

/// A source of ids.
pub trait Ids: Send + Sync {
    /// A fresh UUID. Ids should be ordered by time (version 7).
    fn next(&self) -> Uuid;

    /// 256 random bits for the secret of an API key; `None` if the operating system has none.
    fn secret(&self) -> Option<[u8; 32]>;
}

/// The identity of the service in `/` and `/health`.
#[derive(Clone, Debug)]
pub struct Service {
    /// The version of the binary.
    pub version: &'static str,
    /// The Stellar network it belongs to.
    pub network_passphrase: String,
    /// Whether the chain is simulated.
    pub demo: bool,
}

/// Whether streams may be created and cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// By everyone who can reach the port.
    Open,
    /// By everyone who can reach the port, until the first API key is created.
    OpenWithoutKeys,
    /// Never without a credential: the operator switched open writes off or configured credentials, or the port is reachable from
    /// other machines.
    Refused,
}

/// Who sees details in `/health`: the place of the database, errors of workers and reasons of rewinds. States are public.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HealthDetails {
    /// Everyone.
    Public,
    /// The holder of the operator token.
    #[default]
    Operator,
}

/// Whether the process is shutting down.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<AtomicBool>);

impl Lifecycle {
    /// Makes `/health` report that the service is shutting down.
    pub fn shut_down(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The configuration of the indexer.
#[derive(Clone, Debug)]
pub struct Indexer {
    /// Whether pushed events are accepted.
    pub pushes: bool,
    /// The token of workers; `None` if they send a JSON Web Token or an API key.
    pub worker_token: Option<Token>,
    /// What stores pushed batches.
    pub ingest: Ingest,
    /// The age in milliseconds at which the last sync counts as stalled.
    pub stall_threshold_ms: u32,
    /// The instant from which batches are expected: the start of the server.
    pub since: Timestamp,
}

impl Indexer {
    /// The default of `stall_threshold_ms`; `/health` also shows it where no indexer is configured.
    pub const DEFAULT_STALL_THRESHOLD_MS: u32 = 300_000;
}

/// The dependencies and settings of an [`Api`].
pub struct Parts {
    /// The storage.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// A source of ids.
    pub ids: Arc<dyn Ids>,
    /// The identity of the service in `/` and `/health`.
    pub service: Service,
    /// Whether streams may be created and cancelled.
    pub writes: Writes,
    /// The names by which clients may address the server.
    pub allowed_hosts: AllowedHosts,
    /// Who sees details in `/health`.
    pub health_details: HealthDetails,
    /// The indexer; `None` where contract events are refused.
    pub indexer: Option<Indexer>,
    /// Webhooks; `None` where they are off.
    pub webhooks: Option<Webhooks>,
    /// The credentials of operators, partners and readers.
    pub credentials: Credentials,
    /// How many requests each client may make.
    pub limits: Limits,
    /// What follows the event log for clients.
    pub feed: Arc<Feed>,
    /// Tokens whose code and decimals are known.
    pub tokens: Tokens,
    /// How the profile for the official front end shows streams.
    pub frontend: Frontend,
    /// What the chain follower is doing; `None` where no contract is followed.
    pub follower: Option<Arc<dyn FollowerReport>>,
    /// The background workers.
    pub workers: Arc<dyn Workers>,
    /// Whether the process is shutting down.
    pub lifecycle: Lifecycle,
    /// Which requests get a line in the log.
    pub logged_requests: LoggedRequests,
    /// The origins whose pages may use the API in a browser.
    pub cors: Cors,
    /// What the process counts.
    pub metrics: Metrics,
    /// What the audit log records of requests.
    pub audit: Audit,
    /// The log level of the process.
    pub log_levels: Arc<dyn LogLevels>,
    /// What gives requests their traces.
    pub tracer: Arc<Tracer>,
}

/// The state of every handler.
pub struct Api {
    parts: Parts,
    keys: Keys,
    readings: Readings,
    push_failures: PushFailures,
    corrupt_rows: CorruptRows,
    refusals: Refusals,
    /// Whether storage failed the last check of `/health` or `/health/ready`.
    storage_fails: AtomicBool,
    /// Whether the chain state could not be read for the last `/health`.
    chain_read_fails: AtomicBool,
}

impl Api {
    /// An API made of these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            keys: Keys::new(Arc::clone(&parts.store)),
            parts,
            readings: Readings::default(),
            push_failures: PushFailures::default(),
            corrupt_rows: CorruptRows::default(),
            refusals: Refusals::default(),
            storage_fails: AtomicBool::new(false),
            chain_read_fails: AtomicBool::new(false),
        }
    }

    /// The requests that were refused because of storage.
    pub(crate) const fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Remembers whether storage fails its checks; whether that has changed.
    pub(crate) fn storage_fails(&self, fails: bool) -> bool {
        self.storage_fails.swap(fails, Ordering::Relaxed) != fails
    }

    /// Remembers whether the chain state cannot be read; whether that has changed.
    pub(crate) fn chain_read_fails(&self, fails: bool) -> bool {
        self.chain_read_fails.swap(fails, Ordering::Relaxed) != fails
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// The latest instant that is known to have passed.
    pub(crate) fn confirmed_now(&self) -> Timestamp {
        self.parts.clock.confirmed_now()
    }

    /// Whether a text contains a token of the configuration.
    pub(crate) fn has_token_in(&self, text: &str) -> bool {
        let worker = self.indexer().and_then(|indexer| indexer.worker_token.as_ref());
        let operator = self.credentials().operator_token.as_ref();
        [worker, operator].into_iter().flatten().any(|token| token.is_part_of(text))
    }

    /// How far the system clock is from the time that is used, in seconds, while it is not trusted.
    pub(crate) fn clock_offset(&self) -> Option<i64> {
        self.parts.clock.offset().map(|offset| offset.as_secs())
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.parts.clock)
    }

    pub(crate) fn present(&self) -> UnixTime {
        UnixTime::of(self.now())
    }

    pub(crate) fn next_id(&self) -> Uuid {
        self.parts.ids.next()
    }

    pub(crate) const fn service(&self) -> &Service {
        &self.parts.service
    }

    pub(crate) const fn indexer(&self) -> Option<&Indexer> {
        self.parts.indexer.as_ref()
    }

    /// Webhooks.
    ///
    /// # Errors
    /// `WEBHOOKS_NOT_CONFIGURED` where they are off.
    pub(crate) fn webhooks(&self) -> Result<&Webhooks, ApiError> {
        let off = "webhooks are off on this server: an operator has to set FLUXORA_MASTER_KEY";
        self.parts.webhooks.as_ref().ok_or_else(|| ApiError::new(ErrorKind::WebhooksNotConfigured, off))
    }

    pub(crate) fn stall_threshold_ms(&self) -> u32 {
        self.indexer().map_or(Indexer::DEFAULT_STALL_THRESHOLD_MS, |indexer| indexer.stall_threshold_ms)
    }

    pub(crate) fn follower(&self) -> Option<FollowerHealth> {
        self.parts.follower.as_ref().map(|follower| follower.report())
    }

    pub(crate) const fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn next_secret(&self) -> Option<[u8; 32]> {
        self.parts.ids.secret()
    }

    pub(crate) const fn credentials(&self) -> &Credentials {
        &self.parts.credentials
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.parts.limits
    }

    pub(crate) const fn feed(&self) -> &Arc<Feed> {
        &self.parts.feed
    }

    pub(crate) const fn tokens(&self) -> &Tokens {
        &self.parts.tokens
    }

    pub(crate) const fn frontend(&self) -> &Frontend {
        &self.parts.frontend
    }

    pub(crate) fn workers(&self) -> &dyn Workers {
        self.parts.workers.as_ref()
    }

    /// What probes have read of the database.
    pub(crate) const fn readings(&self) -> &Readings {
        &self.readings
    }

    pub(crate) fn logged_requests(&self) -> LoggedRequests {
        self.parts.logged_requests
    }

    pub(crate) const fn cors(&self) -> &Cors {
        &self.parts.cors
    }

    pub(crate) fn log_levels(&self) -> &dyn LogLevels {
        self.parts.log_levels.as_ref()
    }

    pub(crate) fn tracer(&self) -> &Tracer {
        &self.parts.tracer
    }

    pub(crate) const fn metrics(&self) -> &Metrics {
        &self.parts.metrics
    }

    pub(crate) const fn audit(&self) -> &Audit {
        &self.parts.audit
    }

    pub(crate) const fn corrupt_rows(&self) -> &CorruptRows {
        &self.corrupt_rows
    }

    pub(crate) const fn push_failures(&self) -> &PushFailures {
        &self.push_failures
    }

    pub(crate) const fn lifecycle(&self) -> &Lifecycle {
        &self.parts.lifecycle
    }

    pub(crate) const fn allowed_hosts(&self) -> &AllowedHosts {
        &self.parts.allowed_hosts
    }

    pub(crate) const fn health_details(&self) -> HealthDetails {
        self.parts.health_details
    }

    pub(crate) const fn writes(&self) -> Writes {
        self.parts.writes
    }

    /// The rules by which ledgers become safe and final.
    pub(crate) fn rules(&self) -> Rules {
        self.indexer().map_or_else(Rules::default, |indexer| indexer.ingest.rules())
    }
}
