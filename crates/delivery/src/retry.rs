use jiff::{SignedDuration, Timestamp};

use crate::{AttemptResult, DeadReason, OnDead};

/// Seconds from a failed attempt to the next one: 12 attempts in about three days.
pub const SCHEDULE: [i64; 11] = [5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 72_000];

/// No attempt is made later than this after the first one, so receivers may forget an id after four days.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(90);

/// The longest wait that a response can ask for.
pub const MAX_RETRY_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// The settings of the decisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The time from a failed attempt to the next one, by the number of the failed attempt. One attempt more than entries is made.
    pub schedule: Vec<SignedDuration>,
    /// Attempts of one endpoint at the same time; at least 1.
    pub max_in_flight: u16,
    /// Attempts to all endpoints of one partner at the same time; at least 1. The operator's endpoints have no such limit.
    pub max_in_flight_per_owner: u16,
    /// How long an endpoint may fail without a success before it is held; `None` for ever.
    pub hold_after: Option<SignedDuration>,
    /// How long one attempt may take, unless its endpoint has a time for itself.
    pub attempt_timeout: SignedDuration,
    /// Whether a delivery is given up at once when the receiver answers with a status that a later attempt does not change.
    pub fail_fast: bool,
    /// What follows in a lane when its first delivery is given up.
    pub on_dead: OnDead,
    /// How long a delivery that is not acknowledged may hold up the later ones of its lane.
    pub max_lane_block: SignedDuration,
}

/// A random number, drawn by the caller: the part of the jitter that is added, in units of 2^-32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter(pub u32);

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// The delivery is done.
    Done,
    /// It is attempted again.
    Retry {
        /// When.
        due_at: Timestamp,
    },
    /// It is given up.
    GiveUp(DeadReason),
}

impl Default for Policy {
    /// The schedule [`SCHEDULE`], 16 attempts of at most 10 seconds at once, 128 for one partner, held after 5 days; a lane goes on after 3 days.
    fn default() -> Self {
        Self {
            schedule: SCHEDULE.map(SignedDuration::from_secs).to_vec(),
            max_in_flight: 16,
            max_in_flight_per_owner: 128,
            hold_after: Some(SignedDuration::from_hours(5 * 24)),
            attempt_timeout: SignedDuration::from_secs(10),
            fail_fast: false,
            on_dead: OnDead::Skip,
            max_lane_block: SignedDuration::from_hours(72),
        }
    }
}

impl Jitter {
    /// No jitter: the earliest time.
    pub const NONE: Self = Self(0);

    /// A time lengthened by up to a fifth, in whole milliseconds.
    pub fn lengthen(self, time: SignedDuration) -> SignedDuration {
        let milliseconds = time.as_millis().max(0);
        let added = milliseconds.saturating_mul(i128::from(self.0)) / (5_i128 << 32);
        let sum = i64::try_from(milliseconds.saturating_add(added)).unwrap_or(i64::MAX);
        SignedDuration::from_millis(sum)
    }
}

/// What follows from attempt number `tries` of a delivery whose first attempt was begun `age` ago.
///
/// A retry is never earlier than the schedule says, at most a fifth later, and later still where the response asks for it, up
/// to [`MAX_RETRY_AFTER`]. One that would be after [`HORIZON`] is made at its end; an attempt that fails then was the last.
pub fn next_step(
    result: &AttemptResult,
    tries: u32,
    age: SignedDuration,
    now: Timestamp,
    jitter: Jitter,
    policy: &Policy,
) -> NextStep {
    if result.outcome.is_success() {
        return NextStep::Done;
    }
    if policy.fail_fast && result.status.is_some_and(is_final) {
        return NextStep::GiveUp(DeadReason::Exhausted);
    }
    let failed = usize::try_from(tries).unwrap_or(usize::MAX).saturating_sub(1);
    let Some(base) = policy.schedule.get(failed) else { return NextStep::GiveUp(DeadReason::Exhausted) };
    let left = HORIZON.saturating_sub(age);
    if !left.is_positive() {
        return NextStep::GiveUp(DeadReason::Expired);
    }
    let asked = result.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
    let wait = jitter.lengthen(*base).max(asked).min(left);
    NextStep::Retry { due_at: after(now, wait) }
}

/// Whether a receiver that answers with this status is not expected to answer otherwise later: 4xx, without those that ask to wait
/// (408, 425, 429), that speak of another attempt (409), and 410, which holds the endpoint.
const fn is_final(status: u16) -> bool {
    matches!(status, 400..=499) && !matches!(status, 408 | 409 | 410 | 425 | 429)
}

