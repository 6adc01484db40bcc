use std::str::FromStr;

use crate::decimals::Decimals;
use crate::digits;
use crate::{Amount, AmountError, Limit};

/// The longest text that is looked at as a whole: 64 bytes.
///
/// The longest amount has 41. The rest is room for leading zeros.
pub const MAX_TEXT_LEN: usize = 64;

/// So many digits fit a `u64`.
const NARROW_DIGITS: usize = 19;

/// The integer part of the smallest and of the largest amount.
const MAX_UNITS: u128 = i128::MAX.unsigned_abs() / UNIT;

const UNIT: u128 = crate::STROOPS_PER_UNIT.unsigned_abs();

const BEYOND_RANGE: AmountError = AmountError::OutOfRange { limit: Limit::Range };

impl Amount {
    /// Reads `[+-]?digits[.digits]`, ASCII only, with at most seven decimals.
    ///
    /// The decimals written are kept; the sign and leading zeros are normalised. It allocates nothing, and looks at no
    /// more than [`MAX_TEXT_LEN`] bytes, however long the text is.
    ///
    /// # Errors
    ///
    /// - [`AmountError::Empty`] for `""`
    /// - [`AmountError::InvalidFormat`] for anything else that is not of this form (spaces, exponents and separators
    ///   are not)
    /// - [`AmountError::OutOfRange`] for a number with more than seven decimals (even if they are zeros), or outside
    ///   [`Amount::MIN`] to [`Amount::MAX`], or longer than [`MAX_TEXT_LEN`] bytes; a longer text is judged by its first
    ///   [`MAX_TEXT_LEN`] bytes
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::parse("100")?.to_string(), "100");
    /// assert_eq!(Amount::parse("+007.50")?.to_string(), "7.50");
    /// assert_eq!(Amount::parse("-0")?.to_string(), "0");
    /// assert_eq!(Amount::parse("5.").unwrap_err().code(), "DECIMAL_INVALID_FORMAT");
    /// assert_eq!(Amount::parse("0.00000001").unwrap_err().code(), "DECIMAL_OUT_OF_RANGE");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let text = text.as_bytes();
        if text.len() > MAX_TEXT_LEN {
            return Err(too_long(text));
        }
        let (negative, unsigned) = match text {
            [] => return Err(AmountError::Empty),
            [b'-', unsigned @ ..] => (true, unsigned),
            [b'+', unsigned @ ..] => (false, unsigned),
            unsigned => (false, unsigned),
        };
        let (units, after_integer) = leading_digits(unsigned);
        let integer_len = unsigned.len() - after_integer.len();
        if integer_len == 0 {
            return Err(AmountError::InvalidFormat);
        }
        let (fraction, decimals) = fraction(after_integer)?;
        let stroops = if integer_len <= NARROW_DIGITS {
            // Below 10^26: nothing wraps around.
            let magnitude =
                i128::from(units).wrapping_mul(crate::STROOPS_PER_UNIT).wrapping_add(i128::from(fraction));
            if negative { magnitude.wrapping_neg() } else { magnitude }
        } else {
            wide(negative, unsigned.get(..integer_len).unwrap_or_default(), fraction)?
        };
        Ok(Self::shown(stroops, decimals))
    }
}

/// Reads digits up to the first byte that is none, and gives back the rest. The number wraps around after 19 digits.
fn leading_digits(text: &[u8]) -> (u64, &[u8]) {
    let mut number = 0_u64;
    let mut rest = text;
    while let Some((block, tail)) = rest.split_first_chunk() {
        let Some(eight) = digits::read(u64::from_le_bytes(*block)) else { break };
        number = number.wrapping_mul(100_000_000).wrapping_add(eight);
        rest = tail;
    }
    while let [first, tail @ ..] = rest {
        let digit = first.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        rest = tail;
    }
    (number, rest)
}

