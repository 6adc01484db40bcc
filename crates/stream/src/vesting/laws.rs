//! Laws of accrual, and the contract's formulas in integers of any size, for every combination of values.

use num_bigint::BigInt;
use proptest::prelude::*;

use super::{CliffMode, Curve, PauseClock, VestingSchedule};
use crate::UnixTime;

fn second(seconds: u64) -> UnixTime {
    UnixTime::from_seconds(seconds)
}

fn any_second() -> impl Strategy<Value = UnixTime> {
    prop_oneof![any::<u64>(), 0..2000_u64, 0..2000_u64, (u64::MAX - 2000)..].prop_map(second)
}

fn any_amount() -> impl Strategy<Value = i128> {
    prop_oneof![any::<i128>(), -10..5000_i128, 0..5000_i128, Just(i128::MAX), Just(i128::MIN), 0..i128::MAX]
}

prop_compose! {
    fn any_pauses()(
        paused_at in proptest::option::of(any_second()),
        paused_total in prop_oneof![Just(0), 0..500_u64, any::<u64>()],
    ) -> PauseClock {
        PauseClock { paused_at, paused_total }
    }
}

prop_compose! {
    fn any_schedule()(
        deposited in any_amount(),
        start in any_second(),
        end in any_second(),
        cliff in any_second(),
        curve in prop::sample::select(&Curve::ALL),
        cliff_mode in prop::sample::select(&CliffMode::ALL),
        pauses in any_pauses(),
    ) -> VestingSchedule {
        VestingSchedule { deposited, start, end, cliff, curve, cliff_mode, pauses }
    }
}

fn big(number: impl Into<BigInt>) -> BigInt {
    number.into()
}

