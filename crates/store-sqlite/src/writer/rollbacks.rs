use std::time::{Duration, Instant};

/// The shortest time between two lines on batches that were rolled back.
const INTERVAL: Duration = Duration::from_secs(10);

/// Counts batches that were rolled back, so that an outage is logged when it begins, then at most once in each [`INTERVAL`],
/// and when it has ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rollbacks {
    count: u64,
    logged: u64,
    last_logged: Option<Instant>,
}

impl Rollbacks {
    /// Counts a batch. If a line is due, returns how many batches it stands for.
    pub(super) fn count(&mut self, now: Instant) -> Option<u64> {
        self.count = self.count.saturating_add(1);
        if self.last_logged.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            return None;
        }
        self.last_logged = Some(now);
        let unlogged = self.count.saturating_sub(self.logged);
        self.logged = self.count;
        Some(unlogged)
    }

    /// Ends an outage. If there was one, returns how many batches it has rolled back.
    pub(super) fn end(&mut self) -> Option<u64> {
        let count = std::mem::take(self).count;
        (count > 0).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_a_line_at_its_begin_one_in_each_interval_and_one_at_its_end() {
        let (begin, mut rollbacks) = (crate::writer::commit::now(), Rollbacks::default());
        let mut at = |seconds| rollbacks.count(begin + Duration::from_secs(seconds));
        assert_eq!([0, 1, 9, 10, 11, 30].map(&mut at), [Some(1), None, None, Some(3), None, Some(2)]);
        assert_eq!(rollbacks.end(), Some(6));
        assert_eq!(rollbacks.end(), None);
        assert_eq!(rollbacks.count(begin), Some(1), "the next outage has its line");
    }
}
