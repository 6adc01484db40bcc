use std::sync::Arc;
use std::time::Duration;

use fluxora_indexer::{Fence, Opaque};
use fluxora_ingest::Ingest;
use fluxora_stellar::{Hash, VerifiedLedger};
use fluxora_store::{ChainStore, StreamStore};
use fluxora_supervise::{ShutdownToken, Worker, WorkerError};
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::batches::batches;
use crate::cursor::{Cursor, missing};
use crate::entries::{DRIFTS_LISTED, PendingEntries};
use crate::fork::{Accusation, Outcome, settle};
use crate::prefetch::Prefetch;
use crate::sources::Answer;
use crate::{FollowError, FollowerPhase, FollowerStatus, Leadership, Sources};

/// The wait after an error that time may clear.
const RETRY: Duration = Duration::from_secs(2);
/// The wait after an error that an operator has to clear.
const HALTED: Duration = Duration::from_secs(60);

/// What a follower follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FollowSettings {
    /// The first ledger, where nothing is stored; `None` for the newest one of the sources.
    pub start: Option<u32>,
    /// The wait before a source is asked again for a ledger that it does not have yet.
    pub poll: Duration,
}

/// The worker that stores each ledger of the network, in order.
#[derive(Clone)]
pub struct Follower {
    pub(crate) settings: FollowSettings,
    pub(crate) sources: Arc<Sources>,
    pub(crate) store: Arc<dyn ChainStore>,
    pub(crate) ingest: Ingest,
    pub(crate) status: Arc<FollowerStatus>,
    leadership: Leadership,
    pub(crate) streams: Arc<dyn StreamStore>,
}

/// How far a follower is.
struct Position {
    cursor: Option<Cursor>,
    prefetch: Prefetch,
    entries: PendingEntries,
}

/// What a step says about the next one.
enum Next {
    /// At once.
    Now,
    /// Not before this instant.
    At(Timestamp),
}

impl Follower {
    /// A follower that stores through `ingest` into `store`.
    pub const fn new(
        settings: FollowSettings,
        sources: Arc<Sources>,
        store: Arc<dyn ChainStore>,
        ingest: Ingest,
        status: Arc<FollowerStatus>,
        leadership: Leadership,
        streams: Arc<dyn StreamStore>,
    ) -> Self {
        Self { settings, sources, store, ingest, status, leadership, streams }
    }

    async fn step(
        &self,
        fence: Fence,
        position: &mut Position,
        shutdown: &mut ShutdownToken,
    ) -> Result<Next, FollowError> {
        let at = match position.cursor.take() {
            Some(cursor) => cursor,
            None => match self.start().await? {
                Some(cursor) => cursor,
                None => return Ok(self.at_tip()),
            },
        };
        let Cursor { next, previous } = position.cursor.insert(at).clone();
        let answer = tokio::select! {
            answer = position.prefetch.take(next, u32::MAX) => answer,
            () = shutdown.requested() => return Ok(Next::Now),
        };
        let (source, ledgers) = match answer {
            Answer::Ledgers { source, ledgers } => (source, ledgers),
            Answer::NotYet => return Ok(self.at_tip()),
            Answer::Resting(until) => {
                self.status.phase(FollowerPhase::Waiting);
                return Ok(Next::At(until));
            }
            Answer::Halt(error) => return Err(FollowError::Source(error)),
        };
        self.status.answered(self.sources.now());
        if let Some(accusation) = self.contradiction(source, &ledgers, previous.as_ref()).await? {
            // What was fetched, and what will be stored, depends on the outcome.
            position.cursor = None;
            position.entries.clear();
            return self.trial(fence, accusation, shutdown).await;
        }
        position.cursor = self.store(fence, &ledgers).await?;
        position.entries.take(&ledgers);
        let safe = self.store.chain_state().await?.frontier.last_safe;
        if let Some(drifts) = position.entries.compare(self.streams.as_ref(), self.store.as_ref(), safe).await
        {
            self.status.drifts(drifts);
        }
        Ok(Next::Now)
    }

