//! What a subscriber gets next: a state machine without I/O. Times are counted from the begin of the subscription.

use std::sync::Arc;
use std::time::Duration;

use fluxora_store::EventFilter;
use fluxora_stream::Sequence;

use crate::event::FeedEvent;
use crate::tail::Tail;

/// How much one delivery holds at most, unless a single event is larger.
const MAX_BYTES: usize = 64 << 10;
/// How long a subscriber that was live may stay behind the events in memory before it is cut.
const GRACE: Duration = Duration::from_secs(30);

/// A reader of the log with a filter, at a position.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) filter: EventFilter,
    /// Everything up to here has been delivered or left out.
    pub(crate) cursor: Sequence,
    /// How many events one delivery holds at most.
    pub(crate) limit: u32,
    /// The newest position that the subscriber was sent.
    sent: Sequence,
    heartbeat: Duration,
    next_heartbeat: Duration,
    ends_at: Duration,
    /// Whether it has read from the tail.
    is_live: bool,
    behind_since: Option<Duration>,
    /// Whether it has read the store to its end since it was last woken.
    is_at_end: bool,
}

/// What to do for a subscriber.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send these events.
    Events(Vec<Arc<FeedEvent>>),
    /// Say how far the subscriber is: nothing matched for a while.
    Progress(Sequence),
    /// Say that the connection is alive.
    Heartbeat(Sequence),
    /// Read the store after the cursor.
    Read,
    /// Wait for the tail to change, but no longer than this.
    Wait { until: Duration },
    /// Send the reason and end.
    End(ByeReason),
}

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByeReason {
    /// The server shuts down.
    Restart,
    /// The stream has reached its lifetime.
    Lifetime,
    /// The subscriber takes events more slowly than they come.
    Slow,
    /// The log cannot be read.
    Error,
}

impl ByeReason {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Lifetime => "lifetime",
            Self::Slow => "slow",
            Self::Error => "error",
        }
    }
}

impl Subscription {
    pub(crate) const fn new(
        start: Sequence,
        filter: EventFilter,
        limit: u32,
        heartbeat: Duration,
        ends_at: Duration,
    ) -> Self {
        Self {
            filter,
            cursor: start,
            limit,
            sent: start,
            heartbeat,
            next_heartbeat: heartbeat,
            ends_at,
            is_live: false,
            behind_since: None,
            is_at_end: false,
        }
    }

    /// The next step at a time, given the events in memory.
    pub(crate) fn next(&mut self, now: Duration, tail: &Tail, is_stopping: bool) -> Step {
        if is_stopping {
            return Step::End(ByeReason::Restart);
        }
        if now >= self.ends_at {
            return Step::End(ByeReason::Lifetime);
        }
        if now >= self.next_heartbeat {
            self.next_heartbeat = now.saturating_add(self.heartbeat);
            let advanced = self.cursor > self.sent;
            self.sent = self.cursor;
            return if advanced { Step::Progress(self.cursor) } else { Step::Heartbeat(self.cursor) };
        }
        match self.take(tail) {
            Some(events) if events.is_empty() => self.wait(),
            Some(events) => Step::Events(events),
            None if self.is_slow(now, tail) => Step::End(ByeReason::Slow),
            None if self.is_at_end => self.wait(),
            None => Step::Read,
        }
    }

    /// Takes a page of the store: the events that match between the cursor and `next`, in a log that ends at `head`.
    pub(crate) fn replayed(&mut self, events: &[Arc<FeedEvent>], next: Sequence, head: Sequence) {
        self.cursor = self.cursor.max(next);
        self.is_at_end = next >= head;
        if let Some(last) = events.last() {
            self.sent = last.sequence;
        }
    }

    /// Notes that the store could not be read: it is read again after the next wake-up.
    pub(crate) const fn postponed(&mut self) {
        self.is_at_end = true;
    }

    /// Notes that a wait has ended.
    pub(crate) const fn woken(&mut self) {
        self.is_at_end = false;
    }

    /// The matching events in memory after the cursor, and moves the cursor past them. `None` if the store has to be read.
    fn take(&mut self, tail: &Tail) -> Option<Vec<Arc<FeedEvent>>> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (events, head) = tail.after(self.cursor)?;
        self.is_live = true;
        self.behind_since = None;
        let (mut taken, mut bytes) = (Vec::new(), 0_usize);
        for event in events {
            match event.matches(&self.filter) {
                // The parties of the stream are not known here; the store knows them.
                None if taken.is_empty() => return None,
                None => return Some(taken),
                Some(false) => self.cursor = event.sequence,
                Some(true) => {
                    bytes = bytes.saturating_add(event.size());
                    if !taken.is_empty() && (taken.len() >= limit || bytes > MAX_BYTES) {
                        return Some(taken);
                    }
                    self.cursor = event.sequence;
                    self.sent = event.sequence;
                    taken.push(Arc::clone(event));
                }
            }
        }
        self.cursor = head;
        Some(taken)
    }

    /// Whether a subscriber that was live has been behind the events in memory for too long.
    fn is_slow(&mut self, now: Duration, tail: &Tail) -> bool {
        if !self.is_live || tail.after(self.cursor).is_some() {
            return false;
        }
        let since = *self.behind_since.get_or_insert(now);
        now.saturating_sub(since) > GRACE
    }

    fn wait(&self) -> Step {
        Step::Wait { until: self.next_heartbeat.min(self.ends_at) }
    }
}
