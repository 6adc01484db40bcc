use std::collections::VecDeque;
use std::time::Duration;

/// A source of random numbers, each as likely as any other.
pub type Jitter = fn() -> u32;

/// When a failed worker is restarted, and when it is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartPolicy {
    /// The wait after the first failure within the window. Each further failure doubles it.
    pub first_wait: Duration,
    /// The upper limit of a wait.
    pub longest_wait: Duration,
    /// How long a failure counts.
    pub window: Duration,
    /// Restarts allowed within the window.
    pub max_restarts: u32,
}

/// The upper limit for `max_restarts`. This many restarts, with the longest waits, and the failure after the last of
/// them fit into the window of [`RestartPolicy::with_restarts`]: a worker that only fails is always given up.
pub const MAX_RESTARTS: u32 = 20;

impl RestartPolicy {
    /// Waits from 0.5 to 30 seconds, within a window of ten minutes.
    pub const fn with_restarts(max_restarts: u32) -> Self {
        Self {
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
            window: Duration::from_mins(10),
            max_restarts,
        }
    }

    /// Decides about a worker that has failed `failures` times within the window, the last failure included. Half of
    /// the wait is fixed; `jitter` chooses the share of the other half, so that workers that failed together do not
    /// restart together.
    pub(crate) fn judge(&self, failures: u32, jitter: u32) -> Verdict {
        if failures > self.max_restarts {
            return Verdict::GiveUp;
        }
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let half = self.first_wait.saturating_mul(doubled).min(self.longest_wait) / 2;
        Verdict::RestartAfter(half.saturating_add(half.saturating_mul(jitter) / u32::MAX))
    }
}

/// What happens to a failed worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    RestartAfter(Duration),
    GiveUp,
}

/// The failures of a worker within the window, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Failures(VecDeque<Duration>);

impl Failures {
    /// Adds a failure at an instant since a fixed origin, and returns the count within the window.
    pub(crate) fn add(&mut self, at: Duration, window: Duration) -> u32 {
        self.0.push_back(at);
        while self.0.front().is_some_and(|first| at.saturating_sub(*first) >= window) {
            self.0.pop_front();
        }
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A worker that runs for each of these times and then fails: its restarts, and when it was given up.
    fn live(
        policy: &RestartPolicy,
        lives: impl IntoIterator<Item = (Duration, u32)>,
    ) -> (u32, Option<Duration>) {
        let (mut now, mut restarts, mut failures) = (Duration::ZERO, 0, Failures::default());
        for (worked, jitter) in lives {
            now += worked;
            match policy.judge(failures.add(now, policy.window), jitter) {
                Verdict::RestartAfter(wait) => now += wait,
                Verdict::GiveUp => return (restarts, Some(now)),
            }
            restarts += 1;
        }
        (restarts, None)
    }

    #[test]
    fn waits_double_up_to_the_limit() {
        let policy = RestartPolicy::with_restarts(8);
        for (failures, at_least, at_most) in
            [(1, 250, 500), (2, 500, 1_000), (3, 1_000, 2_000), (6, 8_000, 16_000), (7, 15_000, 30_000)]
        {
            for (jitter, wait) in [(0, at_least), (u32::MAX, at_most)] {
                let wait = Verdict::RestartAfter(Duration::from_millis(wait));
                assert_eq!(policy.judge(failures, jitter), wait, "{failures}");
            }
        }
        assert_eq!(policy.judge(9, 0), Verdict::GiveUp);
        assert_eq!(RestartPolicy::with_restarts(0).judge(1, 0), Verdict::GiveUp);
    }

    proptest! {
        #[test]
        fn a_wait_is_between_half_of_its_limit_and_its_limit(
            first in 0_u64..=u64::MAX, longest in 0_u64..=u64::MAX, failures in 0_u32.., jitter: u32,
        ) {
            let first_wait = Duration::from_nanos(first);
            let longest_wait = Duration::from_nanos(longest);
            let policy = RestartPolicy { first_wait, longest_wait, max_restarts: u32::MAX, ..RestartPolicy::with_restarts(0) };
            let Verdict::RestartAfter(wait) = policy.judge(failures, jitter) else { panic!("given up") };
            prop_assert!(wait <= longest_wait);
            let Verdict::RestartAfter(shortest) = policy.judge(failures, 0) else { panic!("given up") };
            prop_assert!(shortest <= wait && wait <= shortest * 2 + Duration::from_nanos(1));
            let next = policy.judge(failures.saturating_add(1), 0);
            prop_assert!(matches!(next, Verdict::RestartAfter(next) if next >= shortest), "waits grow");
        }

        #[test]
        fn a_worker_that_only_fails_is_given_up_after_exactly_max_restarts_within_the_window(
            max_restarts in 0..=MAX_RESTARTS, jitter in proptest::collection::vec(0_u32.., 100),
        ) {
            let policy = RestartPolicy::with_restarts(max_restarts);
            let (restarts, given_up) = live(&policy, jitter.into_iter().map(|jitter| (Duration::ZERO, jitter)));
            prop_assert_eq!(restarts, max_restarts);
            prop_assert!(given_up.is_some_and(|after| after < policy.window));
        }

        #[test]
        fn a_worker_whose_failures_are_far_apart_is_never_given_up(
            max_restarts in 1..=MAX_RESTARTS, jitter in proptest::collection::vec(0_u32.., 100),
        ) {
            let policy = RestartPolicy::with_restarts(max_restarts);
            let worked = policy.window / max_restarts;
            prop_assert_eq!(live(&policy, jitter.into_iter().map(|jitter| (worked, jitter))), (100, None));
        }

        #[test]
        fn only_failures_within_the_window_count(
            window in 1_u64..50, steps in proptest::collection::vec(0_u64..20, 1..100),
        ) {
            let (mut at, mut all, mut failures) = (0, Vec::new(), Failures::default());
            for step in steps {
                at += step;
                all.push(at);
                let expect = all.iter().filter(|&&earlier| at - earlier < window).count();
                let counted = failures.add(Duration::from_secs(at), Duration::from_secs(window));
                prop_assert_eq!(usize::try_from(counted).unwrap(), expect);
            }
        }
    }
}
