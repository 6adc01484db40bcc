use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use fluxora_indexer::Rules;
use fluxora_ingest::Ingest;
use fluxora_store::chain::ChainState;
use fluxora_store::{Clock, Store};
use fluxora_stream::UnixTime;
use fluxora_supervise::Workers;
use jiff::Timestamp;
use uuid::Uuid;

use crate::{LoggedRequests, Token};

/// Where identities come from.
pub trait Ids: Send + Sync {
    /// A fresh UUID. They should grow with time (version 7): streams are stored in the order of their ids.
    fn next(&self) -> Uuid;
}

/// What the service says about itself.
#[derive(Clone, Debug)]
pub struct Service {
    /// The version that runs.
    pub version: &'static str,
    /// The Stellar network it belongs to.
    pub network_passphrase: String,
}

/// Whether anybody may create and cancel streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// Whoever can reach the port.
    Open,
    /// Nobody: the port is reachable from other machines and no authentication is configured.
    Refused,
}

/// Whether the process is on its way out.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle(Arc<AtomicBool>);

impl Lifecycle {
    /// From here on `/health` says that the service is shutting down.
    pub fn shut_down(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_shutting_down(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How contract events are taken.
#[derive(Clone, Debug)]
pub struct Indexer {
    /// What a pusher has to know.
    pub worker_token: Token,
    /// What stores pushed batches.
    pub ingest: Ingest,
    /// How old the last sync is when it counts as stalled, in milliseconds.
    pub stall_threshold_ms: u32,
    /// Since when batches can arrive.
    pub since: Timestamp,
}

impl Indexer {
    /// The default of `stall_threshold_ms`; `/health` also shows it where no indexer is configured.
    pub const DEFAULT_STALL_THRESHOLD_MS: u32 = 300_000;
}

/// What the shell brings.
pub struct Parts {
    /// Where streams are kept.
    pub store: Arc<dyn Store>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// Where identities come from.
    pub ids: Arc<dyn Ids>,
    /// What the service says about itself.
    pub service: Service,
    /// Whether anybody may write.
    pub writes: Writes,
    /// How contract events are taken; `None` if they are not.
    pub indexer: Option<Indexer>,
    /// What an operator has to know to act; `None` if nobody can.
    pub operator_token: Option<Token>,
    /// What works in the background.
    pub workers: Arc<dyn Workers>,
    /// Whether the process is on its way out.
    pub lifecycle: Lifecycle,
    /// Which requests get a line in the log.
    pub logged_requests: LoggedRequests,
}

/// What every handler needs.
pub struct Api {
    parts: Parts,
    /// How the chain stood when storage was last asked with success: what is known while storage does not answer.
    chain: Mutex<Option<ChainState>>,
}

impl Api {
    /// An API made of these parts.
    pub const fn new(parts: Parts) -> Self {
        Self { parts, chain: Mutex::new(None) }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.parts.store.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.now()
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

    pub(crate) fn stall_threshold_ms(&self) -> u32 {
        self.indexer().map_or(Indexer::DEFAULT_STALL_THRESHOLD_MS, |indexer| indexer.stall_threshold_ms)
    }

    pub(crate) const fn operator_token(&self) -> Option<&Token> {
        self.parts.operator_token.as_ref()
    }

    pub(crate) fn workers(&self) -> &dyn Workers {
        self.parts.workers.as_ref()
    }

    /// Keeps how the chain stands, or hands back what was known last.
    pub(crate) fn last_known_chain(&self, now: Option<ChainState>) -> Option<ChainState> {
        let mut known = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(now) = now {
            *known = Some(now);
        }
        known.clone()
    }

    pub(crate) fn logged_requests(&self) -> LoggedRequests {
        self.parts.logged_requests
    }

    pub(crate) const fn lifecycle(&self) -> &Lifecycle {
        &self.parts.lifecycle
    }

    pub(crate) const fn writes(&self) -> Writes {
        self.parts.writes
    }

    /// The rules by which ledgers become safe and final.
    pub(crate) fn rules(&self) -> Rules {
        self.indexer().map_or_else(Rules::default, |indexer| indexer.ingest.rules())
    }
}
