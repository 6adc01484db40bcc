use crate::UnixTime;

/// The pauses of a stream. The clock of its schedule is the time minus all of them, and stands still while one lasts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PauseClock {
    /// Start of the pause that lasts; `None` while the clock runs.
    pub paused_at: Option<UnixTime>,
    /// Seconds of all pauses that have ended.
    pub paused_total: u64,
}

impl PauseClock {
    /// The clock of the schedule at `now`: `max(0, (paused_at or now) - paused_total)`.
    pub fn clock(self, now: UnixTime) -> UnixTime {
        let counted = self.paused_at.unwrap_or(now);
        UnixTime::from_seconds(counted.seconds().saturating_sub(self.paused_total))
    }

    /// The last instant at which the running clock shows `target`, if no pause is added. `None` if a pause lasts, or
    /// past [`UnixTime::MAX`].
    pub(super) fn shows(self, target: UnixTime) -> Option<UnixTime> {
        if self.paused_at.is_some() { None } else { target.checked_add(self.paused_total) }
    }

    /// The first instant at which the clock shows `target` or more, if no pause is added. `None` while a pause that
    /// began before lasts, or past [`UnixTime::MAX`].
    pub fn reaches(self, target: UnixTime) -> Option<UnixTime> {
        if target == UnixTime::EPOCH {
            return Some(target);
        }
        let moved = target.checked_add(self.paused_total)?;
        self.paused_at.is_none_or(|since| since >= moved).then_some(moved)
    }

    /// The pauses after the one that lasts has ended at `now`; unchanged if none lasts.
    #[must_use]
    pub fn ended(self, now: UnixTime) -> Self {
        let lasted = self.paused_at.map_or(0, |since| now.seconds_since(since));
        Self { paused_at: None, paused_total: self.paused_total.saturating_add(lasted) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[track_caller]
    fn check(paused_at: Option<u64>, paused_total: u64, now: u64, expect: u64) {
        let pauses = PauseClock { paused_at: paused_at.map(second), paused_total };
        assert_eq!(pauses.clock(second(now)).seconds(), expect);
    }

    #[test]
    fn the_clock_lags_by_the_pauses_and_stands_still_in_one() {
        check(None, 0, 100, 100);
        check(None, 30, 100, 70);
        check(Some(80), 30, 80, 50);
        check(Some(80), 30, 1000, 50);
        check(None, 200, 100, 0);
        check(Some(u64::MAX), 0, 0, u64::MAX);
    }

    #[test]
    fn a_target_is_reached_later_by_the_pauses_and_unknown_while_one_lasts() {
        let running = PauseClock { paused_at: None, paused_total: 30 };
        assert_eq!(running.reaches(second(50)), Some(second(80)));
        assert_eq!(running.reaches(second(0)), Some(second(0)), "the clock starts at 0");
        assert_eq!(running.reaches(UnixTime::MAX), None);
        let paused = PauseClock { paused_at: Some(second(80)), ..running };
        assert_eq!((paused.reaches(second(50)), paused.reaches(second(51))), (Some(second(80)), None));
        assert_eq!((running.shows(second(50)), paused.shows(second(50))), (Some(second(80)), None));
    }

    #[test]
    fn a_pause_that_ends_is_added_to_the_total() {
        let pauses = PauseClock { paused_at: Some(second(80)), paused_total: 30 };
        let ended = PauseClock { paused_at: None, paused_total: 50 };
        assert_eq!(pauses.ended(second(100)), ended);
        assert_eq!(ended.ended(second(500)), ended);
        assert_eq!(pauses.clock(second(100)), ended.clock(second(100)), "the clock goes on where it stood");
        assert_eq!(PauseClock { paused_total: u64::MAX, ..pauses }.ended(second(100)).paused_total, u64::MAX);
    }
}