    /// Where to begin; `None` if no source says which ledger is the newest.
    async fn start(&self) -> Result<Option<Cursor>, FollowError> {
        let contracts = self.sources.contracts()?;
        if let Some(cursor) = Cursor::read(self.store.as_ref(), &contracts, self.settings.start).await? {
            return Ok(Some(cursor));
        }
        // A ledger that no source has: the answer says which one is the newest.
        drop(self.sources.ask(u32::MAX, 1).await);
        Ok(self.sources.latest().map(|latest| Cursor { next: latest, previous: None }))
    }

    /// Reads the drifts that were recorded before, or by another server.
    async fn read_drifts(&self) {
        match self.store.drifts(None, DRIFTS_LISTED).await {
            Ok(drifts) => self.status.drifts(drifts),
            Err(error) => tracing::warn!(%error, "drifts of streams cannot be read"),
        }
    }

    fn at_tip(&self) -> Next {
        let now = self.sources.now();
        let is_away = self.sources.status().iter().all(|source| source.failures > 0);
        self.status.phase(if is_away { FollowerPhase::Waiting } else { FollowerPhase::AtTip });
        if !is_away {
            self.status.answered(now);
        }
        Next::At(now.checked_add(self.settings.poll).unwrap_or(now))
    }

    /// Finds the first of the ledgers that contradicts a stored one.
    async fn contradiction(
        &self,
        source: usize,
        ledgers: &[VerifiedLedger],
        previous: Option<&Opaque>,
    ) -> Result<Option<Accusation>, FollowError> {
        let (Some(first), Some(last)) = (ledgers.first(), ledgers.last()) else { return Ok(None) };
        let (first, last) = (&first.ledger, &last.ledger);
        if let Some(previous) =
            previous.filter(|previous| previous.as_str() != first.previous_hash.to_string())
        {
            let ledger = first.sequence.saturating_sub(1);
            let claimed = first.previous_hash;
            return Ok(Some(Accusation { ledger, stored: hash(previous), source, claimed }));
        }
        let stored = self.store.ledgers(first.sequence..=last.sequence).await?;
        Ok(stored.iter().find_map(|stored| {
            let index = usize::try_from(stored.sequence.checked_sub(first.sequence)?).ok()?;
            let claimed = ledgers.get(index)?.ledger.hash;
            let differs = stored.hash.as_str() != claimed.to_string();
            let ledger = stored.sequence;
            differs.then(|| Accusation { ledger, stored: hash(&stored.hash), source, claimed })
        }))
    }

    async fn trial(
        &self,
        fence: Fence,
        accusation: Accusation,
        shutdown: &mut ShutdownToken,
    ) -> Result<Next, FollowError> {
        let Accusation { ledger, stored, claimed, .. } = accusation;
        tracing::warn!(ledger, %stored, %claimed, "a source contradicts a stored ledger: other sources are asked");
        self.status.phase(FollowerPhase::Trial);
        let depth = self.ingest.rules().max_reorg_depth;
        match settle(&self.sources, self.store.as_ref(), accusation, depth, shutdown).await? {
            Outcome::Replace(branch) => {
                self.store(fence, &branch).await?;
                Ok(Next::Now)
            }
            Outcome::Keep => {
                tracing::warn!(ledger, "the stored ledger stays");
                let now = self.sources.now();
                Ok(Next::At(now.checked_add(RETRY).unwrap_or(now)))
            }
            Outcome::Stopped => Ok(Next::Now),
        }
    }

