use jiff::{SignedDuration, Timestamp};

use crate::retry::after;
use crate::{
    Attempt, AttemptResult, Delivery, DeliveryState, EndpointQueue, EndpointState, HoldReason, Jitter, Lease,
    MAX_RETRY_AFTER, NextStep, OnDead, OutcomeCode, Policy, next_step,
};

/// Failed attempts from which an endpoint can be held.
const FAILURES_BEFORE_HOLD: u32 = 20;

/// How long an endpoint has failed without a success when its operator is warned.
pub const FAILURE_WARNINGS: [SignedDuration; 2] =
    [SignedDuration::from_hours(24), SignedDuration::from_hours(72)];

/// What a settled attempt leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The attempt, to be stored.
    pub attempt: Attempt,
    /// Why the endpoint is held from now on, if it is.
    pub held: Option<HoldReason>,
    /// The last of [`FAILURE_WARNINGS`] that the endpoint reached with this attempt. None if it is held.
    pub failing_for: Option<SignedDuration>,
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
    Some(attempt(delivery, result, worker))
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
    let failed_last = queue.last_failure_at;
    let held = match step {
        NextStep::Done => {
            succeeded(queue, now);
            None
        }
        NextStep::Retry { .. } | NextStep::GiveUp(_) => failed(queue, endpoint, &result, step, policy, now),
    };
    let failing_for = if endpoint.is_active() { warning(queue, failed_last, now) } else { None };
    delivery.state = match step {
        NextStep::Done => DeliveryState::Delivered { at: now },
        NextStep::Retry { due_at } => DeliveryState::Pending { due_at: Some(due_at) },
        NextStep::GiveUp(reason) => DeliveryState::Dead { at: now, reason },
    };
    delivery.blocks_until = blocks_until(delivery, policy, now);
    if delivery.state.is_settled() {
        queue.pending = queue.pending.saturating_sub(1);
    }
    match delivery.state {
        DeliveryState::Delivered { .. } => queue.delivered = queue.delivered.saturating_add(1),
        DeliveryState::Dead { .. } => queue.dead = queue.dead.saturating_add(1),
        _ => {}
    }
    Some(Settled { attempt: attempt(delivery, result, worker), held, failing_for })
}

/// The last attempt of a delivery, as it is stored.
fn attempt(delivery: &Delivery, result: AttemptResult, worker: String) -> Attempt {
    Attempt {
        number: delivery.attempts,
        result,
        worker,
        claim: Some(delivery.claims),
        next_attempt_at: delivery.state.claimable_at(),
    }
}

/// Until when the later deliveries of the lane wait for one that was attempted and has not the turn from now on.
///
/// One that is attempted again keeps the turn, unless the next attempt would be later than it may hold the lane up. One that has left its
/// lane does not go back to it.
fn blocks_until(delivery: &Delivery, policy: &Policy, now: Timestamp) -> Option<Timestamp> {
    let has_left = delivery.blocks_until.is_some();
    match delivery.state {
        DeliveryState::Pending { due_at: Some(_) } if has_left => delivery.blocks_until,
        DeliveryState::Pending { due_at: Some(due_at) } => {
            let end = after(delivery.first_attempt_at.unwrap_or(now), policy.max_lane_block);
            (due_at > end).then(|| end.max(now))
        }
        DeliveryState::Dead { .. } if policy.on_dead == OnDead::Block && !has_left => {
            Some(after(now, policy.max_lane_block))
        }
        _ => None,
    }
}

