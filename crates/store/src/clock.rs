use std::sync::Arc;

use jiff::Timestamp;

/// Where the time comes from, for a decision that is made only when its turn has come: a wait for a lock or a place in a queue
/// must not date it back.
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

/// A clock that stands still.
pub fn still(now: Timestamp) -> Arc<dyn Clock> {
    Arc::new(Still(now))
}
