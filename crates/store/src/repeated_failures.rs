use std::time::{Duration, Instant};

/// The shortest time between two log lines on failures.
const INTERVAL: Duration = Duration::from_secs(60);

/// Counts failures that follow each other, so that the first is logged at once, then one line in each minute stands for the
/// others, and one line says that they have ended.
#[derive(Clone, Copy, Debug, Default)]
pub struct RepeatedFailures {
    /// Since the last line on their end.
    count: u64,
    /// Since the last line.
    unlogged: u64,
    /// Whether a line on failures has followed the last one on their end.
    is_reported: bool,
    last_line: Option<Instant>,
}

impl RepeatedFailures {
    /// Counts a failure. If a line is due, returns how many failures it stands for.
    pub fn fail(&mut self, now: Instant) -> Option<u64> {
        self.count = self.count.saturating_add(1);
        self.unlogged = self.unlogged.saturating_add(1);
        if self.last_line.is_some_and(|last| now.saturating_duration_since(last) < INTERVAL) {
            return None;
        }
        self.last_line = Some(now);
        self.is_reported = true;
        Some(std::mem::take(&mut self.unlogged))
    }

    /// Ends the failures. If a line on them was logged, returns how many there were.
    pub fn succeed(&mut self) -> Option<u64> {
        if !std::mem::take(&mut self.is_reported) {
            return None;
        }
        self.unlogged = 0;
        Some(std::mem::take(&mut self.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn begin() -> Instant {
        Instant::now()
    }

    #[test]
    fn failures_have_a_line_at_their_begin_one_a_minute_and_one_at_their_end() {
        let (begin, mut failures) = (begin(), RepeatedFailures::default());
        let mut at = |seconds| failures.fail(begin + Duration::from_secs(seconds));
        assert_eq!([0, 1, 59, 60, 61, 200].map(&mut at), [Some(1), None, None, Some(3), None, Some(2)]);
        assert_eq!(failures.succeed(), Some(6));
        assert_eq!(failures.succeed(), None);
    }

    #[test]
    fn failures_that_come_and_go_have_two_lines_a_minute_and_the_last_line_is_true() {
        let (begin, mut failures) = (begin(), RepeatedFailures::default());
        let (mut lines, mut is_down) = (Vec::new(), false);
        for second in 0..180 {
            let failed = failures.fail(begin + Duration::from_secs(second));
            let ended = failures.succeed();
            is_down = (is_down || failed.is_some()) && ended.is_none();
            lines.extend([failed, ended].into_iter().flatten());
        }
        assert_eq!(lines, [1, 1, 60, 60, 60, 60]);
        assert!(!is_down);
    }
}
