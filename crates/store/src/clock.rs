use std::sync::Arc;

use jiff::Timestamp;

/// The source of time for a decision that is made after a wait for a lock or in a queue: it must not be dated before the wait.
pub trait Clock: Send + Sync {
    /// The present instant, in whole milliseconds.
    fn now(&self) -> Timestamp;
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
