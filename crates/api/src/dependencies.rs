use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use fluxora_store::StoreError;
use fluxora_store::chain::{ChainState, ContractReport};
use fluxora_store::delivery::DeliveryFigures;
use jiff::{SignedDuration, Timestamp};

use crate::Api;

/// How long what was read of healthy storage is shown to later probes.
pub(crate) const FRESH: SignedDuration = SignedDuration::from_millis(250);
/// Storage that takes longer to answer counts as unavailable.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The most contracts that are read.
const CONTRACTS: u32 = 1_000;

/// Whether storage serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Healthy,
    Unavailable,
}

/// What `/health` and `/health/ready` show of the database.
pub(crate) struct Dependencies {
    pub(crate) storage: Storage,
    /// What was last read of the chain; `None` if it has never been read.
    pub(crate) chain: Option<Arc<KnownChain>>,
    /// Whether `chain` was read with the rest.
    pub(crate) chain_is_current: bool,
    /// `None` if they could not be read.
    pub(crate) deliveries: Option<DeliveryFigures>,
}

/// The state of the chain and its contracts.
pub(crate) struct KnownChain {
    pub(crate) state: ChainState,
    /// Contracts with stored events, unusable ones first.
    pub(crate) contracts: Vec<ContractReport>,
}

/// The last reading of [`Dependencies`], for all probes.
///
/// Probes that come at the same time share one reading. A reading of healthy storage is shared for [`FRESH`], and until a request of
/// this server has changed what it shows. A reading of storage that fails is shared by those alone who waited for it.
#[derive(Default)]
pub(crate) struct Readings {
    last: Mutex<Last>,
    /// Held while storage is read.
    reading: tokio::sync::Mutex<()>,
    changes: AtomicU64,
}

#[derive(Default)]
struct Last {
    taken: Option<Taken>,
    /// The number of readings so far.
    number: u64,
}

#[derive(Clone)]
struct Taken {
    dependencies: Arc<Dependencies>,
    at: Timestamp,
    /// The number of changes before it began.
    changes: u64,
}

impl Storage {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Readings {
    /// A request has changed the chain or webhooks: the next probe reads again.
    pub(crate) fn change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// The last reading if it is fresh, or a new one.
    pub(crate) async fn get(&self, api: &Api) -> Arc<Dependencies> {
        let (last, number) = self.last();
        if let Some(fresh) = last.filter(|taken| self.is_fresh(taken, api.now())) {
            return fresh.dependencies;
        }
        let _reading = self.reading.lock().await;
        let (last, newest) = self.last();
        let is_shared = |taken: &Taken| newest != number && self.is_unchanged(taken);
        if let Some(shared) = last.clone().filter(|taken| is_shared(taken) || self.is_fresh(taken, api.now()))
        {
            return shared.dependencies;
        }
        let changes = self.changes.load(Ordering::Acquire);
        let chain = last.and_then(|taken| taken.dependencies.chain.clone());
        let dependencies = Arc::new(read(api, chain).await);
        let taken = Taken { dependencies: Arc::clone(&dependencies), at: api.now(), changes };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Last { taken: Some(taken), number: last.number.wrapping_add(1) };
        dependencies
    }

    fn last(&self) -> (Option<Taken>, u64) {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        (last.taken.clone(), last.number)
    }

    fn is_unchanged(&self, taken: &Taken) -> bool {
        taken.changes == self.changes.load(Ordering::Acquire)
    }

    /// A clock that was set back makes a reading old.
    fn is_fresh(&self, taken: &Taken, now: Timestamp) -> bool {
        let age = now.duration_since(taken.at);
        let is_whole = taken.dependencies.chain_is_current && taken.dependencies.deliveries.is_some();
        is_whole && self.is_unchanged(taken) && !age.is_negative() && age < FRESH
    }
}

async fn read(api: &Api, known: Option<Arc<KnownChain>>) -> Dependencies {
    let storage = check(api).await;
    if storage == Storage::Unavailable {
        return Dependencies { storage, chain: known, chain_is_current: false, deliveries: None };
    }
    let read = read_chain(api).await.map(Arc::new);
    let chain_is_current = read.is_some();
    Dependencies { storage, chain: read.or(known), chain_is_current, deliveries: read_deliveries(api).await }
}

/// Checks storage. Probes repeat, so only a change is logged.
async fn check(api: &Api) -> Storage {
    let error = match tokio::time::timeout(TIMEOUT, api.store().check()).await {
        Ok(checked) => checked.err().map(|error| error.to_string()),
        Err(_) => Some(format!("no answer within {} seconds", TIMEOUT.as_secs())),
    };
    let has_changed = api.storage_fails(error.is_some());
    match error {
        Some(error) => {
            if has_changed {
                tracing::warn!(error, "storage fails its health check");
            }
            Storage::Unavailable
        }
        None => {
            if has_changed {
                tracing::info!("storage passes its health check again");
            }
            Storage::Healthy
        }
    }
}

async fn read_chain(api: &Api) -> Option<KnownChain> {
    let read = async {
        let state = api.store().chain_state().await?;
        let contracts = api.store().contracts(CONTRACTS).await?;
        Ok::<_, StoreError>(KnownChain { state, contracts })
    };
    let read = tokio::time::timeout(TIMEOUT, read).await.ok();
    let error = read.as_ref().and_then(|read| read.as_ref().err());
    if api.chain_read_fails(error.is_some())
        && let Some(error) = error
    {
        tracing::warn!(%error, "the indexer state could not be read");
    }
    read.and_then(Result::ok)
}

async fn read_deliveries(api: &Api) -> Option<DeliveryFigures> {
    match tokio::time::timeout(TIMEOUT, api.store().delivery_figures(api.now())).await {
        Ok(Ok(figures)) => Some(figures),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the state of deliveries could not be read");
            None
        }
        Err(_) => None,
    }
}
