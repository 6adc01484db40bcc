use super::schedule::{QUARTERS, THOUSAND, thousandths};
use super::share::seconds_before;
use super::{CliffMode, Curve, VestingSchedule};
use crate::UnixTime;

impl VestingSchedule {
    /// The instant until which `vested` has one shape: from `now` to there, exclusive, it is constant, or it is
    /// `floor(deposited * elapsed / duration)` of a linear curve. `None` if the shape lasts for ever, as far as is
    /// known at `now`: a pause that lasts is taken to last on.
    ///
    /// The instants are the gate, the start and the end; of a step curve each quarter; of a front-loaded curve each
    /// thousandth of the duration. All in wall-clock time, later than `now`.
    pub fn linear_until(&self, now: UnixTime) -> Option<UnixTime> {
        if !self.gate_is_open(now) {
            return match self.cliff_mode {
                CliffMode::WallClock => Some(self.cliff),
                CliffMode::ScheduleClock => self.pauses.shows(self.cliff),
            };
        }
        let (elapsed, duration) = (self.elapsed(now), self.duration());
        if elapsed >= duration {
            return None;
        }
        let next = match self.curve {
            Curve::Linear if self.pauses.shows(self.start).is_some_and(|starts| now < starts) => 0,
            Curve::Linear => duration,
            Curve::Step => next_quarter(elapsed, duration),
            Curve::FrontLoaded => {
                seconds_before(thousandths(elapsed, duration).saturating_add(1), duration, THOUSAND)
            }
        };
        self.pauses.shows(self.start.checked_add(next)?)
    }
}

/// Seconds of the duration before the next quarter ends.
fn next_quarter(elapsed: u64, duration: u64) -> u64 {
    let ends = (1..=QUARTERS).map(|quarter| seconds_before(quarter, duration, QUARTERS));
    ends.into_iter().find(|end| elapsed < *end).unwrap_or(duration)
}

#[cfg(test)]
mod tests {
    use super::super::PauseClock;
    use super::*;

    fn second(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    /// From 1000 to 2000, gate at 1100.
    fn schedule(curve: Curve) -> VestingSchedule {
        VestingSchedule {
            deposited: 4000,
            start: second(1000),
            end: second(2000),
            cliff: second(1100),
            curve,
            cliff_mode: CliffMode::ScheduleClock,
            pauses: PauseClock::default(),
        }
    }

    #[track_caller]
    fn check(schedule: &VestingSchedule, breakpoints: &[u64]) {
        let mut found = Vec::new();
        let mut now = second(0);
        while let Some(next) = schedule.linear_until(now).filter(|_| found.len() < 2000) {
            found.push(next.seconds());
            now = next;
        }
        assert_eq!(found, breakpoints);
    }

    #[test]
    fn a_linear_curve_breaks_at_the_gate_and_at_the_end() {
        check(&schedule(Curve::Linear), &[1100, 2000]);
        check(&VestingSchedule { cliff: second(1000), ..schedule(Curve::Linear) }, &[1000, 2000]);
        check(&VestingSchedule { cliff: second(0), ..schedule(Curve::Linear) }, &[1000, 2000]);
    }

    #[test]
    fn a_step_curve_breaks_at_each_quarter() {
        check(&schedule(Curve::Step), &[1100, 1250, 1500, 1750, 2000]);
        check(
            &VestingSchedule { end: second(1003), cliff: second(1000), ..schedule(Curve::Step) },
            &[1000, 1001, 1002, 1003],
        );
    }

    #[test]
    fn a_front_loaded_curve_breaks_at_each_thousandth() {
        let every_second: Vec<u64> = (1100..=2000).collect();
        check(&schedule(Curve::FrontLoaded), &every_second);
        let longer = VestingSchedule { end: second(3000), ..schedule(Curve::FrontLoaded) };
        assert_eq!(longer.linear_until(second(1101)), Some(second(1102)));
        assert_eq!(longer.linear_until(second(1102)), Some(second(1104)));
    }

    #[test]
    fn pauses_move_the_breakpoints_and_a_pause_that_lasts_hides_them() {
        let pauses = PauseClock { paused_at: None, paused_total: 50 };
        check(&VestingSchedule { pauses, ..schedule(Curve::Linear) }, &[1150, 2050]);
        let wall = VestingSchedule { pauses, cliff_mode: CliffMode::WallClock, ..schedule(Curve::Linear) };
        check(&wall, &[1100, 2050]);
        let pauses = PauseClock { paused_at: Some(second(1080)), paused_total: 50 };
        check(&VestingSchedule { pauses, ..schedule(Curve::Linear) }, &[]);
        check(&VestingSchedule { pauses, ..wall }, &[1100]);
    }

    #[test]
    fn nothing_follows_the_end() {
        let ended = VestingSchedule { end: second(1000), cliff: second(1000), ..schedule(Curve::Linear) };
        check(&ended, &[1000]);
        assert_eq!(schedule(Curve::Step).linear_until(second(2000)), None);
    }
}
