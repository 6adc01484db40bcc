use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxora_indexer::Opaque;
use fluxora_stellar::{
    Advice, Choice, EndpointStatus, Endpoints, LedgerSource, Page, SourceError, VerifiedLedger, WatchList,
    check_network, fetch,
};
use fluxora_store::{ChainStore, Clock};
use jiff::Timestamp;

use crate::FollowError;

/// The sources of a follower, in the order of preference. Each ledger that they give is verified.
pub struct Sources {
    sources: Vec<Arc<dyn LedgerSource>>,
    passphrase: String,
    watched: Arc<WatchList>,
    store: Arc<dyn ChainStore>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    endpoints: Endpoints,
    /// The sources whose network and chain were compared since they last failed.
    checked: Vec<bool>,
}

/// What the sources say about a ledger.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A source gave this ledger and successors.
    Ledgers {
        /// The source.
        source: usize,
        /// Consecutive ledgers, at least one.
        ledgers: Vec<VerifiedLedger>,
    },
    /// No source has it yet.
    NotYet,
    /// Every source rests until this instant.
    Resting(Timestamp),
    /// No source can help.
    Halt(SourceError),
}

impl Sources {
    /// Sources of the network with this passphrase, the preferred one first.
    pub fn new(
        sources: Vec<Arc<dyn LedgerSource>>,
        passphrase: String,
        watched: &WatchList,
        store: Arc<dyn ChainStore>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let endpoints = Endpoints::new(sources.iter().map(|source| source.name().to_owned()));
        let checked = vec![false; sources.len()];
        let watched = Arc::new(watched.clone().on_network(&passphrase));
        Self { sources, passphrase, watched, store, clock, state: Mutex::new(State { endpoints, checked }) }
    }

    /// The same sources for other contracts. They rest and are demoted by themselves.
    pub(crate) fn watching<'a>(&self, contracts: impl Iterator<Item = &'a str>) -> Result<Self, FollowError> {
        let watched = WatchList::new(contracts).map_err(FollowError::Contract)?;
        Ok(Self::new(
            self.sources.clone(),
            self.passphrase.clone(),
            &watched,
            Arc::clone(&self.store),
            Arc::clone(&self.clock),
        ))
    }

    /// The contracts.
    pub(crate) fn contracts(&self) -> Result<Vec<Opaque>, FollowError> {
        self.watched.contracts().map(|contract| Opaque::new(&contract).map_err(FollowError::Hash)).collect()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The newest ledger that any source reported.
    pub(crate) fn latest(&self) -> Option<u32> {
        self.state().endpoints.latest()
    }

    pub(crate) fn status(&self) -> Vec<EndpointStatus> {
        self.state().endpoints.status(self.now())
    }

    /// The sources that can be asked, except for this one.
    pub(crate) fn others(&self, source: usize) -> Vec<usize> {
        self.state().endpoints.others(self.now(), source)
    }

    /// Asks for ledgers from this one on, one source after the other until one answers.
    pub(crate) async fn ask(&self, from: u32, limit: usize) -> Answer {
        loop {
            let choice = self.state().endpoints.choose(self.now(), from);
            let source = match choice {
                Choice::Ask(source) => source,
                Choice::Wait(until) => return Answer::Resting(until),
                Choice::None => return Answer::NotYet,
            };
            match self.ask_one(source, from, limit).await {
                Ok(page) if !page.ledgers.is_empty() => {
                    return Answer::Ledgers { source, ledgers: page.ledgers };
                }
                Ok(page) if page.latest.is_some_and(|latest| latest.saturating_add(1) >= from) => {
                    return Answer::NotYet;
                }
                // The source is behind what is stored, or does not say where it is: that proves nothing.
                Ok(_) => return self.ask_others(source, from, limit).await,
                Err(error) if error.advice() == Advice::Halt => return Answer::Halt(error),
                Err(_) => {}
            }
        }
    }

    async fn ask_others(&self, lagging: usize, from: u32, limit: usize) -> Answer {
        for source in self.others(lagging) {
            match self.ask_one(source, from, limit).await {
                Ok(page) if !page.ledgers.is_empty() => {
                    return Answer::Ledgers { source, ledgers: page.ledgers };
                }
                Err(error) if error.advice() == Advice::Halt => return Answer::Halt(error),
                Ok(_) | Err(_) => {}
            }
        }
        Answer::NotYet
    }

    /// Asks one source. A failure lets it rest.
    pub(crate) async fn ask_one(
        &self,
        source: usize,
        from: u32,
        limit: usize,
    ) -> Result<Page<VerifiedLedger>, SourceError> {
        let Some(asked) = self.sources.get(source) else {
            return Err(SourceError::Setting { what: "there is no such source" });
        };
        let page = match self.check(source, asked.as_ref()).await {
            Ok(()) => fetch(asked.as_ref(), from, limit, &self.watched).await,
            Err(error) => Err(error),
        };
        match &page {
            Ok(page) => self.state().endpoints.succeeded(source, page.latest),
            Err(error) => self.failed(source, asked.name(), error),
        }
        page
    }

    fn failed(&self, source: usize, name: &str, error: &SourceError) {
        let advice = error.advice();
        let now = self.now();
        let mut state = self.state();
        state.endpoints.failed(source, now, error);
        if let Some(checked) = state.checked.get_mut(source) {
            *checked = false;
        }
        drop(state);
        let cause = std::error::Error::source(error).map(tracing::field::display);
        match advice {
            Advice::Demote | Advice::Halt => {
                tracing::error!(source = name, %error, cause, "source refused: nothing of its answer was stored");
            }
            Advice::Wait(_) | Advice::Shrink | Advice::Rotate | Advice::AskLake => {
                tracing::warn!(source = name, %error, cause, "source failed");
            }
        }
    }

    /// Compares the network and the newest final ledger of a source, once after each failure.
    async fn check(&self, source: usize, asked: &dyn LedgerSource) -> Result<(), SourceError> {
        if self.state().checked.get(source).copied().unwrap_or(false) {
            return Ok(());
        }
        check_network(asked, &self.passphrase).await?;
        let range = asked.range().await?;
        let anchor = self.anchor(range.map(|range| range.oldest..=range.latest)).await;
        if let Some((ledger, stored)) = anchor {
            let page = fetch(asked, ledger, 1, &self.watched).await?;
            if let Some(found) = page.ledgers.first().map(|found| found.ledger.hash)
                && found.to_string() != stored
            {
                return Err(SourceError::OtherChain { ledger, stored, found });
            }
        }
        if let Some(checked) = self.state().checked.get_mut(source) {
            *checked = true;
        }
        Ok(())
    }

    /// The newest stored final ledger that a source with these ledgers has, and its hash. Without storage there is none.
    async fn anchor(&self, has: Option<RangeInclusive<u32>>) -> Option<(u32, String)> {
        let state = self.store.chain_state().await.ok()?;
        let newest = state.frontier.final_ledger?.min(has.as_ref().map_or(u32::MAX, |has| *has.end()));
        let stored = self.store.ledgers(newest..=newest).await.ok()?.pop()?;
        let is_there = has.is_none_or(|has| has.contains(&newest));
        is_there.then(|| (newest, stored.hash.to_string()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources").field("endpoints", &self.state().endpoints).finish_non_exhaustive()
    }
}
