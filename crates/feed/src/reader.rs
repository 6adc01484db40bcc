use std::sync::Arc;
use std::time::Duration;

use fluxora_store::{EventFilter, StoreError};
use fluxora_stream::{LoggedEvent, Sequence};
use fluxora_supervise::{ShutdownToken, Worker, WorkerError};

use crate::event::FeedEvent;
use crate::feed::Feed;
use crate::parties::PartyCache;

const PAGE: u32 = 500;
/// The shortest time between two looks at the end of the log: commits in between share a wake-up of all subscribers.
const COALESCE: Duration = Duration::from_millis(10);

/// The worker that reads the event log for all subscribers of a process. It reads nothing while there are none.
#[derive(Clone, Debug)]
pub struct Reader(pub(crate) Arc<Feed>);

impl Worker for Reader {
    fn name(&self) -> &'static str {
        "feed"
    }

    async fn run(self, mut shutdown: ShutdownToken) -> Result<(), WorkerError> {
        loop {
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                followed = self.follow() => followed?,
            }
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                () = self.0.wanted() => {}
            }
        }
    }
}

impl Reader {
    /// Follows the log from its end for as long as there are subscribers. Those who are before that end read the store up to it.
    async fn follow(&self) -> Result<(), StoreError> {
        let feed = &self.0;
        let (mut cursor, mut parties, mut is_out) = (None, PartyCache::default(), false);
        while !feed.is_deserted() {
            match self.step(&mut cursor, &mut parties).await {
                Ok(is_at_end) => {
                    is_out = false;
                    if is_at_end {
                        tokio::time::sleep(COALESCE).await;
                        self.wait().await;
                    }
                }
                Err(error @ StoreError::Internal { .. }) => return Err(error),
                Err(error) => {
                    if !is_out {
                        let error = fluxora_store::error_chain(&error);
                        tracing::warn!(error, "the event log cannot be read: the feed waits");
                    }
                    is_out = true;
                    tokio::time::sleep(feed.options().poll_interval).await;
                }
            }
        }
        Ok(())
    }

    /// Reads one page after the cursor, or finds the end of the log to begin at. Returns whether the end is reached.
    async fn step(
        &self,
        cursor: &mut Option<Sequence>,
        parties: &mut PartyCache,
    ) -> Result<bool, StoreError> {
        let feed = &self.0;
        let Some(after) = *cursor else {
            let head = feed.store().head().await?;
            *cursor = Some(head);
            feed.restart(head);
            return Ok(false);
        };
        let page = feed.store().events_after(after, &EventFilter::default(), PAGE).await?;
        let events = self.prepared(&page.events, parties).await?;
        if page.next > after {
            feed.append(events, page.next);
        }
        *cursor = Some(page.next);
        Ok(page.next >= page.head)
    }

    async fn prepared(
        &self,
        logged: &[LoggedEvent],
        cache: &mut PartyCache,
    ) -> Result<Vec<Arc<FeedEvent>>, StoreError> {
        let needs_parties = self.0.needs_parties();
        if !needs_parties && !logged.is_empty() {
            cache.clear();
        }
        let mut events = Vec::with_capacity(logged.len());
        for logged in logged {
            let parties = if needs_parties { cache.after(self.0.store(), logged).await? } else { None };
            events.push(Arc::new(FeedEvent::of(logged, parties)?));
        }
        Ok(events)
    }

    async fn wait(&self) {
        tokio::select! {
            () = self.0.store().appended() => {}
            () = tokio::time::sleep(self.0.options().poll_interval) => {}
        }
    }
}
