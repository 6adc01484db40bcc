use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use fluxora_store::{EventFilter, Store};
use fluxora_stream::Sequence;
use thiserror::Error;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};

use crate::event::FeedEvent;
use crate::subscription::Subscription;
use crate::tail::Tail;
use crate::{Form, Options, Reader, Subscriber};

/// How many events one delivery of a stream holds at most.
const BATCH: u32 = 128;
/// How many subscribers read the store at the same time.
const CONCURRENT_READS: usize = 4;

/// The event log as one process shows it to its subscribers.
pub struct Feed {
    store: Arc<dyn Store>,
    options: Options,
    tail: RwLock<Tail>,
    signal: watch::Sender<Signal>,
    subscribers: Mutex<Subscribers>,
    /// Holds a permit when a subscriber has come since the reader last looked.
    wanted: Notify,
    reads: Semaphore,
}

/// What subscribers wait for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Signal {
    /// Grows whenever the tail changes.
    version: u64,
    pub(crate) is_stopping: bool,
}

#[derive(Debug, Default)]
struct Subscribers {
    all: usize,
    /// Those whose filter names an address.
    of_parties: usize,
}

/// A subscriber was refused: there are as many as [`Options::max_subscribers`] allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0} subscribers follow the feed already")]
pub struct TooManySubscribers(pub usize);

impl Feed {
    /// A feed of this store's event log. Events flow once its [`reader`](Self::reader) runs.
    pub fn new(store: Arc<dyn Store>, options: Options) -> Arc<Self> {
        Arc::new(Self {
            store,
            options,
            tail: RwLock::default(),
            signal: watch::Sender::default(),
            subscribers: Mutex::default(),
            wanted: Notify::new(),
            reads: Semaphore::new(CONCURRENT_READS),
        })
    }

    /// The worker that reads the log for all subscribers.
    pub fn reader(self: &Arc<Self>) -> Reader {
        Reader(Arc::clone(self))
    }

    /// Subscribes to what comes after a position and matches a filter.
    ///
    /// # Errors
    /// There are too many subscribers.
    pub fn subscribe(
        self: &Arc<Self>,
        after: Sequence,
        filter: EventFilter,
        form: Form,
    ) -> Result<Subscriber, TooManySubscribers> {
        {
            let mut subscribers = self.subscribers();
            if subscribers.all >= self.options.max_subscribers {
                return Err(TooManySubscribers(subscribers.all));
            }
            subscribers.all = subscribers.all.saturating_add(1);
            subscribers.of_parties = subscribers.of_parties.saturating_add(names_a_party(&filter));
        }
        let (limit, heartbeat, ends_at) = match form {
            Form::Stream => (BATCH, self.options.heartbeat, self.options.drawn_lifetime()),
            Form::Poll { wait, limit } => (limit, Duration::MAX, wait),
        };
        let subscription = Subscription::new(after, filter, limit, heartbeat, ends_at);
        let subscriber = Subscriber::new(Arc::clone(self), subscription, self.signal.subscribe());
        self.wanted.notify_one();
        Ok(subscriber)
    }

    /// How many follow the feed: streams and waiting long polls.
    pub fn subscriber_count(&self) -> usize {
        self.subscribers().all
    }

    /// How many may follow it at once.
    pub const fn max_subscribers(&self) -> usize {
        self.options.max_subscribers
    }

    /// Ends all subscriptions, also those that begin later.
    pub fn stop(&self) {
        self.signal.send_modify(|signal| signal.is_stopping = true);
    }

    pub(crate) const fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.store.as_ref()
    }

    pub(crate) fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.tail.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until few enough others read the store.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.reads.acquire().await.ok()
    }

    pub(crate) fn left(&self, filter: &EventFilter) {
        let mut subscribers = self.subscribers();
        subscribers.all = subscribers.all.saturating_sub(1);
        subscribers.of_parties = subscribers.of_parties.saturating_sub(names_a_party(filter));
    }

    /// Waits for a subscriber.
    pub(crate) async fn wanted(&self) {
        self.wanted.notified().await;
    }

    /// Whether a subscriber's filter names an address.
    pub(crate) fn needs_parties(&self) -> bool {
        self.subscribers().of_parties > 0
    }

    /// Forgets the events in memory if nobody follows them; whether that is so.
    pub(crate) fn is_deserted(&self) -> bool {
        // Held until the tail is empty: a subscriber that comes meanwhile leaves its permit after that.
        let subscribers = self.subscribers();
        let deserted = subscribers.all == 0;
        if deserted {
            self.tail.write().unwrap_or_else(PoisonError::into_inner).clear();
        }
        deserted
    }

    /// Begins to keep what comes after a position.
    pub(crate) fn restart(&self, head: Sequence) {
        self.change(|tail| tail.restart(head));
    }

    /// Adds what has been read.
    pub(crate) fn append(&self, events: Vec<Arc<FeedEvent>>, next: Sequence) {
        self.change(|tail| tail.append(events, next));
    }

    fn change(&self, change: impl FnOnce(&mut Tail)) {
        change(&mut self.tail.write().unwrap_or_else(PoisonError::into_inner));
        self.signal.send_modify(|signal| signal.version = signal.version.wrapping_add(1));
    }

    fn subscribers(&self) -> MutexGuard<'_, Subscribers> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 1 for a filter that names an address.
fn names_a_party(filter: &EventFilter) -> usize {
    usize::from(filter.sender.is_some() || filter.recipient.is_some())
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("options", &self.options).finish_non_exhaustive()
    }
}
