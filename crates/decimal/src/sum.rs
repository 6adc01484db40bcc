use std::borrow::Borrow;
use std::iter::Sum;

use crate::arithmetic::in_range;
use crate::decimals::Decimals;
use crate::{Amount, AmountError};

impl Amount {
    /// Adds all amounts up; the total is shown with the decimals of the one that has most, and is [`Amount::ZERO`] for none.
    ///
    /// The total alone has to be an amount. A partial sum may be beyond the range, so the order of the amounts makes no
    /// difference.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] if the total is no `i128` of stroops.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// let deposits = [Amount::parse("100")?, Amount::parse("0.50")?];
    /// assert_eq!(Amount::checked_sum(&deposits)?.to_string(), "100.50");
    ///
    /// let [least, most] = [Amount::MIN, Amount::MAX];
    /// assert_eq!(Amount::checked_sum([most, most, least, least])?, Amount::from_stroops(-2));
    /// assert!(Amount::checked_sum([most, most]).is_err());
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub fn checked_sum<I>(amounts: I) -> Result<Self, AmountError>
    where
        I: IntoIterator,
        I::Item: Borrow<Self>,
    {
        amounts.into_iter().fold(Total::default(), |total, amount| total.plus(*amount.borrow())).amount()
    }
}

/// [`Amount::checked_sum`] of owned amounts.
///
/// A sum into a plain [`Amount`] is not there on purpose: it could only panic where the total is beyond the range.
///
/// # Examples
///
/// ```
/// use fluxora_decimal::{Amount, AmountError};
///
/// let total: Result<Amount, AmountError> = [Amount::MAX, Amount::from_stroops(1)].into_iter().sum();
/// assert_eq!(total.unwrap_err().code(), "DECIMAL_OUT_OF_RANGE");
/// ```
///
/// ```compile_fail,E0277
/// use fluxora_decimal::Amount;
///
/// let total: Amount = [Amount::MAX, Amount::MAX].into_iter().sum();
/// ```
impl Sum<Amount> for Result<Amount, AmountError> {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Self {
        Amount::checked_sum(amounts)
    }
}

/// [`Amount::checked_sum`] of borrowed amounts.
///
/// # Examples
///
/// ```
/// use fluxora_decimal::{Amount, AmountError};
///
/// let deposits = [Amount::parse("100")?, Amount::parse("0.50")?];
/// let total = deposits.iter().sum::<Result<Amount, AmountError>>()?;
/// assert_eq!(total.to_string(), "100.50");
/// # Ok::<(), AmountError>(())
/// ```
impl<'a> Sum<&'a Amount> for Result<Amount, AmountError> {
    fn sum<I: Iterator<Item = &'a Amount>>(amounts: I) -> Self {
        Amount::checked_sum(amounts)
    }
}

/// A partial sum of any size: `stroops + wraps * 2^128`.
#[derive(Default)]
struct Total {
    stroops: i128,
    wraps: i128,
    decimals: Decimals,
}

impl Total {
    const fn plus(self, amount: Amount) -> Self {
        let (stroops, wrapped) = self.stroops.overflowing_add(amount.stroops());
        let wraps = match (wrapped, amount.is_negative()) {
            (false, _) => self.wraps,
            // 2^127 additions, each of which wraps, are out of reach.
            (true, false) => self.wraps.wrapping_add(1),
            (true, true) => self.wraps.wrapping_sub(1),
        };
        Self { stroops, wraps, decimals: self.decimals.max(amount.shown_decimals()) }
    }

    fn amount(self) -> Result<Amount, AmountError> {
        in_range((self.wraps == 0).then_some(self.stroops), self.decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expect: &str) {
        let amounts: Vec<_> = texts.iter().map(|text| Amount::parse(text).unwrap()).collect();
        for total in [amounts.iter().sum::<Result<Amount, AmountError>>(), amounts.iter().copied().sum()] {
            assert_eq!(total.map_or_else(|error| error.code().to_owned(), |total| total.to_string()), expect);
        }
    }

    const MAX: &str = "17014118346046923173168730371588.4105727";
    const MIN: &str = "-17014118346046923173168730371588.4105728";

    #[test]
    fn a_total_is_shown_with_the_most_decimals() {
        check(&[], "0");
        check(&["100"], "100");
        check(&["100", "0.50", "-0.5"], "100.00");
    }

    #[test]
    fn a_total_beyond_the_range_is_refused() {
        check(&[MAX, "0.0000001"], "DECIMAL_OUT_OF_RANGE");
        check(&[MIN, "-0.0000001"], "DECIMAL_OUT_OF_RANGE");
        check(&[MAX, MAX, MAX], "DECIMAL_OUT_OF_RANGE");
        check(&[MIN, MIN], "DECIMAL_OUT_OF_RANGE");
    }

    #[test]
    fn a_partial_sum_may_be_beyond_the_range() {
        check(&[MAX, "0.0000001", "-0.0000001"], MAX);
        check(&[MIN, "-1", "1"], MIN);
        check(&[MAX, MAX, MAX, MIN, MIN, MIN], "-0.0000003");
        check(&[MIN, MIN, MAX, MAX, "0.0000002"], "0.0000000");
    }
}