/// The last warning that became due after the failure before this one.
fn warning(queue: &EndpointQueue, failed_last: Option<Timestamp>, now: Timestamp) -> Option<SignedDuration> {
    let since = queue.failing_since?;
    let last = failed_last.unwrap_or(since).max(since).min(now);
    let reached = |at: Timestamp, warning: &SignedDuration| at.duration_since(since) >= *warning;
    FAILURE_WARNINGS.into_iter().rfind(|warning| reached(now, warning) && !reached(last, warning))
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

#[cfg(test)]
mod tests {
    use fluxora_stream::{Sequence, StreamId};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::{DeadReason, DeliveryId, EndpointId};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn delivery() -> Delivery {
        let endpoint = EndpointId::new(Uuid::from_u128(1));
        Delivery {
            id: DeliveryId::of(endpoint, Sequence(1)),
            replay_of: None,
            endpoint,
            sequence: Sequence(1),
            stream: StreamId::api(Uuid::from_u128(2)),
            event_type: "stream.created".to_owned(),
            body: b"{}".to_vec(),
            state: DeliveryState::Pending { due_at: Some(at(0)) },
            attempts: 0,
            tries: 0,
            first_attempt_at: None,
            blocks_until: None,
            claims: 0,
            created_at: at(0),
        }
    }

    fn queue() -> EndpointQueue {
        EndpointQueue { pending: 1, ..EndpointQueue::default() }
    }

    fn result(status: u16, now: Timestamp) -> AttemptResult {
        let outcome = if status < 300 { OutcomeCode::Delivered } else { OutcomeCode::HttpStatus };
        AttemptResult::new(outcome, now, SignedDuration::ZERO).with_status(status)
    }

    /// Claims and settles once.
    fn attempt(
        queue: &mut EndpointQueue,
        state: &mut EndpointState,
        delivery: &mut Delivery,
        result: AttemptResult,
        now: Timestamp,
    ) -> Settled {
        claim(delivery, "w", at(999_999), now);
        settle(queue, state, delivery, result, Jitter::NONE, &Policy::default(), now).unwrap()
    }

    #[test]
    fn a_delivery_that_is_not_claimed_cannot_be_settled() {
        let (mut queue, mut state, mut delivery) = (queue(), EndpointState::Active, delivery());
        let before = delivery.clone();
        let settled = settle(
            &mut queue,
            &mut state,
            &mut delivery,
            result(200, at(1)),
            Jitter::NONE,
            &Policy::default(),
            at(1),
        );
        assert_eq!((settled, delivery, queue), (None, before, self::queue()));
    }

    #[test]
    fn a_fault_of_this_side_is_not_counted_against_the_endpoint() {
        let (mut queue, mut state, mut delivery) = (queue(), EndpointState::Active, delivery());
        let fault = AttemptResult::new(OutcomeCode::InvalidRequest, at(1), SignedDuration::ZERO);
        attempt(&mut queue, &mut state, &mut delivery, fault, at(1));
        assert_eq!((queue.consecutive_failures, queue.failing_since), (0, None));
        assert_eq!(delivery.state, DeliveryState::Pending { due_at: Some(at(6)) });
    }

    #[test]
    fn a_lost_claim_is_recorded_and_leaves_the_schedule_as_it_is() {
        let mut delivery = delivery();
        claim(&mut delivery, "lost", at(30), at(0));
        assert_eq!(expire(&mut delivery, at(29)), None);
        let attempt = expire(&mut delivery, at(30)).unwrap();
        assert_eq!((attempt.number, attempt.result.outcome), (1, OutcomeCode::LeaseExpired));
        assert_eq!(attempt.result.duration, SignedDuration::from_secs(30));
        assert_eq!((delivery.attempts, delivery.tries, delivery.claims), (1, 0, 1));
    }

    #[test]
    fn an_endpoint_is_held_after_twenty_failures_in_five_days_and_not_before() {
        let (mut queue, mut state) = (queue(), EndpointState::Active);
        let days = |n: i64| at(n * 86_400);
        for _ in 0..30 {
            attempt(&mut queue, &mut state, &mut delivery(), result(500, days(0)), days(0));
        }
        assert!(state.is_active(), "30 failures on one day");
        let settled = attempt(&mut queue, &mut state, &mut delivery(), result(500, days(5)), days(5));
        assert_eq!(settled.held, Some(HoldReason::Failing));
        let (mut queue, mut state) = (self::queue(), EndpointState::Active);
        for day in 0..10 {
            attempt(&mut queue, &mut state, &mut delivery(), result(500, days(day)), days(day));
        }
        assert!(state.is_active(), "10 failures in ten days");
    }

    #[test]
    fn a_success_begins_the_count_of_failures_again() {
        let (mut queue, mut state) = (queue(), EndpointState::Active);
        attempt(&mut queue, &mut state, &mut delivery(), result(500, at(0)), at(0));
        attempt(&mut queue, &mut state, &mut delivery(), result(200, at(1)), at(1));
        assert_eq!((queue.consecutive_failures, queue.failing_since), (0, None));
        assert_eq!(queue.last_success_at, Some(at(1)));
    }

    #[test]
    fn an_operator_is_warned_once_after_a_day_and_once_after_three_days_of_failures() {
        let (mut queue, mut state) = (queue(), EndpointState::Active);
        let hours = |n: i64| at(n * 3_600);
        let mut fails = |at: Timestamp| {
            let settled = attempt(&mut queue, &mut state, &mut delivery(), result(500, at), at);
            settled.failing_for.map(|time| time.as_hours())
        };
        let warnings: Vec<_> = [0, 1, 23, 24, 25, 71, 73, 74].map(|n| fails(hours(n))).into();
        assert_eq!(warnings, [None, None, None, Some(24), None, None, Some(72), None]);
    }

    #[test]
    fn a_success_begins_the_time_of_a_warning_again_and_only_the_longest_one_is_given() {
        let (mut queue, mut state) = (queue(), EndpointState::Active);
        let hours = |n: i64| at(n * 3_600);
        let mut ends = |status, at: Timestamp| {
            let settled = attempt(&mut queue, &mut state, &mut delivery(), result(status, at), at);
            settled.failing_for.map(|time| time.as_hours())
        };
        let warnings =
            [(500, 0), (200, 23), (500, 25), (500, 48), (500, 120)].map(|(status, n)| ends(status, hours(n)));
        assert_eq!(warnings, [None, None, None, None, Some(72)]);
    }

    /// Fails until the delivery is dead or has left its lane.
    fn fail_on(delivery: &mut Delivery, policy: &Policy) {
        let (mut queue, mut state) = (queue(), EndpointState::Active);
        while delivery.is_in_lane() {
            let due = delivery.state.claimable_at().unwrap();
            claim(delivery, "w", at(999_999), due);
            let result = result(500, due);
            settle(&mut queue, &mut state, delivery, result, Jitter::NONE, policy, due).unwrap();
        }
    }

    #[test]
    fn a_delivery_leaves_its_lane_before_the_attempt_that_would_hold_it_up_for_too_long() {
        let policy = Policy { max_lane_block: SignedDuration::from_secs(60), ..Policy::default() };
        let mut delivery = delivery();
        fail_on(&mut delivery, &policy);
        assert_eq!(
            delivery.state,
            DeliveryState::Pending { due_at: Some(at(155)) },
            "after 5 and 30 seconds"
        );
        assert_eq!(delivery.blocks_until, Some(at(60)));
        let (mut queue, mut state) = (queue(), EndpointState::Active);
        claim(&mut delivery, "w", at(999_999), at(155));
        settle(&mut queue, &mut state, &mut delivery, result(500, at(155)), Jitter::NONE, &policy, at(155));
        assert_eq!(delivery.blocks_until, Some(at(60)), "it does not go back");
        claim(&mut delivery, "w", at(999_999), at(755));
        settle(&mut queue, &mut state, &mut delivery, result(200, at(755)), Jitter::NONE, &policy, at(755));
        assert_eq!(delivery.blocks_until, None);
    }

    #[test]
    fn a_dead_delivery_blocks_its_lane_where_the_endpoint_asks_for_it_and_one_that_has_left_does_not() {
        let short = vec![SignedDuration::from_secs(1)];
        let hour = SignedDuration::from_hours(1);
        let block =
            Policy { schedule: short, on_dead: OnDead::Block, max_lane_block: hour, ..Policy::default() };
        let ends = |policy: &Policy| {
            let mut delivery = delivery();
            fail_on(&mut delivery, policy);
            (delivery.state.is_settled(), delivery.blocks_until)
        };
        assert_eq!(ends(&block), (true, Some(at(3_601))));
        assert_eq!(ends(&Policy { on_dead: OnDead::Skip, ..block.clone() }), (true, None));
        let left = Policy { max_lane_block: SignedDuration::ZERO, ..block };
        let mut delivery = delivery();
        fail_on(&mut delivery, &left);
        assert_eq!((delivery.state.is_settled(), delivery.blocks_until), (false, Some(at(0))));
        let (mut queue, mut state) = (queue(), EndpointState::Active);
        claim(&mut delivery, "w", at(999_999), at(1));
        settle(&mut queue, &mut state, &mut delivery, result(500, at(1)), Jitter::NONE, &left, at(1));
        assert_eq!((delivery.state.is_settled(), delivery.blocks_until), (true, None));
    }

    #[test]
    fn a_delivery_is_skipped_once_and_only_if_it_holds_its_lane_up() {
        let skipped = |state: DeliveryState, blocks_until| {
            let mut delivery = Delivery { state, blocks_until, ..delivery() };
            (delivery.skip(at(9)), delivery.blocks_until)
        };
        let dead = DeliveryState::Dead { at: at(1), reason: DeadReason::Exhausted };
        let lease = Lease { worker: "w".to_owned(), claimed_at: at(8), until: at(30) };
        assert_eq!(skipped(dead.clone(), Some(at(10))), (true, None));
        assert_eq!(skipped(dead.clone(), Some(at(9))), (false, Some(at(9))), "the lane went on");
        assert_eq!(skipped(dead, None), (false, None));
        assert_eq!(skipped(DeliveryState::Pending { due_at: Some(at(99)) }, None), (true, Some(at(9))));
        assert_eq!(skipped(DeliveryState::InFlight(lease), None), (true, Some(at(9))));
        let waits = DeliveryState::Pending { due_at: Some(at(99)) };
        assert_eq!(skipped(waits.clone(), Some(at(20))), (true, Some(at(9))));
        assert_eq!(skipped(waits, Some(at(9))), (false, Some(at(9))));
        assert_eq!(skipped(DeliveryState::Pending { due_at: None }, None), (false, None), "it waits itself");
        assert_eq!(skipped(DeliveryState::Delivered { at: at(1) }, None), (false, None));
    }

    #[test]
    fn a_paused_endpoint_is_not_held() {
        let paused = EndpointState::Paused { since: at(0), reason: String::new() };
        let (mut queue, mut state) = (queue(), paused.clone());
        let settled = attempt(&mut queue, &mut state, &mut delivery(), result(410, at(1)), at(1));
        assert_eq!((settled.held, state), (None, paused));
    }

    proptest! {
        #[test]
        fn no_delivery_holds_its_lane_up_for_longer_than_it_may(
            most in 60_i64..324_000,
            jitters in prop::collection::vec(any::<u32>(), 13),
            asked in prop::option::of(0_i64..30_000),
        ) {
            let policy = Policy {
                max_lane_block: SignedDuration::from_secs(most),
                hold_after: None,
                ..Policy::default()
            };
            let (mut queue, mut state, mut delivery) = (queue(), EndpointState::Active, delivery());
            let mut jitters = jitters.into_iter();
            while delivery.is_in_lane() {
                let due = delivery.state.claimable_at().unwrap();
                prop_assert!(due <= at(most), "it has the turn no later than that");
                claim(&mut delivery, "w", at(999_999), due);
                let mut result = result(500, due);
                result.retry_after = asked.map(SignedDuration::from_secs);
                let jitter = Jitter(jitters.next().unwrap());
                settle(&mut queue, &mut state, &mut delivery, result, jitter, &policy, due).unwrap();
            }
            prop_assert!(delivery.blocks_until.is_none_or(|until| until <= at(most)));
        }

        #[test]
        fn every_delivery_ends_and_its_counts_agree(
            statuses in prop::collection::vec(prop::sample::select(vec![200_u16, 404, 429, 500]), 0..20),
            lost in prop::collection::vec(any::<bool>(), 40),
        ) {
            let (mut queue, mut state, mut delivery) = (queue(), EndpointState::Active, delivery());
            let (mut recorded, mut lost) = (0, lost.into_iter());
            let mut statuses = statuses.into_iter();
            while let Some(due) = delivery.state.claimable_at() {
                claim(&mut delivery, "w", due + SignedDuration::from_secs(30), due);
                recorded += 1;
                if lost.next() == Some(true) {
                    let end = due + SignedDuration::from_secs(30);
                    prop_assert_eq!(expire(&mut delivery, end).unwrap().number, recorded);
                    continue;
                }
                let result = result(statuses.next().unwrap_or(500), due);
                let policy = Policy { hold_after: None, ..Policy::default() };
                let settled =
                    settle(&mut queue, &mut state, &mut delivery, result, Jitter::NONE, &policy, due).unwrap();
                prop_assert_eq!(settled.attempt.number, recorded);
            }
            prop_assert!(delivery.state.is_settled());
            prop_assert!(delivery.tries <= 12 && delivery.attempts == recorded);
            prop_assert_eq!(queue.pending, 0);
            prop_assert_eq!(queue.dead + queue.delivered, 1);
            let reason = delivery.state.dead_reason();
            prop_assert!(reason.is_none_or(|reason| reason != DeadReason::BodyTooLarge));
        }
    }
}