/// Reads `[.digits]` to its end, in stroops.
fn fraction(text: &[u8]) -> Result<(u64, Decimals), AmountError> {
    // All seven decimals: with its point turned into a zero, the text is eight digits.
    if let Ok(block) = text.try_into() {
        let with_zero = u64::from_le_bytes(block) ^ u64::from(b'.' ^ b'0');
        if let (b'.', Some(number)) = (block[0], digits::read(with_zero)) {
            return Ok((number, Decimals::Seven));
        }
    }
    let written = match text {
        [] => return Ok((0, Decimals::Zero)),
        [b'.', written @ ..] => written,
        _ => return Err(AmountError::InvalidFormat),
    };
    let (number, rest) = leading_digits(written);
    if written.is_empty() || !rest.is_empty() {
        return Err(AmountError::InvalidFormat);
    }
    let decimals = match u8::try_from(written.len()) {
        Ok(decimals) if decimals <= crate::MAX_DECIMALS => Decimals::capped(decimals),
        _ => return Err(AmountError::OutOfRange { limit: Limit::Decimals }),
    };
    Ok((number.wrapping_mul(u64::from(decimals.stroops())), decimals))
}

/// The stroops of an integer part of any length, which is known to be digits, and of a fraction.
fn wide(negative: bool, integer: &[u8], fraction: u64) -> Result<i128, AmountError> {
    let zeros = integer.iter().take_while(|&&digit| digit == b'0').count();
    let significant = integer.get(zeros..).unwrap_or_default();
    let (high, low) = significant.split_at(significant.len().saturating_sub(16));
    if high.len() > 16 {
        return Err(BEYOND_RANGE);
    }
    let units = u128::from(leading_digits(high).0) * 10_u128.pow(16) + u128::from(leading_digits(low).0);
    if units > MAX_UNITS {
        return Err(BEYOND_RANGE);
    }
    let magnitude = units * UNIT + u128::from(fraction);
    let stroops = if negative {
        0_i128.checked_sub_unsigned(magnitude)
    } else {
        0_i128.checked_add_unsigned(magnitude)
    };
    stroops.ok_or(BEYOND_RANGE)
}

/// Tells a number that is too long from something that is no number, by its beginning.
#[cold]
fn too_long(text: &[u8]) -> AmountError {
    let seen = text.get(..MAX_TEXT_LEN).unwrap_or_default();
    let unsigned = match seen {
        [b'-' | b'+', unsigned @ ..] => unsigned,
        unsigned => unsigned,
    };
    let (_, after_integer) = leading_digits(unsigned);
    let number_so_far = after_integer.len() < unsigned.len()
        && match after_integer {
            [] => true,
            [b'.', decimals @ ..] => leading_digits(decimals).1.is_empty(),
            _ => false,
        };
    if number_so_far { AmountError::OutOfRange { limit: Limit::Length } } else { AmountError::InvalidFormat }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        Self::parse(text)
    }
}

impl TryFrom<&str> for Amount {
    type Error = AmountError;

