//! Instants as RFC 3339 writes them.

use fluxora_stream::UnixTime;
use jiff::{SignedDuration, Timestamp};

/// What the parser expects, for messages.
pub(crate) const EXPECTED: &str =
    "an instant of the years 1970 to 9999 in RFC 3339, such as 2026-01-31T12:00:00Z";

/// Reads an instant in RFC 3339: date, `T`, time with seconds from 00 to 59, an optional fraction, and `Z` or an offset.
///
/// An instant of the last 26 hours of 9999, which no [`Timestamp`] in milliseconds reaches, reads as the last one before them:
/// [`UnixTime::LAST_INSTANT`]. `None` for any other text, for the forms that only ISO 8601 has, and before 1970.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date_time, rest) = text.split_at_checked("YYYY-MM-DDThh:mm:ss".len())?;
    let upper = date_time.to_ascii_uppercase();
    if !has_form(&upper, "0000-00-00T00:00:00") || !in_range(&upper, 17, 59) {
        return None;
    }
    let (fraction, offset) = split_fraction(rest)?;
    let offset = offset.to_ascii_uppercase();
    let sound = offset == "Z"
        || has_form(&offset.replacen('-', "+", 1), "+00:00")
            && in_range(&offset, 1, 23)
            && in_range(&offset, 4, 59);
    if !sound {
        return None;
    }
    let instant: Timestamp = match format!("{upper}{fraction}{offset}").parse() {
        Ok(instant) => instant,
        Err(_) => past_the_last(&upper, &offset)?,
    };
    (instant >= Timestamp::UNIX_EPOCH).then(|| instant.min(UnixTime::LAST_INSTANT.instant()))
}

/// The same, cut to the millisecond.
pub(crate) fn parse_to_millisecond(text: &str) -> Option<Timestamp> {
    cut(parse(text)?)
}

/// The first millisecond that is not before the instant.
pub(crate) fn parse_up_to_millisecond(text: &str) -> Option<Timestamp> {
    let instant = parse(text)?;
    let cut = cut(instant)?;
    if cut == instant { Some(cut) } else { cut.checked_add(SignedDuration::from_millis(1)).ok() }
}

fn cut(instant: Timestamp) -> Option<Timestamp> {
    let nanoseconds = instant.subsec_nanosecond();
    Timestamp::new(instant.as_second(), nanoseconds.checked_sub(nanoseconds.checked_rem(1_000_000)?)?).ok()
}

/// Whether a text has digits where a form has `0`, and is equal to it elsewhere.
fn has_form(text: &str, form: &str) -> bool {
    let fits = |(byte, form): (u8, u8)| if form == b'0' { byte.is_ascii_digit() } else { byte == form };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(fits)
}

/// Whether the two digits at a place are at most `most`.
fn in_range(text: &str, at: usize, most: u8) -> bool {
    let digits = text.get(at..at.saturating_add(2));
    digits.and_then(|digits| digits.parse::<u8>().ok()).is_some_and(|number| number <= most)
}

/// The fraction with its point, as far as nanoseconds, and the offset behind it.
fn split_fraction(rest: &str) -> Option<(&str, &str)> {
    let Some(digits) = rest.strip_prefix('.') else { return Some(("", rest)) };
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    let (_, offset) = digits.split_at_checked(length)?;
    Some((rest.get(..=length.min(9))?, offset))
}

/// An instant in the last 26 hours of 9999, if it is one: the calendar has the date, but no [`Timestamp`] does.
fn past_the_last(date_time: &str, offset: &str) -> Option<Timestamp> {
    let date_time: jiff::civil::DateTime = date_time.parse().ok()?;
    let (hours, minutes) = match offset.get(1..).and_then(|offset| offset.split_once(':')) {
        None => (0, 0),
        Some((hours, minutes)) => (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?),
    };
    let ahead = hours.checked_mul(60)?.checked_add(minutes)?;
    let behind_utc = if offset.starts_with('-') { ahead } else { ahead.checked_neg()? };
    let in_utc = date_time.checked_add(jiff::Span::new().minutes(behind_utc)).ok()?;
    (in_utc.year() == 9999).then(|| UnixTime::LAST_INSTANT.instant())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(parse(text), Some(expect.parse().unwrap()), "{text}");
    }

    #[test]
    fn every_form_of_rfc_3339_is_read() {
        check("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z");
        check("2026-01-31t12:00:00z", "2026-01-31T12:00:00Z");
        check("2026-01-31T12:00:00.5+02:00", "2026-01-31T10:00:00.5Z");
        check("2026-01-31T12:00:00-23:59", "2026-02-01T11:59:00Z");
        check("2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00Z");
        check("2024-02-29T00:00:00.123456789123Z", "2024-02-29T00:00:00.123456789Z");
        check("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z");
    }

    #[test]
    fn what_only_iso_8601_allows_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "20260131T120000Z",
            "2026-01-31T120000Z",
            "2026-W05-6T12:00:00Z",
            "2026-031T12:00:00Z",
            "2026-01-31T12:00Z",
            "2026-01-31T12Z",
            "2026-01-31T12:00:00",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00,5Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+02",
            "2026-01-31T12:00:00+0200",
            "2026-01-31T12:00:00+02:00:00",
            "2026-01-31T12:00:00+24:00",
            "2026-01-31T12:00:00+02:60",
            "2026-01-31T12:00:00Z[UTC]",
            "2026-01-31T12:00:60Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:60:00Z",
            "2026-02-29T12:00:00Z",
            "2026-13-01T12:00:00Z",
            "+002026-01-31T12:00:00Z",
            "1969-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "２026-01-31T12:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_year_9999_is_read_to_its_last_second() {
        check("9999-12-30T22:00:00Z", "9999-12-30T22:00:00Z");
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59+12:00"] {
            check(text, "9999-12-30T22:00:00Z");
        }
        assert_eq!(parse("9999-12-31T23:59:59-00:01"), None, "in UTC this is the year 10000");
    }

    #[test]
    fn a_bound_is_rounded_up_and_a_record_cut_to_the_millisecond() {
        let (text, cut) = ("2026-01-31T12:00:00.0005Z", "2026-01-31T12:00:00Z");
        assert_eq!(parse_to_millisecond(text), Some(cut.parse().unwrap()));
        assert_eq!(parse_up_to_millisecond(text), Some("2026-01-31T12:00:00.001Z".parse().unwrap()));
        assert_eq!(parse_up_to_millisecond(cut), Some(cut.parse().unwrap()));
        for parse in [parse_to_millisecond, parse_up_to_millisecond] {
            let last = parse("9999-12-31T23:59:59.9999Z").unwrap();
            assert_eq!(Timestamp::from_millisecond(last.as_millisecond()).unwrap(), last);
        }
    }
}
