use std::fmt;
use std::str;

use crate::{Amount, MAX_DECIMALS, digits};

const BLOCK: u64 = 100_000_000;
const STROOPS_PER_UNIT: u64 = 10_000_000;

/// Where the point stands in a [`Buffer`]: after the sign's block and the four of the integer part.
const POINT: usize = 5 * 8;

/// Room for the text of an amount, on the stack.
///
/// Every block of eight bytes has its place: one for the sign, four for the integer part (at most 32 digits), one for the
/// point and seven decimals. So the digits are written whole blocks at a time, and the text is cut out of the middle.
pub(crate) struct Buffer([[u8; 8]; 6]);

impl Buffer {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self([[0; 8]; 6])
    }

    /// Writes the amount, in place: to move the blocks costs more than to fill them.
    #[inline]
    pub(crate) fn write(&mut self, amount: Amount) -> &str {
        let magnitude = amount.stroops().unsigned_abs();
        let integer_digits = match u64::try_from(magnitude) {
            Ok(magnitude) => self.write_narrow(magnitude),
            Err(_) => self.write_wide(magnitude),
        };
        let bytes = self.0.as_flattened_mut();
        let mut start = POINT - integer_digits;
        if amount.is_negative() {
            start -= 1;
            if let Some(sign) = bytes.get_mut(start) {
                *sign = b'-';
            }
        }
        let decimals = usize::from(amount.decimals());
        let end = if decimals == 0 { POINT } else { POINT + 1 + decimals };
        str::from_utf8(bytes.get(start..end).unwrap_or_default()).unwrap_or_default()
    }

    /// Writes what a `u64` of stroops can say, at most 13 digits before the point, and counts these.
    #[inline]
    fn write_narrow(&mut self, magnitude: u64) -> usize {
        let Self([.., third, fourth, fraction]) = self;
        let integer = magnitude / STROOPS_PER_UNIT;
        *fraction = fraction_block(magnitude % STROOPS_PER_UNIT);
        if integer < BLOCK {
            let low = digits::spread(integer);
            *fourth = digits::ascii(low);
            digits::significant(low)
        } else {
            let high = digits::spread(integer / BLOCK);
            *third = digits::ascii(high);
            *fourth = digits::ascii(digits::spread(integer % BLOCK));
            8 + digits::significant(high)
        }
    }

    /// Writes any magnitude, with a single division of 128 bits, and counts the digits before the point.
    fn write_wide(&mut self, magnitude: u128) -> usize {
        const SPLIT: u128 = 10_u128.pow(19);
        let above = magnitude / SPLIT;
        // Both halves fit: 2^127 / 10^19 and 10^19 are below 2^64.
        let high = u64::try_from(above).unwrap_or(0);
        let low = u64::try_from(magnitude.wrapping_sub(above.wrapping_mul(SPLIT))).unwrap_or(0);
        let low_integer = low / STROOPS_PER_UNIT;

        let third = digits::spread(low_integer / BLOCK + high % 10_000 * 10_000);
        let second = digits::spread(high / 10_000 % BLOCK);
        let first = digits::spread(high / 10_000 / BLOCK);
        let fourth = digits::spread(low_integer % BLOCK);
        let fraction = fraction_block(low % STROOPS_PER_UNIT);
        self.0 = [
            [0; 8],
            digits::ascii(first),
            digits::ascii(second),
            digits::ascii(third),
            digits::ascii(fourth),
            fraction,
        ];
        if first != 0 {
            24 + digits::significant(first)
        } else if second != 0 {
            16 + digits::significant(second)
        } else {
            8 + digits::significant(third)
        }
    }
}

/// A point and seven decimals: eight digits with the first, always zero, turned into the point.
fn fraction_block(fraction: u64) -> [u8; 8] {
    let [_, decimals @ ..] = digits::ascii(digits::spread(fraction));
    let [a, b, c, d, e, f, g] = decimals;
    [b'.', a, b, c, d, e, f, g]
}

/// Prints the decimals that the amount is shown with. A precision asks for another number of decimals: fewer as far as only
/// zeros are cut off, more by adding zeros. No digit is lost and nothing is rounded, so `{:.2}` of `7.5` is `7.50`, and of
/// `0.0000116` it is `0.0000116`; round with [`Amount::checked_round`]. Width, fill, alignment and `+` do what they do for
/// integers.
///
/// # Examples
///
/// ```
/// use fluxora_decimal::{Amount, Rounding};
///
/// let amount = Amount::parse("7.5000")?;
/// assert_eq!(format!("{amount} {amount:.2} {amount:.0} {amount:8.2}|"), "7.5000 7.50 7.5     7.50|");
///
/// let rate = Amount::parse("0.0000116")?;
/// assert_eq!(format!("{rate:.2}"), "0.0000116");
/// assert_eq!(format!("{:.2}", rate.checked_round(2, Rounding::Ceil)?), "0.01");
/// # Ok::<(), fluxora_decimal::AmountError>(())
/// ```
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        let text = buffer.write(with_precision(*self, f));
        if f.width().is_none() && f.precision().is_none() && !f.sign_plus() {
            f.write_str(text)
        } else {
            pad(text, f)
        }
    }
}

