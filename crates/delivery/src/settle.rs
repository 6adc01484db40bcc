use jiff::{SignedDuration, Timestamp};

use crate::retry::after;
use crate::{
    Attempt, AttemptResult, Delivery, DeliveryState, EndpointQueue, EndpointState, HoldReason, Jitter, Lease,
    MAX_RETRY_AFTER, NextStep, OutcomeCode, Policy, next_step,
};

/// Failed attempts from which an endpoint can be held.
const FAILURES_BEFORE_HOLD: u32 = 20;

/// What a settled attempt leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The attempt, to be stored.
    pub attempt: Attempt,
    /// Why the endpoint is held from now on, if it is.
    pub held: Option<HoldReason>,
}

/// Claims a delivery for a worker until `until`.
pub fn claim(delivery: &mut Delivery, worker: &str, until: Timestamp, now: Timestamp) {
    delivery.claims = delivery.claims.saturating_add(1);
    delivery.first_attempt_at.get_or_insert(now);
    delivery.state = DeliveryState::InFlight(Lease { worker: worker.to_owned(), claimed_at: now, until });
}

/// Gives a claim back without an attempt: the delivery is due at once. Does nothing without a claim.
pub fn release(queue: &mut EndpointQueue, delivery: &mut Delivery, now: Timestamp) {
    if delivery.state.lease().is_none() {
        return;
    }
    if delivery.attempts == 0 {
        delivery.first_attempt_at = None;
    }
    delivery.state = DeliveryState::Pending { due_at: Some(now) };
    queue.breaker.released();
}

/// Ends a claim whose lease is over. The attempt is recorded, because it may have been made; it does not count for the retry
/// schedule. `None` without such a claim.
pub fn expire(delivery: &mut Delivery, now: Timestamp) -> Option<Attempt> {
    let lease = delivery.state.lease().filter(|lease| lease.until <= now)?;
    let duration = lease.until.duration_since(lease.claimed_at);
    let result = AttemptResult::new(OutcomeCode::LeaseExpired, lease.claimed_at, duration);
    let worker = lease.worker.clone();
    delivery.attempts = delivery.attempts.saturating_add(1);
    delivery.state = DeliveryState::Pending { due_at: Some(now) };
    Some(Attempt { number: delivery.attempts, result, worker })
}

/// Records the result of a claimed delivery's attempt: what becomes of the delivery, of the endpoint's queue and of the endpoint.
/// `None` without a claim.
pub fn settle(
    queue: &mut EndpointQueue,
    endpoint: &mut EndpointState,
    delivery: &mut Delivery,
    result: AttemptResult,
    jitter: Jitter,
    policy: &Policy,
    now: Timestamp,
) -> Option<Settled> {
    let worker = delivery.state.lease()?.worker.clone();
    delivery.attempts = delivery.attempts.saturating_add(1);
    delivery.tries = delivery.tries.saturating_add(1);
    let age = delivery.first_attempt_at.map_or(SignedDuration::ZERO, |first| now.duration_since(first));
    let step = next_step(&result, delivery.tries, age, now, jitter, policy);
    let held = match step {
        NextStep::Done => {
            succeeded(queue, now);
            None
        }
        NextStep::Retry { .. } | NextStep::GiveUp(_) => failed(queue, endpoint, &result, step, policy, now),
    };
    delivery.state = match step {
        NextStep::Done => DeliveryState::Delivered { at: now },
        NextStep::Retry { due_at } => DeliveryState::Pending { due_at: Some(due_at) },
        NextStep::GiveUp(reason) => DeliveryState::Dead { at: now, reason },
    };
    if delivery.state.is_settled() {
        queue.pending = queue.pending.saturating_sub(1);
    }
    match delivery.state {
        DeliveryState::Delivered { .. } => queue.delivered = queue.delivered.saturating_add(1),
        DeliveryState::Dead { .. } => queue.dead = queue.dead.saturating_add(1),
        _ => {}
    }
    Some(Settled { attempt: Attempt { number: delivery.attempts, result, worker }, held })
}

fn succeeded(queue: &mut EndpointQueue, now: Timestamp) {
    queue.consecutive_failures = 0;
    queue.failing_since = None;
    queue.last_success_at = Some(now);
    queue.breaker.succeeded(now);
}

/// Counts a failure against the endpoint and decides whether it is held.
fn failed(
    queue: &mut EndpointQueue,
    endpoint: &mut EndpointState,
    result: &AttemptResult,
    step: NextStep,
    policy: &Policy,
    now: Timestamp,
) -> Option<HoldReason> {
    if result.outcome == OutcomeCode::InvalidRequest {
        // The fault of this side: no request was made.
        queue.breaker.released();
        return None;
    }
    queue.consecutive_failures = queue.consecutive_failures.saturating_add(1);
    let since = *queue.failing_since.get_or_insert(result.started_at);
    queue.last_failure_at = Some(now);
    queue.breaker.failed(queue.consecutive_failures, now);
    if result.status == Some(429) {
        let asked = result.retry_after.map(|wait| after(now, wait.min(MAX_RETRY_AFTER)));
        let due_at = match step {
            NextStep::Retry { due_at } => Some(due_at),
            NextStep::Done | NextStep::GiveUp(_) => None,
        };
        queue.blocked_until = queue.blocked_until.max(asked.or(due_at));
    }
    let fails_for_long = policy.hold_after.is_some_and(|limit| {
        queue.consecutive_failures >= FAILURES_BEFORE_HOLD && now.duration_since(since) >= limit
    });
    let reason = match result.status {
        Some(410) => Some(HoldReason::Gone),
        _ if fails_for_long => Some(HoldReason::Failing),
        _ => None,
    };
    let reason = reason.filter(|_| endpoint.is_active())?;
    *endpoint = EndpointState::Held { since: now, reason };
    Some(reason)
}
