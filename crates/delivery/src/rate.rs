use std::num::NonZeroU32;

use jiff::{SignedDuration, Timestamp};

use crate::retry::after;

/// Attempts per second at most. A second's worth may be made at once after a pause (GCRA).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit(pub NonZeroU32);

/// How far ahead of its rate an endpoint is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateState {
    /// The instant, in microseconds since 1970, at which the rate has caught up with the attempts that were made.
    pub caught_up_us: i64,
}

const SECOND_US: i64 = 1_000_000;

impl RateLimit {
    /// Microseconds between two attempts at the full rate; at least 1.
    fn interval(self) -> i64 {
        (SECOND_US / i64::from(self.0.get())).max(1)
    }

    /// How many of `wanted` attempts may begin at `now`. They are counted as begun.
    pub fn take(self, state: &mut RateState, wanted: u32, now: Timestamp) -> u32 {
        let (now, interval) = (now.as_microsecond(), self.interval());
        let from = state.caught_up_us.max(now);
        let free = SECOND_US.saturating_sub(from.saturating_sub(now)) / interval;
        let granted = u32::try_from(free.max(0)).unwrap_or(u32::MAX).min(wanted);
        if granted > 0 {
            state.caught_up_us = from.saturating_add(interval.saturating_mul(granted.into()));
        }
        granted
    }

    /// The earliest instant, in whole milliseconds, at which an attempt may begin.
    pub fn next_at(self, state: RateState) -> Timestamp {
        let at = state.caught_up_us.saturating_add(self.interval()).saturating_sub(SECOND_US);
        let rounded = at.div_euclid(1_000).saturating_add(i64::from(at.rem_euclid(1_000) > 0));
        let epoch = Timestamp::UNIX_EPOCH;
        if rounded <= 0 { epoch } else { after(epoch, SignedDuration::from_millis(rounded)) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).unwrap()
    }

    fn limit(rate: u32) -> RateLimit {
        RateLimit(NonZeroU32::new(rate).unwrap())
    }

    #[test]
    fn a_second_s_worth_is_free_at_first_and_then_one_each_interval() {
        let mut state = RateState::default();
        assert_eq!(limit(10).take(&mut state, 99, at(0)), 10);
        assert_eq!(limit(10).take(&mut state, 99, at(0)), 0);
        assert_eq!(limit(10).next_at(state), at(100));
        assert_eq!(limit(10).take(&mut state, 99, at(99)), 0);
        assert_eq!(limit(10).take(&mut state, 99, at(100)), 1);
        assert_eq!(limit(10).take(&mut state, 99, at(350)), 2);
    }

    proptest! {
        #[test]
        fn no_time_has_more_than_its_rate_and_one_second_s_worth(
            rate in 1_u32..2_000,
            steps in prop::collection::vec((0_i64..500, 0_u32..500), 1..60),
        ) {
            let (mut state, mut now, mut taken) = (RateState::default(), 0, 0_i64);
            for (pause, wanted) in steps {
                now += pause;
                let granted = limit(rate).take(&mut state, wanted, at(now));
                prop_assert!(granted <= wanted);
                taken += i64::from(granted);
                let interval = limit(rate).interval();
                prop_assert!(taken <= (now * 1_000 + SECOND_US) / interval);
            }
        }

        #[test]
        fn an_attempt_may_begin_at_the_next_instant_and_not_a_millisecond_before(
            rate in 1_u32..=1_000,
            wanted in 1_u32..5_000,
        ) {
            let mut state = RateState::default();
            limit(rate).take(&mut state, wanted, at(0));
            let next = limit(rate).next_at(state);
            if next > at(0) {
                let before = next - SignedDuration::from_millis(1);
                prop_assert_eq!(limit(rate).take(&mut state.clone(), 1, before), 0);
            }
            prop_assert!(limit(rate).take(&mut state, 1, next.max(at(0))) == 1);
        }
    }
}
