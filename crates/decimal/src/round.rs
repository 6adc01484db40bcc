use crate::arithmetic::{BEYOND_RANGE, in_range};
use crate::decimals::Decimals;
use crate::{Amount, AmountError};

/// Which way to round a value that lies between two neighbours.
///
/// # Examples
///
/// ```
/// use fluxora_decimal::{Amount, Rounding};
///
/// let owed = Amount::parse("-2.5")?;
/// let rounded = |mode| owed.checked_round(0, mode).map(|amount| amount.to_string());
/// assert_eq!(rounded(Rounding::Floor)?, "-3");
/// assert_eq!(rounded(Rounding::Ceil)?, "-2");
/// assert_eq!(rounded(Rounding::TowardZero)?, "-2");
/// assert_eq!(rounded(Rounding::AwayFromZero)?, "-3");
/// assert_eq!(rounded(Rounding::HalfEven)?, "-2");
/// assert_eq!(rounded(Rounding::HalfAwayFromZero)?, "-3");
/// assert_eq!(rounded(Rounding::HalfTowardZero)?, "-2");
/// # Ok::<(), fluxora_decimal::AmountError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Rounding {
    /// To the neighbour below, towards negative infinity.
    Floor,
    /// To the neighbour above, towards positive infinity.
    Ceil,
    /// To the neighbour that is nearer to zero: digits are cut off.
    TowardZero,
    /// To the neighbour that is farther from zero.
    AwayFromZero,
    /// To the nearest neighbour; from the middle to the one whose last digit is even (banker's rounding).
    HalfEven,
    /// To the nearest neighbour; from the middle to the one that is farther from zero (commercial rounding).
    HalfAwayFromZero,
    /// To the nearest neighbour; from the middle to the one that is nearer to zero.
    HalfTowardZero,
}

impl Amount {
    /// Rounds to `decimals` decimals, and shows the result with exactly that many.
    ///
    /// More than [`MAX_DECIMALS`](crate::MAX_DECIMALS) counts as that many: there is nothing to round.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] if the rounded value is below [`Amount::MIN`] or above [`Amount::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::{Amount, Rounding};
    ///
    /// let streamed = Amount::parse("1.0022400")?;
    /// assert_eq!(streamed.checked_round(2, Rounding::HalfEven)?.to_string(), "1.00");
    /// assert_eq!(streamed.checked_round(2, Rounding::Ceil)?.to_string(), "1.01");
    /// assert_eq!(Amount::parse("7")?.checked_round(2, Rounding::Floor)?.to_string(), "7.00");
    /// assert!(Amount::MAX.checked_round(0, Rounding::Ceil).is_err());
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub fn checked_round(self, decimals: u8, mode: Rounding) -> Result<Self, AmountError> {
        let decimals = Decimals::capped(decimals);
        let unit = i128::from(decimals.stroops());
        let (quotient, rest) = (self.stroops() / unit, self.stroops() % unit);
        let away = if self.is_negative() { -1 } else { 1 };
        // Twice the rest is compared with the unit: both are below 2^25.
        let (twice, unit_size) = (rest.unsigned_abs() * 2, unit.unsigned_abs());
        let moves = rest != 0
            && match mode {
                Rounding::Floor => self.is_negative(),
                Rounding::Ceil => !self.is_negative(),
                Rounding::TowardZero => false,
                Rounding::AwayFromZero => true,
                Rounding::HalfEven => twice > unit_size || twice == unit_size && quotient % 2 != 0,
                Rounding::HalfAwayFromZero => twice >= unit_size,
                Rounding::HalfTowardZero => twice > unit_size,
            };
        let quotient = if moves { quotient.checked_add(away).ok_or(BEYOND_RANGE)? } else { quotient };
        in_range(quotient.checked_mul(unit), decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::Rounding::{
        AwayFromZero, Ceil, Floor, HalfAwayFromZero, HalfEven, HalfTowardZero, TowardZero,
    };
    use super::*;

    const MODES: [Rounding; 7] =
        [Floor, Ceil, TowardZero, AwayFromZero, HalfEven, HalfAwayFromZero, HalfTowardZero];

    /// What the modes give, in the order of `MODES`.
    #[track_caller]
    fn check(text: &str, decimals: u8, expect: [&str; 7]) {
        let amount = Amount::parse(text).unwrap();
        let rounded = MODES.map(|mode| match amount.checked_round(decimals, mode) {
            Ok(rounded) => rounded.to_string(),
            Err(error) => error.code().to_owned(),
        });
        assert_eq!(rounded, expect, "{text}");
    }

    #[test]
    fn each_mode_goes_its_way_from_the_middle() {
        check("0.5", 0, ["0", "1", "0", "1", "0", "1", "0"]);
        check("1.5", 0, ["1", "2", "1", "2", "2", "2", "1"]);
        check("-0.5", 0, ["-1", "0", "0", "-1", "0", "-1", "0"]);
        check("-1.5", 0, ["-2", "-1", "-1", "-2", "-2", "-2", "-1"]);
        check(
            "0.0000015",
            6,
            ["0.000001", "0.000002", "0.000001", "0.000002", "0.000002", "0.000002", "0.000001"],
        );
    }

    #[test]
    fn one_stroop_beside_the_middle_decides() {
        check("0.4999999", 0, ["0", "1", "0", "1", "0", "0", "0"]);
        check("0.5000001", 0, ["0", "1", "0", "1", "1", "1", "1"]);
        check("-0.0050001", 2, ["-0.01", "0.00", "0.00", "-0.01", "-0.01", "-0.01", "-0.01"]);
        check("-0.0049999", 2, ["-0.01", "0.00", "0.00", "-0.01", "0.00", "0.00", "0.00"]);
    }

    #[test]
    fn an_exact_value_is_shown_with_as_many_decimals_as_asked_for() {
        check("7.5", 2, ["7.50"; 7]);
        check("7.5000", 1, ["7.5"; 7]);
        check("-0.00", 0, ["0"; 7]);
        check("0.0000001", 7, ["0.0000001"; 7]);
        check("7.5", u8::MAX, ["7.5000000"; 7]);
    }

    #[test]
    fn both_ends_of_the_range_hold() {
        const RANGE: &str = "DECIMAL_OUT_OF_RANGE";
        let (down, up) = ("17014118346046923173168730371588", "17014118346046923173168730371588.41057");
        check("17014118346046923173168730371588.4105727", 0, [down, RANGE, down, RANGE, down, down, down]);
        check("17014118346046923173168730371588.4105727", 5, [up, RANGE, up, RANGE, up, up, up]);
        let up = "-17014118346046923173168730371588.410572";
        check("-17014118346046923173168730371588.4105728", 6, [RANGE, up, up, RANGE, RANGE, RANGE, RANGE]);
    }
}
