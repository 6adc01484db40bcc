use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::{BigInt, Sign};

use crate::decimals::Decimals;
use crate::{Amount, AmountError, Limit};

/// The most decimals a [`BigDecimal`] may carry into an [`Amount`], all but seven of them zeros.
const MAX_SCALE: i64 = 128;

/// The most bits such a number can have: 128 of stroops, and under four for each decimal after the seventh.
const MAX_BITS: u64 = 128 + 4 * 121;

const BEYOND_RANGE: AmountError = AmountError::OutOfRange { limit: Limit::Range };
const BEYOND_DECIMALS: AmountError = AmountError::OutOfRange { limit: Limit::Decimals };

/// The same value with the same decimals.
///
/// # Examples
///
/// ```
/// use bigdecimal::BigDecimal;
/// use fluxora_decimal::Amount;
///
/// let big = BigDecimal::from(Amount::parse("7.50")?);
/// assert_eq!(big.fractional_digit_count(), 2);
/// # Ok::<(), fluxora_decimal::AmountError>(())
/// ```
impl From<Amount> for BigDecimal {
    fn from(amount: Amount) -> Self {
        let unit = i128::from(amount.shown_decimals().stroops());
        Self::new(BigInt::from(amount.stroops() / unit), i64::from(amount.decimals()))
    }
}

/// The same value, shown with the scale of the [`BigDecimal`] as far as an amount can.
///
/// The scale of a [`BigDecimal`] is mostly an outcome of arithmetic, nothing that somebody wrote. So, other than in
/// [`Amount::parse`], zeros after the seventh decimal are dropped (up to a scale of 128).
///
/// # Errors
///
/// [`AmountError::OutOfRange`] if the value needs an eighth decimal, has a scale above 128, or is no `i128` of stroops. No
/// exponent is ever written out: `1e20000000` is refused as fast as `1e40`.
///
/// # Examples
///
/// ```
/// use bigdecimal::BigDecimal;
/// use fluxora_decimal::Amount;
///
/// let amount = Amount::try_from(&BigDecimal::new(2.into(), -3))?;
/// assert_eq!(amount.to_string(), "2000");
/// assert!(Amount::try_from(BigDecimal::new(1.into(), i64::MIN)).is_err());
/// # Ok::<(), fluxora_decimal::AmountError>(())
/// ```
impl TryFrom<&BigDecimal> for Amount {
    type Error = AmountError;

    fn try_from(big: &BigDecimal) -> Result<Self, AmountError> {
        let (digits, scale) = big.as_bigint_and_scale();
        let decimals = Decimals::capped(u8::try_from(scale.clamp(0, 7)).unwrap_or(0));
        if digits.sign() == Sign::NoSign {
            return Ok(Self::shown(0, decimals));
        }
        let stroops = if scale <= 7 { scaled_up(&digits, scale)? } else { scaled_down(&digits, scale)? };
        Ok(Self::shown(stroops, decimals))
    }
}

/// Hands over to the conversion from a reference.
impl TryFrom<BigDecimal> for Amount {
    type Error = AmountError;

    fn try_from(big: BigDecimal) -> Result<Self, AmountError> {
        Self::try_from(&big)
    }
}

/// Stroops of a number that is not zero, with at most seven decimals.
fn scaled_up(digits: &BigInt, scale: i64) -> Result<i128, AmountError> {
    let digits = i128::try_from(digits).map_err(|_| BEYOND_RANGE)?;
    let zeros = u32::try_from(7_i64.saturating_sub(scale)).map_err(|_| BEYOND_RANGE)?;
    10_i128.checked_pow(zeros).and_then(|power| digits.checked_mul(power)).ok_or(BEYOND_RANGE)
}

/// Stroops of a number that is not zero, with more than seven decimals.
fn scaled_down(digits: &BigInt, scale: i64) -> Result<i128, AmountError> {
    if scale > MAX_SCALE {
        return Err(BEYOND_DECIMALS);
    }
    if digits.bits() > MAX_BITS {
        return Err(BEYOND_RANGE);
    }
    let excess = BigInt::from(10).pow(u32::try_from(scale - 7).unwrap_or(0));
    let stroops = digits / &excess;
    if &stroops * excess == *digits {
        i128::try_from(stroops).map_err(|_| BEYOND_RANGE)
    } else {
        Err(BEYOND_DECIMALS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(digits: impl Into<BigInt>, scale: i64, expect: Result<&str, AmountError>) {
        let big = BigDecimal::new(digits.into(), scale);
        assert_eq!(
            Amount::try_from(&big).map(|amount| amount.to_string()),
            expect.map(str::to_owned),
            "{big:?}"
        );
        assert_eq!(Amount::try_from(big.clone()), Amount::try_from(&big));
    }

    fn power_of_ten(exponent: u32) -> BigInt {
        BigInt::from(10).pow(exponent)
    }

    #[test]
    fn the_scale_is_kept_as_far_as_it_goes() {
        check(750, 2, Ok("7.50"));
        check(-116, 7, Ok("-0.0000116"));
        check(2, -3, Ok("2000"));
        check(0, 3, Ok("0.000"));
    }

    #[test]
    fn zeros_after_the_seventh_decimal_are_dropped_and_other_digits_refused() {
        check(100_000_000_000_i64, 11, Ok("1.0000000"));
        check(-12_345_678_000_i64, 10, Ok("-1.2345678"));
        check(1, 8, Err(BEYOND_DECIMALS));
        check(12_345_678_001_i64, 10, Err(BEYOND_DECIMALS));
        check(power_of_ten(128), 128, Ok("1.0000000"));
        check(power_of_ten(129), 129, Err(BEYOND_DECIMALS));
    }

    #[test]
    fn both_ends_of_the_range_are_exact() {
        let (max, min) = (BigInt::from(i128::MAX), BigInt::from(i128::MIN));
        check(max.clone(), 7, Ok("17014118346046923173168730371588.4105727"));
        check(min.clone(), 7, Ok("-17014118346046923173168730371588.4105728"));
        check(&min * power_of_ten(121), 128, Ok("-17014118346046923173168730371588.4105728"));
        check(&max + 1, 7, Err(BEYOND_RANGE));
        check(&min - 1, 7, Err(BEYOND_RANGE));
        check((&max + 1) * power_of_ten(121), 128, Err(BEYOND_RANGE));
        check(max, 6, Err(BEYOND_RANGE));
        check(1, -31, Ok("10000000000000000000000000000000"));
        check(1, -32, Err(BEYOND_RANGE));
    }

    #[test]
    fn no_exponent_is_written_out() {
        check(1, -20_000_000, Err(BEYOND_RANGE));
        check(-1, i64::MIN, Err(BEYOND_RANGE));
        check(1, i64::MAX, Err(BEYOND_DECIMALS));
        check(0, i64::MIN, Ok("0"));
        check(0, i64::MAX, Ok("0.0000000"));
        check(BigInt::from(1) << 1_000_000, 7, Err(BEYOND_RANGE));
        check(BigInt::from(1) << 1_000_000, 100, Err(BEYOND_RANGE));
    }
}
