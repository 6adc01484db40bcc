use std::time::Duration;

/// How the writer queues and commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many units one commit takes at most. 1 commits each unit alone.
    pub batch: usize,
    /// How many units may wait; one more is refused with [`StoreError::Overloaded`](fluxora_store::StoreError::Overloaded).
    pub queue: usize,
    /// How long a commit waits for a lock that another process holds on the database, before all that wait for it are
    /// answered [`StoreError::Unavailable`](fluxora_store::StoreError::Unavailable).
    pub lock_wait: Duration,
}

impl Default for Options {
    /// Commits up to 256 units at once, lets 1,024 wait, waits 2 seconds for a lock.
    fn default() -> Self {
        Self { batch: 256, queue: 1_024, lock_wait: Duration::from_secs(2) }
    }
}
