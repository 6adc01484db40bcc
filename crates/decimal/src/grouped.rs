use std::fmt;
use std::str;

use crate::Amount;
use crate::format::{Buffer, pad, with_precision};

/// The longest text: a sign, 32 digits with ten commas, a point and seven decimals.
const MAX_LEN: usize = 51;

impl Amount {
    /// The amount for people, with a comma before every three digits of the integer part.
    ///
    /// It is not accepted back by [`Amount::parse`]. Width, fill, alignment and precision work as for the amount itself.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// let deposit = Amount::parse("1000000.0000000")?;
    /// assert_eq!(deposit.grouped().to_string(), "1,000,000.0000000");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    #[must_use]
    pub fn grouped(self) -> impl fmt::Display {
        Grouped(self)
    }
}

struct Grouped(Amount);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut buffer = Buffer::new();
        let signed = buffer.write(with_precision(self.0, f));
        let (sign, text) = signed.split_at(usize::from(self.0.is_negative()));
        let integer_len = text.find('.').unwrap_or(text.len());

        let mut grouped = [0; MAX_LEN];
        let mut free = grouped.iter_mut();
        let mut put = |byte: u8| {
            if let Some(slot) = free.next() {
                *slot = byte;
            }
        };
        sign.bytes().for_each(&mut put);
        for (position, byte) in text.bytes().enumerate() {
            let left = integer_len.saturating_sub(position);
            if position > 0 && left > 0 && left % 3 == 0 {
                put(b',');
            }
            put(byte);
        }
        let len = MAX_LEN - free.len();
        let grouped = str::from_utf8(grouped.get(..len).unwrap_or_default()).unwrap_or_default();
        pad(grouped, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        assert_eq!(Amount::parse(text).unwrap().grouped().to_string(), expect);
    }

    #[test]
    fn every_three_digits_before_the_point_are_set_apart() {
        check("0", "0");
        check("-0.0000001", "-0.0000001");
        check("999", "999");
        check("1000", "1,000");
        check("-100000", "-100,000");
        check("1000000.0000000", "1,000,000.0000000");
        check("-123456.7890", "-123,456.7890");
        check(
            "-17014118346046923173168730371588.4105728",
            "-17,014,118,346,046,923,173,168,730,371,588.4105728",
        );
    }

    #[test]
    fn columns_line_up() {
        let amount = Amount::parse("1234.5").unwrap();
        assert_eq!(format!("{:>10}|", amount.grouped()), "   1,234.5|");
    }
}
