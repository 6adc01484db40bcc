use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::commit::now;

/// Whether the writing thread has the lock and commits a batch, and since when.
#[derive(Debug)]
pub(super) struct Activity {
    origin: Instant,
    /// Nanoseconds from `origin` to the begin of the batch, and one more; 0 while there is none.
    begun: AtomicU64,
}

impl Default for Activity {
    fn default() -> Self {
        Self { origin: now(), begun: AtomicU64::new(0) }
    }
}

impl Activity {
    /// A transaction was begun.
    pub(super) fn begin(&self) {
        self.begun.store(self.elapsed().saturating_add(1), Ordering::Relaxed);
    }

    /// It has ended.
    pub(super) fn end(&self) {
        self.begun.store(0, Ordering::Relaxed);
    }

    /// Whether a batch is being committed that began less than `limit` ago.
    pub(super) fn is_committing(&self, limit: Duration) -> bool {
        let begun = self.begun.load(Ordering::Relaxed);
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        begun != 0 && self.elapsed().saturating_sub(begun) < limit
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_being_committed_from_its_begin_to_its_end_and_for_no_longer_than_the_limit() {
        let (activity, long) = (Activity::default(), Duration::from_secs(3_600));
        assert!(!activity.is_committing(long));
        activity.begin();
        assert!(activity.is_committing(long));
        assert!(!activity.is_committing(Duration::ZERO));
        activity.end();
        assert!(!activity.is_committing(long));
    }
}
