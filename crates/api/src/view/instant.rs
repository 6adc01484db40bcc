use jiff::Timestamp;
use serde::{Serialize, Serializer};

const DAY_MS: i64 = 86_400_000;

/// An instant as RFC 3339 in UTC, to the millisecond.
///
/// Each row of a page has two or three: the text is written into an array, without the formatter of dates in general.
pub(crate) struct Instant(pub(crate) Timestamp);

impl Serialize for Instant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = text(self.0.as_millisecond());
        match bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok()) {
            Some(text) => serializer.serialize_str(text),
            None => serializer.collect_str(&format_args!("{:.3}", self.0)),
        }
    }
}

/// The text of an instant in Unix milliseconds; `None` before 1970 and after 9999.
///
/// The date by the days of the Gregorian calendar's cycle of 400 years, which begins on a 1st of March: the leap day is its last.
fn text(ms: i64) -> Option<[u8; 24]> {
    if !(0..253_402_300_800_000).contains(&ms) {
        return None;
    }
    let (days, in_day) = (ms / DAY_MS + 719_468, ms % DAY_MS);
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let of_year = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let (month, next) = if from_march < 10 { (from_march + 3, 0) } else { (from_march - 9, 1) };
    let year = cycle * 400 + year + next;
    let (hour, minute, second, millisecond) =
        (in_day / 3_600_000, in_day / 60_000 % 60, in_day / 1_000 % 60, in_day % 1_000);
    let [y1, y2, y3, y4] = [year / 1_000, year / 100, year / 10, year].map(digit);
    let [mo1, mo2, d1, d2] = [month / 10, month, day / 10, day].map(digit);
    let [h1, h2, mi1, mi2] = [hour / 10, hour, minute / 10, minute].map(digit);
    let [s1, s2] = [second / 10, second].map(digit);
    let [ms1, ms2, ms3] = [millisecond / 100, millisecond / 10, millisecond].map(digit);
    Some([
        y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2, b'.', ms1,
        ms2, ms3, b'Z',
    ])
}

/// The last digit of a number that is not negative.
fn digit(number: i64) -> u8 {
    u8::try_from(number % 10).map_or(b'0', |digit| b'0' + digit)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;

    use super::*;

    #[track_caller]
    fn check(ms: i64) {
        let instant = Timestamp::from_millisecond(ms).unwrap();
        let written = serde_json::to_string(&Instant(instant)).unwrap();
        assert_eq!(written, format!("\"{instant:.3}\""));
    }

    #[test]
    fn every_day_of_400_years_is_written_as_the_library_does() {
        for day in 0..146_097 {
            check(day * DAY_MS + day * 7_919 % DAY_MS);
        }
    }

    #[test]
    fn the_first_and_the_last_millisecond_of_days_and_years_are_written_as_the_library_does() {
        for year in 1970..=9999_i16 {
            let begin = date(year, 1, 1).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap();
            for ms in [begin.timestamp().as_millisecond(), begin.timestamp().as_millisecond() + 31 * DAY_MS] {
                check(ms);
                check(ms - 1);
            }
        }
        for ms in [0, -1, -62_135_596_800_000, 253_402_207_199_999, 1_767_225_600_250] {
            check(ms);
        }
    }
}
