use std::num::NonZeroU32;
use std::time::Duration;

/// How many requests a client may make in a minute. A client that was quiet for a minute may make them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    requests: NonZeroU32,
}

/// What a limiter decided about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Requests that the client may still make at once. 0 for a refused request.
    pub remaining: u32,
    /// Time until the whole quota is available again, if no further request is made.
    pub reset_after: Duration,
    /// For a refused request, the time until one request is allowed.
    pub retry_after: Option<Duration>,
}

impl Verdict {
    /// Whether the request is allowed.
    pub const fn is_allowed(&self) -> bool {
        self.retry_after.is_none()
    }
}

impl Quota {
    /// The time in which the quota renews.
    pub const PERIOD: Duration = Duration::from_secs(60);
    const PERIOD_NANOS: u64 = 60_000_000_000;

    /// A quota of this many requests a minute; `None` for 0.
    pub fn per_minute(requests: u32) -> Option<Self> {
        Some(Self { requests: NonZeroU32::new(requests)? })
    }

    /// Requests a minute.
    pub const fn requests(self) -> u32 {
        self.requests.get()
    }

    /// The time that one request takes from the quota, in nanoseconds. At least 13: a `u32` divides a minute.
    fn interval(self) -> u64 {
        Self::PERIOD_NANOS / u64::from(self.requests.get())
    }

    /// Decides about a request at `now`, in nanoseconds, of a client whose theoretical arrival time is `arrival`. Returns the
    /// arrival time after it, which a refused request leaves unchanged.
    ///
    /// A clock that steps back by more than the quota's period does not lock a client out: the arrival time is at most one
    /// period ahead.
    pub(crate) fn decide(self, arrival: u64, now: u64) -> (u64, Verdict) {
        let interval = self.interval();
        let whole = interval.saturating_mul(u64::from(self.requests.get()));
        let arrival = arrival.clamp(now, now.saturating_add(whole));
        let after = arrival.saturating_add(interval);
        let used = after.saturating_sub(now);
        match used.checked_sub(whole) {
            None | Some(0) => {
                let remaining = u32::try_from((whole - used) / interval).unwrap_or(u32::MAX);
                let reset_after = Duration::from_nanos(used);
                (after, Verdict { remaining, reset_after, retry_after: None })
            }
            Some(excess) => {
                let reset_after = Duration::from_nanos(arrival - now);
                let retry_after = Some(Duration::from_nanos(excess));
                (arrival, Verdict { remaining: 0, reset_after, retry_after })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_quiet_client_has_the_whole_quota_and_gets_it_back_request_by_request() {
        let quota = Quota::per_minute(60).unwrap();
        let second = 1_000_000_000;
        let mut arrival = 0;
        for left in (0..60).rev() {
            let (next, verdict) = quota.decide(arrival, 1_000 * second);
            assert_eq!((verdict.remaining, verdict.retry_after), (left, None));
            arrival = next;
        }
        let (unchanged, refused) = quota.decide(arrival, 1_000 * second);
        assert_eq!(unchanged, arrival);
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
        assert_eq!(refused.reset_after, Duration::from_secs(60));
        assert!(quota.decide(arrival, 1_001 * second).1.is_allowed());
    }

    #[test]
    fn a_clock_that_steps_back_locks_nobody_out_for_longer_than_a_period() {
        let quota = Quota::per_minute(5).unwrap();
        let (_, verdict) = quota.decide(u64::MAX, 7);
        assert_eq!(verdict.reset_after, Duration::from_secs(60));
        assert_eq!(verdict.retry_after, Some(Duration::from_secs(12)));
    }

    proptest! {
        /// In any window of a period, at most twice the quota is allowed; in a window that follows `retry_after`, one is.
        #[test]
        fn at_most_the_quota_and_what_renews_in_it_is_allowed(
            requests in 1_u32..500,
            gaps in prop::collection::vec(0_u64..400_000_000, 1..600),
        ) {
            let quota = Quota::per_minute(requests).unwrap();
            let (mut now, mut arrival, mut allowed) = (Quota::PERIOD_NANOS, 0, 0_u64);
            let start = now;
            for gap in gaps {
                now += gap;
                let (next, verdict) = quota.decide(arrival, now);
                if let Some(wait) = verdict.retry_after {
                    prop_assert_eq!(next, arrival.max(now));
                    let then = now + u64::try_from(wait.as_nanos()).unwrap();
                    prop_assert!(quota.decide(next, then).1.is_allowed());
                    prop_assert!(!quota.decide(next, then - 1).1.is_allowed());
                } else {
                    allowed += 1;
                }
                arrival = next;
                let renewed = (now - start) / quota.interval();
                prop_assert!(allowed <= u64::from(requests) + renewed);
            }
        }
    }
}
