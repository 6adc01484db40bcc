use crate::decimals::Decimals;
use crate::{Amount, AmountError, Limit};

pub(crate) const BEYOND_RANGE: AmountError = AmountError::OutOfRange { limit: Limit::Range };

impl Amount {
    /// Adds; the sum is shown with the decimals of the operand that has more.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] if the sum is no `i128` of stroops.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// let sum = Amount::parse("100")?.checked_add(Amount::parse("0.50")?)?;
    /// assert_eq!(sum.to_string(), "100.50");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn checked_add(self, other: Self) -> Result<Self, AmountError> {
        in_range(
            self.stroops().checked_add(other.stroops()),
            self.shown_decimals().max(other.shown_decimals()),
        )
    }

    /// Subtracts; the difference is shown with the decimals of the operand that has more.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] if the difference is no `i128` of stroops.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// let rest = Amount::parse("100")?.checked_sub(Amount::parse("0.50")?)?;
    /// assert_eq!(rest.to_string(), "99.50");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn checked_sub(self, other: Self) -> Result<Self, AmountError> {
        in_range(
            self.stroops().checked_sub(other.stroops()),
            self.shown_decimals().max(other.shown_decimals()),
        )
    }

    /// Turns the sign around.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] for [`Amount::MIN`], whose opposite does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::parse("7.50")?.checked_neg()?.to_string(), "-7.50");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn checked_neg(self) -> Result<Self, AmountError> {
        in_range(self.stroops().checked_neg(), self.shown_decimals())
    }

    /// The magnitude, without the sign.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] for [`Amount::MIN`], whose magnitude is one stroop above [`Amount::MAX`].
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::parse("-7.50")?.checked_abs()?.to_string(), "7.50");
    /// assert!(Amount::MIN.checked_abs().is_err());
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn checked_abs(self) -> Result<Self, AmountError> {
        in_range(self.stroops().checked_abs(), self.shown_decimals())
    }

    /// Multiplies by a whole number, such as a rate by seconds.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] if the product is no `i128` of stroops.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::parse("0.25")?.checked_mul_int(3)?.to_string(), "0.75");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn checked_mul_int(self, n: i128) -> Result<Self, AmountError> {
        in_range(self.stroops().checked_mul(n), self.shown_decimals())
    }

    /// Divides by a whole number, rounding to the stroop below (towards negative infinity).
    ///
    /// The quotient is shown with at least the decimals of `self`.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] if `n` is zero, or for [`Amount::MIN`] by -1.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::parse("100")?.checked_div_floor(3)?.to_string(), "33.3333333");
    /// assert_eq!(Amount::parse("-100")?.checked_div_floor(3)?.to_string(), "-33.3333334");
    /// assert_eq!(Amount::parse("100")?.checked_div_floor(4)?.to_string(), "25");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn checked_div_floor(self, n: i128) -> Result<Self, AmountError> {
        let (quotient, exact) = match self.divided_towards_zero(n) {
            Ok(division) => division,
            Err(refused) => return Err(refused),
        };
        let below_zero = self.is_negative() != (n < 0);
        Ok(self.requotient(if !exact && below_zero { quotient - 1 } else { quotient }))
    }

    /// Divides by a whole number, rounding to the stroop above (towards positive infinity).
    ///
    /// The quotient is shown with at least the decimals of `self`.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] if `n` is zero, or for [`Amount::MIN`] by -1.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::parse("100")?.checked_div_ceil(3)?.to_string(), "33.3333334");
    /// assert_eq!(Amount::parse("-100")?.checked_div_ceil(3)?.to_string(), "-33.3333333");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn checked_div_ceil(self, n: i128) -> Result<Self, AmountError> {
        let (quotient, exact) = match self.divided_towards_zero(n) {
            Ok(division) => division,
            Err(refused) => return Err(refused),
        };
        let above_zero = self.is_negative() == (n < 0);
        Ok(self.requotient(if !exact && above_zero { quotient + 1 } else { quotient }))
    }

    /// The quotient in stroops, and whether nothing was cut off it. Where something was, `n` is at least 2 in magnitude,
    /// so the quotient can be moved by one.
    const fn divided_towards_zero(self, n: i128) -> Result<(i128, bool), AmountError> {
        if n == 0 {
            return Err(AmountError::OutOfRange { limit: Limit::DivisionByZero });
        }
        match self.stroops().checked_div(n) {
            Some(quotient) => Ok((quotient, quotient * n == self.stroops())),
            None => Err(BEYOND_RANGE),
        }
    }

    const fn requotient(self, stroops: i128) -> Self {
        Self::shown(stroops, self.shown_decimals().max(Decimals::needed_by(stroops)))
    }
}

