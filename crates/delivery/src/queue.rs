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
        self.runnable_at =
            claimable_at.map(|at| limits.into_iter().flatten().fold(at, |latest, limit| latest.max(limit)));
    }
}
