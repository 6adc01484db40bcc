use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Unix time in seconds, as the chain counts it (`u64`).
///
/// Schedules use it. Recorded instants (created, cancelled) have milliseconds and are [`Timestamp`]s; accrual converts
/// them by [`UnixTime::of`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);
    /// The last second that a `u64` holds.
    pub const MAX: Self = Self(u64::MAX);
    /// 9999-12-31T23:59:59Z: the last second that the terms of an API stream may name.
    pub const LAST_OF_9999: Self = Self(253_402_300_799);
    /// 2^53 - 1: the last second that JavaScript reads exactly from a JSON number.
    pub const LAST_EXACT: Self = Self(9_007_199_254_740_991);
    /// 9999-12-30T22:00:00Z: the last second that a [`Timestamp`] holds.
    pub const LAST_INSTANT: Self = Self(253_402_207_200);

    /// The second that is `seconds` after the epoch.
    pub const fn from_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// The second that contains `instant`; the epoch for an instant before 1970.
    pub fn of(instant: Timestamp) -> Self {
        Self(u64::try_from(instant.as_millisecond().div_euclid(1000)).unwrap_or(0))
    }

    /// The instant at which this second begins; the last [`Timestamp`] for a second beyond it.
    pub fn instant(self) -> Timestamp {
        i64::try_from(self.0).ok().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(Timestamp::MAX)
    }

    /// This second plus `seconds`, or `None` past [`UnixTime::MAX`].
    pub fn checked_add(self, seconds: u64) -> Option<Self> {
        self.0.checked_add(seconds).map(Self)
    }

    /// This second plus `seconds`, at most [`UnixTime::MAX`].
    pub fn saturating_add(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this; 0 if `earlier` is not earlier.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(instant: &str, expect: u64) {
        assert_eq!(UnixTime::of(instant.parse().unwrap()).seconds(), expect);
    }

    #[test]
    fn an_instant_lies_in_the_second_that_began_before_it() {
        check("1970-01-01T00:00:00Z", 0);
        check("1970-01-01T00:00:01.999Z", 1);
        check("2023-11-14T22:13:20.5Z", 1_700_000_000);
        check("1969-12-31T23:59:59.5Z", 0);
    }

    #[test]
    fn a_second_past_the_calendar_is_the_last_instant() {
        assert_eq!(UnixTime::MAX.instant(), Timestamp::MAX);
        assert_eq!(UnixTime::from_seconds(1_700_000_000).instant().to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(UnixTime::of(UnixTime::LAST_INSTANT.instant()), UnixTime::LAST_INSTANT);
    }
}