/// Shows as many decimals as a format string asks for, as far as an amount can.
pub(crate) fn with_precision(amount: Amount, f: &fmt::Formatter<'_>) -> Amount {
    f.precision().map_or(amount, |decimals| amount.with_decimals(u8::try_from(decimals).unwrap_or(u8::MAX)))
}

/// Writes the text of an amount, with the zeros that a precision asks for beyond the seventh decimal, and with padding.
pub(crate) fn pad(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (is_negative, digits) = (text.starts_with('-'), text.trim_start_matches('-'));
    match f.precision().map(|decimals| decimals.saturating_sub(usize::from(MAX_DECIMALS))) {
        None | Some(0) => f.pad_integral(!is_negative, "", digits),
        Some(zeros) => f.pad_integral(!is_negative, "", &format!("{digits}{:0<zeros$}", "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decimals::Decimals;

    fn check(stroops: i128, decimals: u8, expect: &str) {
        let amount = Amount::shown(stroops, Decimals::capped(decimals));
        assert_eq!(amount.to_string(), expect);
        assert_eq!(Buffer::new().write(amount), expect);
    }

    #[test]
    fn an_amount_prints_its_sign_its_digits_and_its_decimals() {
        check(0, 0, "0");
        check(0, 7, "0.0000000");
        check(1, 7, "0.0000001");
        check(-1, 7, "-0.0000001");
        check(116, 7, "0.0000116");
        check(75_000_000, 1, "7.5");
        check(75_000_000, 2, "7.50");
        check(1_000_000_000, 0, "100");
        check(-1_000_000_000, 0, "-100");
        check(10_000_000_000_000, 7, "1000000.0000000");
        check(123_456_789_012_345_678, 7, "12345678901.2345678");
    }

    #[test]
    fn every_number_of_digits_prints() {
        let digits = "1234567890123456789012345678901";
        for length in 1..=31 {
            let text = format!("{digits:.length$}.7654321");
            let stroops: i128 = text.replace('.', "").parse().unwrap();
            check(stroops, 7, &text);
            check(-stroops, 7, &format!("-{text}"));
            let round = format!("1{}.0000000", "0".repeat(length));
            check(10_i128.pow(7 + u32::try_from(length).unwrap()), 7, &round);
        }
        check(i128::MAX, 7, "17014118346046923173168730371588.4105727");
        check(i128::MIN, 7, "-17014118346046923173168730371588.4105728");
    }

    #[test]
    fn each_side_of_a_split_in_the_layout_prints() {
        check(999_999_999_999_999, 7, "99999999.9999999");
        check(1_000_000_000_000_000, 7, "100000000.0000000");
        check(i128::from(u64::MAX), 7, "1844674407370.9551615");
        check(i128::from(u64::MAX) + 1, 7, "1844674407370.9551616");
    }

    #[test]
    fn a_format_string_can_pad() {
        let amount = Amount::parse("7.50").unwrap();
        assert_eq!(format!("{amount:8}|"), "    7.50|");
        assert_eq!(format!("{amount:<8}|"), "7.50    |");
        assert_eq!(format!("{amount:*^8}"), "**7.50**");
        assert_eq!(format!("{amount:+}"), "+7.50");
        assert_eq!(format!("{:08}", amount.checked_neg().unwrap()), "-0007.50");
        assert_eq!(format!("{amount:?}"), "Amount(7.50)");
    }

    #[test]
    fn a_precision_is_honoured_when_no_digit_is_lost() {
        let check = |text: &str, precision: usize, expect: &str| {
            let amount = Amount::parse(text).unwrap();
            assert_eq!(format!("{amount:.precision$}"), expect);
            assert_eq!(format!("{:.precision$}", amount.grouped()), expect);
        };
        check("100", 2, "100.00");
        check("7.50", 1, "7.5");
        check("7.000", 0, "7");
        check("-0.5", 7, "-0.5000000");
        check("0", 9, "0.000000000");
        check("-0.0000001", 10, "-0.0000001000");
        check("1", 300, &format!("1.{}", "0".repeat(300)));
    }

    #[test]
    fn a_precision_never_rounds() {
        for precision in 0..=7 {
            assert_eq!(format!("{:.precision$}", Amount::from_stroops(116)), "0.0000116");
            assert_eq!(format!("{:.precision$}", Amount::MIN), Amount::MIN.to_string());
        }
        assert_eq!(format!("{:.1}", Amount::parse("7.250").unwrap()), "7.25");
    }

    #[test]
    fn width_counts_the_digits_of_a_precision() {
        let amount = Amount::parse("-1234.5").unwrap();
        assert_eq!(format!("{amount:>10.2}|"), "  -1234.50|");
        assert_eq!(format!("{amount:016.9}|"), "-01234.500000000|");
        assert_eq!(format!("{:>10.2}|", amount.grouped()), " -1,234.50|");
    }
}
