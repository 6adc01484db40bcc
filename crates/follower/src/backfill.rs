use std::sync::Arc;
use std::time::Duration;

use fluxora_indexer::Fence;
use fluxora_ingest::Ingest;
use fluxora_store::chain::Drifts;
use fluxora_store::{ChainStore, StreamStore};
use fluxora_supervise::ShutdownToken;
use jiff::Timestamp;

use crate::batches::batches;
use crate::cursor::Cursor;
use crate::entries::PendingEntries;
use crate::follower::wait_until;
use crate::prefetch::Prefetch;
use crate::sources::Answer;
use crate::{FollowError, Sources};

/// Reads a range of ledgers once. What is stored already is compared, and never replaced.
pub struct Backfill {
    sources: Arc<Sources>,
    store: Arc<dyn ChainStore>,
    streams: Arc<dyn StreamStore>,
    ingest: Ingest,
    fence: Option<Fence>,
}

/// How far a backfill is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackfillProgress {
    /// The newest ledger that is stored.
    pub ledger: u32,
    /// The last ledger of the range.
    pub to: u32,
    /// Ledgers stored by this run.
    pub ledgers: u64,
    /// Events stored by this run that were not stored before.
    pub events: u64,
    /// When the run began.
    pub since: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// The streams that differ from their entries, once one was compared.
    pub drifts: Option<Drifts>,
}

/// How a backfill ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackfillReport {
    /// Every ledger of the range is stored.
    Complete(BackfillProgress),
    /// It was stopped. It continues with this ledger.
    Stopped {
        /// The next ledger.
        next: u32,
    },
}

impl BackfillProgress {
    /// Ledgers per second of this run.
    pub fn rate(&self) -> u64 {
        let milliseconds = u64::try_from(self.now.duration_since(self.since).as_millis()).unwrap_or(0);
        self.ledgers.saturating_mul(1000).checked_div(milliseconds.max(1)).unwrap_or(0)
    }

    /// The time that the rest takes at this rate.
    pub fn remaining(&self) -> Option<Duration> {
        let left = u64::from(self.to.saturating_sub(self.ledger));
        left.checked_div(self.rate()).map(Duration::from_secs)
    }
}

impl Backfill {
    /// A backfill that stores through `ingest` into `store`, whose streams are compared with the entries of the ledgers.
    pub const fn new(
        sources: Arc<Sources>,
        store: Arc<dyn ChainStore>,
        streams: Arc<dyn StreamStore>,
        ingest: Ingest,
    ) -> Self {
        Self { sources, store, streams, ingest, fence: None }
    }

    /// Writes under a lease.
    #[must_use]
    pub(crate) fn under(self, fence: Fence) -> Self {
        Self { fence: Some(fence), ..self }
    }

    /// Stores the ledgers `from` to `to`, in order. Sources that rest are waited for.
    ///
    /// # Errors
    /// [`FollowError`]. What was stored before it stays.
    pub async fn run(
        &self,
        from: u32,
        to: u32,
        shutdown: &mut ShutdownToken,
        mut progress: impl FnMut(BackfillProgress),
    ) -> Result<BackfillReport, FollowError> {
        let (since, contracts) = (self.sources.now(), self.sources.contracts()?);
        let mut at = BackfillProgress {
            ledger: from.saturating_sub(1),
            to,
            ledgers: 0,
            events: 0,
            since,
            now: since,
            drifts: None,
        };
        let mut entries = PendingEntries::default();
        let mut prefetch = Prefetch::new(Arc::clone(&self.sources));
        let mut cursor = Cursor::at(self.store.as_ref(), from).await?;
        while cursor.next <= to {
            let answer = tokio::select! {
                answer = prefetch.take(cursor.next, to) => answer,
                () = shutdown.requested() => return Ok(BackfillReport::Stopped { next: cursor.next }),
            };
            let until = match answer {
                Answer::Ledgers { mut ledgers, .. } => {
                    ledgers.retain(|verified| verified.ledger.sequence <= to);
                    self.compare(&cursor, &ledgers).await?;
                    let mut safe = None;
                    for batch in batches(&ledgers, &contracts, self.fence)? {
                        let ingested = self.ingest.push(&batch).await?;
                        let Some(last) = batch.ledgers().next_back() else { continue };
                        cursor = Cursor {
                            next: last.sequence.saturating_add(1),
                            previous: Some(last.hash.clone()),
                        };
                        at.ledger = last.sequence;
                        at.ledgers = at.ledgers.saturating_add(count(batch.ledgers().count()));
                        at.events = at.events.saturating_add(count(ingested.inserted.len()));
                        at.now = self.sources.now();
                        safe = ingested.state.frontier.last_safe;
                        progress(at.clone());
                    }
                    entries.take(&ledgers);
                    if let Some(drifts) =
                        entries.compare(self.streams.as_ref(), self.store.as_ref(), safe).await
                    {
                        at.drifts = Some(drifts);
                        progress(at.clone());
                    }
                    continue;
                }
                Answer::Halt(error) => return Err(FollowError::Source(error)),
                Answer::Resting(until) => until,
                Answer::NotYet => {
                    let now = self.sources.now();
                    now.checked_add(Duration::from_secs(1)).unwrap_or(now)
                }
            };
            if wait_until(&self.sources, until, shutdown).await {
                return Ok(BackfillReport::Stopped { next: cursor.next });
            }
        }
        Ok(BackfillReport::Complete(at))
    }

    async fn compare(
        &self,
        cursor: &Cursor,
        ledgers: &[fluxora_stellar::VerifiedLedger],
    ) -> Result<(), FollowError> {
        let (Some(first), Some(last)) = (ledgers.first(), ledgers.last()) else { return Ok(()) };
        let (first, last) = (&first.ledger, &last.ledger);
        if cursor.previous.as_ref().is_some_and(|known| known.as_str() != first.previous_hash.to_string()) {
            return Err(FollowError::OtherLedger { ledger: first.sequence.saturating_sub(1) });
        }
        // One more: it names the last one as its parent.
        let upto = last.sequence.saturating_add(1);
        for stored in self.store.ledgers(first.sequence..=upto).await? {
            let of = |sequence: u32| ledgers.iter().find(|verified| verified.ledger.sequence == sequence);
            let given = of(stored.sequence).map(|verified| verified.ledger.hash.to_string());
            let is_other = given.is_some_and(|given| given != stored.hash.as_str());
            let parent = stored.previous_hash.as_ref().filter(|_| stored.sequence == upto);
            let is_parent_other = parent.is_some_and(|parent| parent.as_str() != last.hash.to_string());
            if is_other || is_parent_other {
                return Err(FollowError::OtherLedger { ledger: stored.sequence.min(last.sequence) });
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Backfill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Backfill").field("sources", &self.sources).finish_non_exhaustive()
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
