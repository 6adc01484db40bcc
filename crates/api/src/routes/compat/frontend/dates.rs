//! Dates as the front end reads them: four digits for the year, whole seconds, in UTC.

use fluxora_stream::vesting::{Curve, VestingState};
use fluxora_stream::{Stream, UnixTime};

/// What a date beyond the calendar is shown as.
const LAST: &str = "9999-12-31T23:59:59Z";

/// A second as a date of the front end; [`LAST`] for one beyond it.
pub(super) fn date(at: UnixTime) -> String {
    if at > UnixTime::LAST_INSTANT {
        return LAST.to_owned();
    }
    at.instant().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The dates of a stream. Cliff and unlock lie between start and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    pub(super) start: UnixTime,
    pub(super) end: UnixTime,
    /// `None` without a cliff.
    pub(super) cliff: Option<UnixTime>,
    /// When more is released next, if that is later than `at` and does not go on all the time.
    pub(super) next_unlock: Option<UnixTime>,
}

impl Dates {
    pub(super) fn of(stream: &Stream, at: UnixTime) -> Self {
        let times = stream.times();
        let (start, vesting) = (times.start, stream.details().vesting());
        let end = vesting.map_or(times.end, end_of).max(start);
        let opens = vesting.map_or(times.cliff, cliff_of).clamp(start, end);
        let begins = opens.max(start);
        let steps = vesting.map(|state| state.schedule).filter(|schedule| schedule.curve == Curve::Step);
        let step = steps.and_then(|schedule| schedule.linear_until(at));
        let is_over = stream.status_at(at).is_terminal() || at >= end;
        let next = if at < begins { Some(begins) } else { step };
        Self {
            start,
            end,
            cliff: Some(opens).filter(|cliff| *cliff > start),
            next_unlock: next.filter(|next| !is_over && *next > at && *next <= end),
        }
    }
}

/// The end of a schedule, moved by the pauses; by those so far while one lasts.
fn end_of(state: &VestingState) -> UnixTime {
    let moved = || state.schedule.end.saturating_add(state.schedule.pauses.paused_total);
    state.schedule.effective_end().unwrap_or_else(moved)
}

/// The opening of the cliff, moved likewise.
fn cliff_of(state: &VestingState) -> UnixTime {
    let moved = || state.schedule.cliff.saturating_add(state.schedule.pauses.paused_total);
    state.schedule.gate_opens().unwrap_or_else(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_four_digits_for_its_year_and_a_far_one_is_the_last_of_the_calendar() {
        assert_eq!(date(UnixTime::EPOCH), "1970-01-01T00:00:00Z");
        assert_eq!(date(UnixTime::from_seconds(1_767_225_600)), "2026-01-01T00:00:00Z");
        assert_eq!(date(UnixTime::LAST_INSTANT), "9999-12-30T22:00:00Z");
        for far in [UnixTime::LAST_OF_9999, UnixTime::LAST_EXACT, UnixTime::MAX] {
            assert_eq!(date(far), LAST);
        }
    }
}