/// The contract's formulas as its documentation states them, in integers without a limit of size.
fn vested_by_formula(schedule: &VestingSchedule, now: UnixTime) -> BigInt {
    let zero = big(0);
    let seconds = |time: UnixTime| big(time.seconds());
    let pauses = schedule.pauses;
    let clock = (seconds(pauses.paused_at.unwrap_or(now)) - pauses.paused_total).max(zero.clone());
    let gate = if schedule.cliff_mode.code() == 0 { clock.clone() } else { seconds(now) };
    let duration = (seconds(schedule.end) - seconds(schedule.start)).max(zero.clone());
    let elapsed = (clock.min(seconds(schedule.end)) - seconds(schedule.start)).max(zero.clone());
    let deposited = big(schedule.deposited).max(zero.clone());
    if gate < seconds(schedule.cliff) {
        return zero;
    }
    if duration == zero || elapsed >= duration {
        return deposited;
    }
    match schedule.curve {
        Curve::Linear => deposited * elapsed / duration,
        Curve::Step => {
            let quarter = |j: i32| (big(j) * &duration + 3) / 4;
            let passed = (1..=3).filter(|j| elapsed >= quarter(*j)).count();
            deposited * big(passed) / 4
        }
        Curve::FrontLoaded => {
            let u = elapsed * 1000 / duration;
            let c: BigInt = &u * 2 - &u * &u / 1000;
            deposited * c / 1000
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn vested_is_what_the_formulas_give_in_integers_of_any_size(schedule in any_schedule(), now in any_second()) {
        prop_assert_eq!(big(schedule.vested(now)), vested_by_formula(&schedule, now));
    }

    #[test]
    fn vested_is_bounded_by_the_deposit_and_never_falls(
        schedule in any_schedule(), one in any_second(), other in any_second(),
    ) {
        let (then, now) = (schedule.vested(one.min(other)), schedule.vested(one.max(other)));
        prop_assert!(0 <= then && then <= now);
        prop_assert!(now <= schedule.deposited.max(0));
    }

    #[test]
    fn vested_and_refundable_are_the_deposit(schedule in any_schedule(), now in any_second()) {
        let sum = big(schedule.vested(now)) + big(schedule.refundable(now));
        prop_assert_eq!(sum, big(schedule.deposited));
    }

    #[test]
    fn withdrawable_is_never_negative_and_fills_up_to_vested(
        schedule in any_schedule(), withdrawn in any_amount(), now in any_second(),
    ) {
        let withdrawable = schedule.withdrawable(withdrawn, now);
        prop_assert!(withdrawable >= 0);
        if (0..=schedule.vested(now)).contains(&withdrawn) {
            prop_assert_eq!(withdrawable + withdrawn, schedule.vested(now));
        }
        if (0..=schedule.deposited).contains(&withdrawn) {
            prop_assert_eq!(schedule.liability(withdrawn) + withdrawn, schedule.deposited);
        }
    }

    #[test]
    fn a_pause_freezes_the_clock_and_its_end_lets_it_go_on(
        schedule in any_schedule(), since in 0..4000_u64, pause in 0..4000_u64, later in 0..4000_u64,
    ) {
        let [began, ended, now] = [since, since + pause, since + pause + later].map(second);
        let total = schedule.pauses.paused_total.min(u64::MAX - pause);
        let running = PauseClock { paused_at: None, paused_total: total };
        let unpaused = VestingSchedule { pauses: running, cliff_mode: CliffMode::ScheduleClock, ..schedule };
        let paused = VestingSchedule { pauses: PauseClock { paused_at: Some(began), ..running }, ..unpaused };
        prop_assert_eq!(paused.vested(ended), unpaused.vested(began));
        prop_assert_eq!(paused.vested(now), unpaused.vested(began));
        let resumed = VestingSchedule { pauses: paused.pauses.ended(ended), ..paused };
        let without = second(since + later);
        // Before the clock has begun to count, a pause is not seen by it.
        if total <= since {
            prop_assert_eq!(resumed.vested(now), unpaused.vested(without));
        }
    }

    #[test]
    fn between_two_breakpoints_vested_has_one_shape(
        schedule in any_schedule(), now in any_second(), place in any::<prop::sample::Index>(),
    ) {
        let until = schedule.linear_until(now);
        prop_assert!(until.is_none_or(|until| until > now));
        let last = until.map_or(u64::MAX, |until| until.seconds() - 1);
        let window = usize::try_from((last - now.seconds()).min(1 << 40)).unwrap() + 1;
        let near = second(now.seconds() + u64::try_from(place.index(window)).unwrap());
        for at in [near, second(last)] {
            let constant = schedule.vested(at) == schedule.vested(now);
            let linear = schedule.curve == Curve::Linear
                && schedule.pauses.paused_at.is_none()
                && schedule.gate_is_open(now)
                && schedule.elapsed(at) == schedule.elapsed(now) + at.seconds_since(now);
            prop_assert!(constant || linear, "from {} to {}", now, at);
        }
    }

    #[test]
    fn the_gate_and_the_end_are_reached_at_the_instants_that_are_named(
        schedule in any_schedule(), now in any_second(),
    ) {
        // Time before a pause that lasts is another state of the stream.
        prop_assume!(schedule.pauses.paused_at.is_none_or(|since| since <= now));
        let opens = schedule.gate_opens();
        prop_assert_eq!(schedule.gate_is_open(now), opens.is_some_and(|opens| opens <= now));
        let ends = schedule.effective_end();
        prop_assert_eq!(schedule.has_ended(now), ends.is_some_and(|ends| ends <= now));
    }

    #[test]
    fn an_exact_rate_is_what_vests_in_each_second(
        deposit in 1..i128::MAX, duration in 1..2000_u64, passed in 0..2000_u64,
    ) {
        let length = i128::from(duration);
        let schedule = VestingSchedule {
            deposited: deposit / length * length,
            start: second(0),
            end: second(duration),
            cliff: second(0),
            curve: Curve::Linear,
            cliff_mode: CliffMode::WallClock,
            pauses: PauseClock::default(),
        };
        let rate = schedule.exact_rate().unwrap();
        prop_assert_eq!(schedule.average_rate(), Some(rate));
        prop_assert_eq!(schedule.vested(second(passed)), rate * i128::from(passed.min(duration)));
        let rounded = VestingSchedule { deposited: schedule.deposited.saturating_add(1), ..schedule };
        prop_assert_eq!(rounded.exact_rate().is_some(), duration == 1);
        prop_assert_eq!(VestingSchedule { curve: Curve::Step, ..schedule }.exact_rate(), None);
    }
}

#[test]
fn a_duration_of_nothing_has_no_rate_and_releases_all_at_the_gate() {
    let schedule = VestingSchedule {
        deposited: 5,
        start: second(10),
        end: second(10),
        cliff: second(20),
        curve: Curve::Linear,
        cliff_mode: CliffMode::ScheduleClock,
        pauses: PauseClock::default(),
    };
    assert_eq!((schedule.average_rate(), schedule.exact_rate()), (None, None));
    assert_eq!((schedule.vested(second(19)), schedule.vested(second(20))), (0, 5));
}

#[test]
fn the_front_loaded_curve_releases_three_quarters_in_the_first_half() {
    let schedule = VestingSchedule {
        deposited: 1000,
        start: second(0),
        end: second(1000),
        cliff: second(0),
        curve: Curve::FrontLoaded,
        cliff_mode: CliffMode::ScheduleClock,
        pauses: PauseClock::default(),
    };
    let vested = [0, 100, 250, 500, 750, 999, 1000].map(|at| schedule.vested(second(at)));
    assert_eq!(vested, [0, 190, 438, 750, 938, 1000, 1000]);
}