/// The instant `wait` after another; the last one of the calendar if there is none.
pub(crate) fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::OutcomeCode;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn failed() -> AttemptResult {
        AttemptResult::new(OutcomeCode::HttpStatus, now(), SignedDuration::ZERO).with_status(500)
    }

    #[test]
    fn an_endpoint_that_fails_fast_gives_up_after_a_status_that_does_not_change() {
        let fast = Policy { fail_fast: true, ..Policy::default() };
        let gives_up = |status, policy: &Policy| {
            let result = failed().with_status(status);
            let step = next_step(&result, 1, SignedDuration::ZERO, now(), Jitter::NONE, policy);
            step == NextStep::GiveUp(DeadReason::Exhausted)
        };
        for status in [400, 401, 403, 404, 422, 499] {
            assert!(gives_up(status, &fast) && !gives_up(status, &Policy::default()), "{status}");
        }
        for status in [301, 408, 409, 410, 425, 429, 500, 503] {
            assert!(!gives_up(status, &fast), "{status}");
        }
    }

    #[test]
    fn the_schedule_makes_twelve_attempts_in_three_days() {
        let mut age = SignedDuration::ZERO;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match next_step(&failed(), attempts, age, now(), Jitter::NONE, &Policy::default()) {
                NextStep::Retry { due_at } => age += due_at.duration_since(now()),
                NextStep::GiveUp(reason) => {
                    assert_eq!((attempts, reason), (12, DeadReason::Exhausted));
                    assert_eq!(age.as_secs(), SCHEDULE.iter().sum::<i64>());
                    assert_eq!(age.as_hours(), 71);
                    return;
                }
                NextStep::Done => panic!("a failure is not done"),
            }
        }
    }

    #[test]
    fn a_success_ends_the_delivery_at_any_age() {
        for outcome in [OutcomeCode::Delivered, OutcomeCode::Duplicate] {
            let result = AttemptResult::new(outcome, now(), SignedDuration::ZERO);
            let old = SignedDuration::from_hours(9_999);
            assert_eq!(next_step(&result, 99, old, now(), Jitter::NONE, &Policy::default()), NextStep::Done);
        }
    }

    #[test]
    fn the_last_attempt_of_a_slow_receiver_is_at_the_horizon() {
        let policy = Policy::default();
        let nearly = HORIZON - SignedDuration::from_secs(1);
        let step = next_step(&failed(), 3, nearly, now(), Jitter::NONE, &policy);
        assert_eq!(step, NextStep::Retry { due_at: now() + SignedDuration::from_secs(1) });
        let step = next_step(&failed(), 4, HORIZON, now(), Jitter::NONE, &policy);
        assert_eq!(step, NextStep::GiveUp(DeadReason::Expired));
    }

    proptest! {
        #[test]
        fn a_retry_is_neither_early_nor_later_than_asked(
            tries in 1_u32..12,
            jitter: u32,
            asked in prop::option::of(-5_i64..1_000_000),
        ) {
            let mut result = failed();
            result.retry_after = asked.map(SignedDuration::from_secs);
            let base = SignedDuration::from_secs(SCHEDULE[usize::try_from(tries).unwrap() - 1]);
            let step = next_step(&result, tries, SignedDuration::ZERO, now(), Jitter(jitter), &Policy::default());
            let NextStep::Retry { due_at } = step else { panic!("{step:?}") };
            let wait = due_at.duration_since(now());
            let asked = result.retry_after.unwrap_or_default().min(MAX_RETRY_AFTER);
            prop_assert!(wait >= base && wait >= asked);
            prop_assert!(wait <= (base + base / 5).max(asked));
        }

        #[test]
        fn every_delivery_ends_within_the_horizon_and_the_schedule(jitters: Vec<u32>, asked: Vec<u32>) {
            let (mut age, mut tries) = (SignedDuration::ZERO, 0);
            loop {
                tries += 1;
                let at = usize::try_from(tries).unwrap();
                let jitter = Jitter(jitters.get(at).copied().unwrap_or(u32::MAX));
                let mut result = failed();
                result.retry_after = asked.get(at).map(|seconds| SignedDuration::from_secs((*seconds).into()));
                match next_step(&result, tries, age, now(), jitter, &Policy::default()) {
                    NextStep::Retry { due_at } => age += due_at.duration_since(now()),
                    NextStep::GiveUp(_) => break,
                    NextStep::Done => panic!("a failure is not done"),
                }
                prop_assert!(age <= HORIZON);
            }
            prop_assert!(tries <= 12);
        }
    }
}
