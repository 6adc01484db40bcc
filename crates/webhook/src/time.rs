//! Instants as the contract writes them, and the strict grammar of the timestamp header.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Most digits a timestamp header may have: enough for 31 000 years, too few for milliseconds since 2001.
pub(crate) const MAX_DIGITS: usize = 12;

/// An instant in whole Unix seconds.
///
/// The crate has no clock: the caller gives the time, from [`SystemTime`] or from seconds.
///
/// ```
/// use fluxora_webhook::UnixSeconds;
/// use std::time::{Duration, SystemTime};
///
/// let now = UnixSeconds::from(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_999));
/// assert_eq!(now, UnixSeconds::new(1_700_000_000));
/// assert_eq!(now.to_string(), "1700000000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixSeconds(i64);

impl UnixSeconds {
    /// Takes seconds since 1970-01-01T00:00:00Z; every value is allowed.
    ///
    /// ```
    /// # use fluxora_webhook::UnixSeconds;
    /// assert!(UnixSeconds::new(i64::MIN) < UnixSeconds::new(0));
    /// ```
    #[must_use]
    pub const fn new(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The seconds since 1970-01-01T00:00:00Z.
    ///
    /// ```
    /// # use fluxora_webhook::UnixSeconds;
    /// assert_eq!(UnixSeconds::new(1_700_000_000).get(), 1_700_000_000);
    /// ```
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// This instant `seconds` later; stays at the end of time instead of overflowing.
    ///
    /// ```
    /// # use fluxora_webhook::UnixSeconds;
    /// assert_eq!(UnixSeconds::new(5).plus(10), UnixSeconds::new(15));
    /// assert_eq!(UnixSeconds::new(i64::MAX).plus(1), UnixSeconds::new(i64::MAX));
    /// ```
    #[must_use]
    pub const fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add_unsigned(seconds))
    }

    /// Seconds between two instants, in either order.
    ///
    /// ```
    /// # use fluxora_webhook::UnixSeconds;
    /// assert_eq!(UnixSeconds::new(3).distance(UnixSeconds::new(10)), 7);
    /// assert_eq!(UnixSeconds::new(i64::MIN).distance(UnixSeconds::new(i64::MAX)), u64::MAX);
    /// ```
    #[must_use]
    pub const fn distance(self, other: Self) -> u64 {
        self.0.abs_diff(other.0)
    }

    /// Reads the timestamp header: ASCII digits only, the first not `0`, at most 12 of them.
    pub(crate) fn from_header(value: &[u8]) -> Option<Self> {
        if value.len() > MAX_DIGITS || value.first().is_none_or(|first| *first == b'0') {
            return None;
        }
        let mut seconds = 0;
        for byte in value {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            seconds = seconds * 10 + i64::from(digit); // twelve digits are far from the end of an i64
        }
        Some(Self(seconds))
    }

    /// Writes the timestamp header, if this instant has a place in its grammar.
    pub(crate) fn to_header(self) -> Option<String> {
        let text = self.0.to_string();
        Self::from_header(text.as_bytes()).map(|_| text)
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<i64> for UnixSeconds {
    fn from(seconds: i64) -> Self {
        Self(seconds)
    }
}

impl From<u64> for UnixSeconds {
    /// Seconds beyond `i64::MAX` become `i64::MAX`.
    fn from(seconds: u64) -> Self {
        Self(i64::try_from(seconds).unwrap_or(i64::MAX))
    }
}

impl From<SystemTime> for UnixSeconds {
    /// Fractions of a second are dropped, toward the past.
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self::from(since.as_secs()),
            Err(before) => {
                let before = before.duration();
                let whole = Self::from(before.as_secs()).0.saturating_neg();
                Self(if before.subsec_nanos() == 0 { whole } else { whole.saturating_sub(1) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_before_1970_rounds_toward_the_past() {
        let time = UNIX_EPOCH - Duration::from_millis(1_500);
        assert_eq!(UnixSeconds::from(time), UnixSeconds::new(-2));
        assert_eq!(UnixSeconds::from(UNIX_EPOCH - Duration::from_secs(2)), UnixSeconds::new(-2));
    }

    #[test]
    fn seconds_beyond_i64_stay_at_its_end() {
        assert_eq!(UnixSeconds::from(u64::MAX), UnixSeconds::new(i64::MAX));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for seconds in [1, 9, 1_700_000_000, 999_999_999_999] {
            let text = UnixSeconds::new(seconds).to_header().unwrap();
            assert_eq!(UnixSeconds::from_header(text.as_bytes()), Some(UnixSeconds::new(seconds)));
        }
    }

    #[test]
    fn an_instant_outside_the_grammar_cannot_be_written() {
        for seconds in [i64::MIN, -1, 0, 1_000_000_000_000, i64::MAX] {
            assert_eq!(UnixSeconds::new(seconds).to_header(), None, "{seconds}");
        }
    }
}
