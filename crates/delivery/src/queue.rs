use jiff::Timestamp;

use crate::{Breaker, EndpointState, Policy, RateLimit, RateState};

/// How the deliveries of an endpoint are going: the part of an endpoint that changes with each attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointQueue {
    /// Failed attempts since the last success.
    pub consecutive_failures: u32,
    /// When the first of them was begun.
    pub failing_since: Option<Timestamp>,
    /// When an attempt last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// When an attempt last failed.
    pub last_failure_at: Option<Timestamp>,
    /// The circuit breaker.
    pub breaker: Breaker,
    /// Until when the endpoint asked for no requests (429).
    pub blocked_until: Option<Timestamp>,
    /// The state of the rate limit.
    pub rate: RateState,
    /// Deliveries that are not settled, those in flight and held among them.
    pub pending: u64,
    /// Deliveries that are given up and kept.
    pub dead: u64,
    /// Deliveries that were acknowledged, ever.
    pub delivered: u64,
    /// When a delivery may be claimed next; `None` if there is none to claim, or the endpoint is not active. Endpoints are served
    /// in the order of this instant.
    pub runnable_at: Option<Timestamp>,
}

/// What an endpoint may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many deliveries may be claimed.
    pub deliveries: u32,
    /// Whether more may be claimed as soon as one in flight is settled.
    pub is_full: bool,
}

impl EndpointQueue {
    /// How many of `wanted` deliveries may be claimed at `now`, while `in_flight` are being sent. They count as claimed until
    /// `lease`.
    pub fn allow(
        &mut self,
        wanted: u32,
        in_flight: u32,
        rate: Option<RateLimit>,
        policy: &Policy,
        lease: Timestamp,
        now: Timestamp,
    ) -> Allowance {
        if self.blocked_until.is_some_and(|until| now < until) {
            return Allowance { deliveries: 0, is_full: false };
        }
        let limit = self.breaker.in_flight_limit(now).min(policy.max_in_flight.max(1));
        // A probe does not wait for attempts that were begun before the breaker opened.
        let busy = if self.breaker.is_open() { 0 } else { in_flight };
        let free = u32::from(limit).saturating_sub(busy);
        let is_full = free < wanted && !self.breaker.is_open();
        let wanted = wanted.min(free);
        let deliveries = rate.map_or(wanted, |rate| rate.take(&mut self.rate, wanted, now));
        if deliveries > 0 {
            self.breaker.claimed(lease);
        }
        Allowance { deliveries, is_full: is_full && deliveries == wanted }
    }

    /// Sets [`runnable_at`](Self::runnable_at), given the instant at which the endpoint's next delivery may be claimed. It is never
    /// before `now`: an endpoint that was served goes behind those that wait.
    pub fn reschedule(
        &mut self,
        state: &EndpointState,
        claimable_at: Option<Timestamp>,
        rate: Option<RateLimit>,
        now: Timestamp,
    ) {
        let limits = [
            self.blocked_until,
            self.breaker.closed_until(),
            rate.map(|rate| rate.next_at(self.rate)),
            Some(now),
        ];
        let claimable_at = claimable_at.filter(|_| state.is_active());
        self.runnable_at = claimable_at.map(|at| limits.into_iter().flatten().fold(at, Timestamp::max));
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn an_endpoint_that_is_not_active_is_never_runnable() {
        let mut queue = EndpointQueue::default();
        let paused = EndpointState::Paused { since: at(0), reason: String::new() };
        queue.reschedule(&EndpointState::Active, Some(at(5)), None, at(0));
        assert_eq!(queue.runnable_at, Some(at(5)));
        queue.reschedule(&paused, Some(at(5)), None, at(0));
        assert_eq!(queue.runnable_at, None);
    }

    #[test]
    fn an_endpoint_that_was_served_goes_behind_those_that_wait() {
        let mut queue = EndpointQueue::default();
        queue.reschedule(&EndpointState::Active, Some(at(-100)), None, at(0));
        assert_eq!(queue.runnable_at, Some(at(0)));
    }

    #[test]
    fn a_blocked_endpoint_is_runnable_when_the_block_ends() {
        let mut queue = EndpointQueue { blocked_until: Some(at(60)), ..EndpointQueue::default() };
        let allowed = queue.allow(9, 0, None, &Policy::default(), at(40), at(10));
        assert_eq!(allowed, Allowance { deliveries: 0, is_full: false });
        queue.reschedule(&EndpointState::Active, Some(at(0)), None, at(10));
        assert_eq!(queue.runnable_at, Some(at(60)));
    }

    proptest! {
        #[test]
        fn no_more_is_allowed_than_wanted_than_may_be_in_flight_and_than_the_rate(
            wanted in 0_u32..100,
            in_flight in 0_u32..40,
            most in 1_u16..32,
            rate in prop::option::of(1_u32..50),
        ) {
            let mut queue = EndpointQueue::default();
            let rate = rate.and_then(NonZeroU32::new).map(RateLimit);
            let policy = Policy { max_in_flight: most, ..Policy::default() };
            let allowed = queue.allow(wanted, in_flight, rate, &policy, at(30), at(0));
            prop_assert!(allowed.deliveries <= wanted);
            prop_assert!(allowed.deliveries == 0 || allowed.deliveries + in_flight <= u32::from(most));
            prop_assert!(rate.is_none_or(|RateLimit(rate)| allowed.deliveries <= rate.get()));
            prop_assert!(!allowed.is_full || wanted + in_flight > u32::from(most));
        }

        #[test]
        fn an_active_endpoint_with_something_due_is_served_within_ten_minutes(
            failures in 0_u32..30,
            pause in 0_i64..100,
        ) {
            let mut queue = EndpointQueue::default();
            (1..=failures).for_each(|n| queue.breaker.failed(n, at(i64::from(n))));
            let now = at(i64::from(failures) + pause);
            queue.reschedule(&EndpointState::Active, Some(at(0)), None, now);
            let runnable = queue.runnable_at.unwrap();
            prop_assert!(runnable <= now + SignedDuration::from_mins(10));
            let lease = runnable + SignedDuration::from_secs(30);
            prop_assert!(queue.allow(1, 0, None, &Policy::default(), lease, runnable).deliveries == 1);
        }
    }
}