pub(crate) const fn in_range(stroops: Option<i128>, decimals: Decimals) -> Result<Amount, AmountError> {
    match stroops {
        Some(stroops) => Ok(Amount::shown(stroops, decimals)),
        None => Err(BEYOND_RANGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(result: Result<Amount, AmountError>, expect: &str) {
        match result {
            Ok(amount) => assert_eq!(amount.to_string(), expect),
            Err(error) => assert_eq!(format!("{error:?}"), expect),
        }
    }

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    const RANGE: &str = "OutOfRange { limit: Range }";
    const STROOP: Amount = Amount::from_stroops(1);

    #[test]
    fn sums_and_differences_show_the_larger_number_of_decimals() {
        check(amount("1.5").checked_add(amount("1.25")), "2.75");
        check(amount("1.50").checked_add(amount("1.5")), "3.00");
        check(amount("1").checked_sub(amount("1.000")), "0.000");
        check(amount("1").checked_sub(STROOP), "0.9999999");
    }

    #[test]
    fn a_magnitude_keeps_the_decimals_shown() {
        check(amount("-7.50").checked_abs(), "7.50");
        check(amount("7.50").checked_abs(), "7.50");
        check(amount("-0.00").checked_abs(), "0.00");
    }

    #[test]
    fn both_ends_of_the_range_hold() {
        check(Amount::MAX.checked_add(STROOP), RANGE);
        check(Amount::MIN.checked_sub(STROOP), RANGE);
        check(Amount::MIN.checked_add(Amount::MAX), "-0.0000001");
        check(Amount::MIN.checked_neg(), RANGE);
        check(Amount::MAX.checked_neg(), "-17014118346046923173168730371588.4105727");
        check(Amount::MIN.checked_abs(), RANGE);
        check(
            Amount::MIN.checked_add(STROOP).and_then(Amount::checked_abs),
            "17014118346046923173168730371588.4105727",
        );
        check(Amount::MIN.checked_mul_int(-1), RANGE);
        check(Amount::MAX.checked_mul_int(2), RANGE);
        check(Amount::MIN.checked_div_floor(-1), RANGE);
        check(Amount::MIN.checked_div_ceil(-1), RANGE);
        check(Amount::MIN.checked_div_floor(i128::MIN), "0.0000001");
        check(Amount::MAX.checked_div_floor(i128::MIN), "-0.0000001");
        check(Amount::MAX.checked_div_ceil(i128::MIN), "0.0000000");
    }

    #[test]
    fn division_rounds_the_way_its_name_says() {
        check(amount("10").checked_div_floor(4), "2.5");
        check(STROOP.checked_div_floor(2), "0.0000000");
        check(STROOP.checked_div_ceil(2), "0.0000001");
        check(STROOP.checked_div_floor(-2), "-0.0000001");
        check(STROOP.checked_div_ceil(-2), "0.0000000");
        check(amount("-1").checked_div_floor(3), "-0.3333334");
        check(amount("-1").checked_div_ceil(3), "-0.3333333");
        check(amount("-1").checked_div_floor(-3), "0.3333333");
        check(amount("-1").checked_div_ceil(-3), "0.3333334");
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        check(amount("1").checked_div_floor(0), "OutOfRange { limit: DivisionByZero }");
        check(Amount::ZERO.checked_div_ceil(0), "OutOfRange { limit: DivisionByZero }");
    }
}