    /// Stores consecutive ledgers. Returns where to continue; `None` if the store has to be read for that.
    async fn store(&self, fence: Fence, ledgers: &[VerifiedLedger]) -> Result<Option<Cursor>, FollowError> {
        let (mut continues, contracts) = (None, self.sources.contracts()?);
        for batch in batches(ledgers, &contracts, Some(fence))? {
            let ingested = self.ingest.push(&batch).await?;
            let Some(last) = batch.ledgers().next_back() else { continue };
            let next = last.sequence.saturating_add(1);
            // An operator's rewind or a reorg can have removed ledgers below.
            let is_whole = missing(&ingested.state).is_none_or(|missing| missing >= next);
            continues = is_whole.then(|| Cursor { next, previous: Some(last.hash.clone()) });
            let stored = ledgers.iter().find(|verified| verified.ledger.sequence == last.sequence);
            let first = batch.ledgers().next().map_or(last.sequence, |first| first.sequence);
            if let Some(stored) = stored {
                self.status.stored(&stored.ledger, first, &contracts);
            }
            if continues.is_none() {
                break;
            }
        }
        self.status.phase(FollowerPhase::CatchingUp);
        Ok(continues)
    }

    /// Reports an error, and says how long to wait.
    fn failed(&self, error: &FollowError) -> Duration {
        let cause = std::error::Error::source(error).map(tracing::field::display);
        if error.needs_operator() {
            tracing::error!(%error, cause, "the follower is halted: an operator has to decide");
            self.status.failed(FollowerPhase::Halted, error.to_string());
            HALTED
        } else {
            tracing::warn!(%error, cause, "the follower waits");
            self.status.failed(FollowerPhase::Waiting, error.to_string());
            RETRY
        }
    }
}

/// The hash that a stored text stands for. A pusher's text that is no hash differs from every hash.
fn hash(text: &Opaque) -> Hash {
    text.as_str().parse().unwrap_or_else(|_| Hash::of(text.as_str().as_bytes()))
}

/// Waits for an instant; `true` if shutdown was requested before.
pub(crate) async fn wait_until(sources: &Sources, until: Timestamp, shutdown: &mut ShutdownToken) -> bool {
    let wait = Duration::try_from(until.duration_since(sources.now())).unwrap_or_default();
    tokio::select! {
        () = shutdown.requested() => true,
        () = tokio::time::sleep(wait) => false,
    }
}

impl Follower {
    /// Follows for as long as this server holds the lease.
    async fn lead(&self, fence: Fence, shutdown: &mut ShutdownToken) -> Result<(), WorkerError> {
        tracing::info!(token = fence.token, "this server follows the network");
        self.read_drifts().await;
        let mut beside = JoinSet::new();
        let leadership = self.leadership.clone();
        beside.spawn(async move { leadership.keep(fence).await });
        let lost = beside.join_next();
        let mut reading_gaps = JoinSet::new();
        reading_gaps.spawn(self.clone().read_gaps(fence, shutdown.clone()));
        let mut lost = std::pin::pin!(lost);
        let prefetch = Prefetch::new(Arc::clone(&self.sources));
        let mut position = Position { cursor: None, prefetch, entries: PendingEntries::default() };
        while !shutdown.is_requested() {
            let step = tokio::select! {
                biased;
                _ = &mut lost => break,
                step = self.step(fence, &mut position, shutdown) => step,
            };
            self.status.sources(self.sources.status(), self.sources.latest());
            let until = match step {
                Ok(Next::Now) => continue,
                Ok(Next::At(until)) => until,
                Err(error) if error.is_lost_lease() => break,
                Err(FollowError::Batch(faults)) => return Err(FollowError::Batch(faults).into()),
                Err(error) => {
                    position.cursor = None;
                    let now = self.sources.now();
                    now.checked_add(self.failed(&error)).unwrap_or(now)
                }
            };
            tokio::select! {
                _ = &mut lost => break,
                _ = wait_until(&self.sources, until, shutdown) => {}
            }
        }
        Ok(())
    }
}

impl Worker for Follower {
    fn name(&self) -> &'static str {
        "follower"
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        while !shutdown.is_requested() {
            match self.leadership.acquire().await {
                Ok(Some(fence)) => self.lead(fence, &mut shutdown).await?,
                Ok(None) => {
                    self.status.phase(FollowerPhase::Standby);
                    self.read_drifts().await;
                    Leadership::wait(&mut shutdown).await;
                }
                Err(error) => {
                    self.failed(&error.into());
                    Leadership::wait(&mut shutdown).await;
                }
            }
        }
        self.leadership.release().await;
        Ok(())
    }
}
