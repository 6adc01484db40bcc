use std::sync::Arc;
use std::time::Duration;

use fluxora_store::StoreError;
use fluxora_stream::Sequence;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::event::FeedEvent;
use crate::feed::{Feed, Signal};
use crate::subscription::{ByeReason, Step, Subscription};

/// One client of a feed. Dropped, it makes room for another.
#[derive(Debug)]
pub struct Subscriber {
    feed: Arc<Feed>,
    subscription: Subscription,
    signal: watch::Receiver<Signal>,
    began: Instant,
    has_ended: bool,
}

/// What a subscriber gets.
#[derive(Debug)]
pub enum Delivery {
    /// Events in the order of the log, at least one.
    Events(Vec<Arc<FeedEvent>>),
    /// Everything up to this position has been delivered or does not match the filter.
    Progress(Sequence),
    /// Nothing happened; the position is as before.
    Heartbeat(Sequence),
    /// The last delivery.
    Bye(Bye),
}

/// The end of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bye {
    /// Why it ends.
    pub reason: ByeReason,
    /// Where to go on.
    pub cursor: Sequence,
    /// After how long the client should come back.
    pub retry: Duration,
}

impl Subscriber {
    pub(crate) fn new(feed: Arc<Feed>, subscription: Subscription, signal: watch::Receiver<Signal>) -> Self {
        Self { feed, subscription, signal, began: Instant::now(), has_ended: false }
    }

    /// The position up to which everything has been delivered or left out.
    pub const fn cursor(&self) -> Sequence {
        self.subscription.cursor
    }

    /// Waits for the next delivery. `None` after [`Delivery::Bye`].
    pub async fn next(&mut self) -> Option<Delivery> {
        while !self.has_ended {
            let is_stopping = self.signal.borrow_and_update().is_stopping;
            let step = {
                let tail = self.feed.tail();
                self.subscription.next(self.began.elapsed(), &tail, is_stopping)
            };
            match step {
                Step::Events(events) => return Some(Delivery::Events(events)),
                Step::Progress(cursor) => return Some(Delivery::Progress(cursor)),
                Step::Heartbeat(cursor) => return Some(Delivery::Heartbeat(cursor)),
                Step::End(reason) => return Some(self.end(reason)),
                Step::Wait { until } => self.wait(until).await,
                Step::Read => match self.read().await {
                    Ok(events) if events.is_empty() => {}
                    Ok(events) => return Some(Delivery::Events(events)),
                    // The stream stays open through an outage: its heartbeats go on.
                    Err(StoreError::Unavailable { .. } | StoreError::Overloaded) => {
                        self.subscription.postponed();
                    }
                    Err(error) => {
                        let error = fluxora_store::error_chain(&error);
                        tracing::error!(error, "a feed cannot read the event log and is ended");
                        return Some(self.end(ByeReason::Error));
                    }
                },
            }
        }
        None
    }

    fn end(&mut self, reason: ByeReason) -> Delivery {
        self.has_ended = true;
        let retry = self.feed.options().drawn_retry();
        Delivery::Bye(Bye { reason, cursor: self.subscription.cursor, retry })
    }

    async fn wait(&mut self, until: Duration) {
        // A subscription that lasts longer than the clock can count has no deadline.
        let deadline = self.began.checked_add(until);
        tokio::select! {
            _ = self.signal.changed() => {}
            () = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            } => {}
        }
        self.subscription.woken();
    }

    /// Reads one page of the store. Only few subscribers do so at a time.
    async fn read(&mut self) -> Result<Vec<Arc<FeedEvent>>, StoreError> {
        let Subscription { cursor, limit, .. } = self.subscription;
        let _turn = self.feed.turn().await;
        let page = self.feed.store().events_after(cursor, &self.subscription.filter, limit).await?;
        let event = |logged| FeedEvent::of(logged, None).map(Arc::new);
        let events: Vec<_> = page.events.iter().map(event).collect::<Result<_, _>>()?;
        self.subscription.replayed(&events, page.next, page.head);
        Ok(events)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.feed.left(&self.subscription.filter);
    }
}
