use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// The source of time for a decision that is made after a wait for a lock or in a queue: it must not be dated before the wait.
pub trait Clock: Send + Sync {
    /// The present instant, in whole milliseconds.
    fn now(&self) -> Timestamp;

    /// The latest instant that is known to have passed, at most [`now`](Self::now). A step that cannot be undone, such as recording
    /// that a stream has ended or deleting a record, is taken by this time.
    fn confirmed_now(&self) -> Timestamp {
        self.now()
    }

    /// How far the system clock is from [`now`](Self::now), while it is not trusted.
    fn offset(&self) -> Option<SignedDuration> {
        None
    }
}

struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A clock that does not move.
pub fn still(now: Timestamp) -> Arc<dyn Clock> {
    Arc::new(Still(now))
}