    fn try_from(text: &str) -> Result<Self, AmountError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: &str, expect: Result<(&str, i128), AmountError>) {
        let parsed = Amount::parse(input).map(|amount| (amount.to_string(), amount.stroops()));
        assert_eq!(parsed, expect.map(|(text, stroops)| (text.to_owned(), stroops)), "{input:?}");
    }

    #[test]
    fn a_number_comes_back_as_it_was_written() {
        check("0", Ok(("0", 0)));
        check("100", Ok(("100", 1_000_000_000)));
        check("1000000.0000000", Ok(("1000000.0000000", 10_000_000_000_000)));
        check("0.0000116", Ok(("0.0000116", 116)));
        check("0.00", Ok(("0.00", 0)));
        check("-12.5", Ok(("-12.5", -125_000_000)));
        check("1234567890123.1", Ok(("1234567890123.1", 12_345_678_901_231_000_000)));
    }

    #[test]
    fn sign_and_leading_zeros_are_normalised() {
        check("+007.50", Ok(("7.50", 75_000_000)));
        check("-0", Ok(("0", 0)));
        check("-0.000", Ok(("0.000", 0)));
        check("+0", Ok(("0", 0)));
        check("-000.1", Ok(("-0.1", -1_000_000)));
        check(&format!("{}1", "0".repeat(63)), Ok(("1", 10_000_000)));
        check(&format!("-{}.0000001", "0".repeat(55)), Ok(("-0.0000001", -1)));
    }

    #[test]
    fn both_ends_of_the_range_are_exact() {
        const RANGE: Result<(&str, i128), AmountError> = Err(AmountError::OutOfRange { limit: Limit::Range });
        let max = "17014118346046923173168730371588.4105727";
        let min = "-17014118346046923173168730371588.4105728";
        check(max, Ok((max, i128::MAX)));
        check(min, Ok((min, i128::MIN)));
        check("17014118346046923173168730371588.4105728", RANGE);
        check("-17014118346046923173168730371588.4105729", RANGE);
        check("17014118346046923173168730371589", RANGE);
        check(&"9".repeat(32), RANGE);
        check(&"9".repeat(39), RANGE);
        check(&"9".repeat(64), RANGE);
    }

    #[test]
    fn what_is_no_plain_number_is_refused() {
        for input in [
            " ",
            "+",
            "-",
            ".",
            "-.",
            "+.",
            ".5",
            "-.5",
            "5.",
            "-5.",
            "++1",
            "--1",
            "+-1",
            "1-",
            "1+1",
            "1..2",
            "1.2.3",
            "1.-5",
            "1e10",
            "1E10",
            "1.5e3",
            "1_0",
            "1,000",
            "1 000",
            " 1",
            "1 ",
            "1\n",
            "\t1",
            "0x10",
            "NaN",
            "inf",
            "Infinity",
            "1\u{0}",
            "\u{0}",
            "1\u{0}0",
            "１００",
            "٣",
            "1٫5",
            "−1",
            "½",
            "1/2",
            "$1",
            "1f64",
            "1:",
            "/1",
            "123456789012345678901234567890x",
            "1.00000000x",
            "9999999999999999999999999999999999999999999e1",
        ] {
            check(input, Err(AmountError::InvalidFormat));
        }
    }

    #[test]
    fn no_other_byte_passes_for_a_digit_or_a_point() {
        for sound in ["1", "12345678", "1234567890123456", "0.1234567", "12345678.1", "1.50"] {
            for position in 0..sound.len() {
                for byte in 0..128_u8 {
                    let mut bytes = sound.as_bytes().to_vec();
                    bytes[position] = byte;
                    let text = String::from_utf8(bytes).unwrap();
                    let expect = crate::oracle::read(&text);
                    let read = Amount::parse(&text).map(|amount| (amount.stroops(), amount.to_string()));
                    assert_eq!(read.map_err(|error| error.code()), expect, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn the_empty_text_has_its_own_code() {
        check("", Err(AmountError::Empty));
    }

    #[test]
    fn an_eighth_decimal_is_refused_even_if_it_is_zero() {
        const DECIMALS: Result<(&str, i128), AmountError> =
            Err(AmountError::OutOfRange { limit: Limit::Decimals });
        check("0.00000001", DECIMALS);
        check("0.00000000", DECIMALS);
        check("100.000000000000000000000000000000", DECIMALS);
        check("-1.12345678", DECIMALS);
    }

    #[test]
    fn a_text_that_is_too_long_is_judged_by_its_beginning() {
        const LENGTH: Result<(&str, i128), AmountError> =
            Err(AmountError::OutOfRange { limit: Limit::Length });
        const FORMAT: Result<(&str, i128), AmountError> = Err(AmountError::InvalidFormat);
        check(&"9".repeat(65), LENGTH);
        check(&"0".repeat(65), LENGTH);
        check(&format!("-{}", "0".repeat(64)), LENGTH);
        check(&format!("0.{}", "0".repeat(63)), LENGTH);
        check(&format!("{}.", "0".repeat(64)), LENGTH);
        check(&format!("{}x", "1".repeat(64)), LENGTH);
        check(&format!("{}x1", "1".repeat(63)), FORMAT);
        check(&format!(".{}", "1".repeat(64)), FORMAT);
        check(&format!("1..{}", "1".repeat(64)), FORMAT);
        check(&format!("++{}", "1".repeat(64)), FORMAT);
        check(&"é".repeat(33), FORMAT);
        check(&" ".repeat(65), FORMAT);
    }

    #[test]
    fn every_door_reads_the_same() {
        assert_eq!("1.5".parse::<Amount>(), Amount::parse("1.5"));
        assert_eq!(Amount::try_from("1.5"), Amount::parse("1.5"));
    }
}
