use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::decimals::Decimals;
use crate::{AmountError, Limit};

/// The number of stroops in one whole unit of a token: 10,000,000.
///
/// The chain counts in stroops, a stroop being the seventh decimal.
pub const STROOPS_PER_UNIT: i128 = 10_000_000;

/// An exact amount of a token: a whole number of stroops, and how many decimals to show it with.
///
/// The stroops are the value; the decimals shown are only how it was written. Two amounts are equal, ordered and hashed
/// by value, so `"100"` equals `"100.0"`, and each prints as it was written.
///
/// The range is that of the chain, an [`i128`] of stroops: [`Amount::MIN`] to [`Amount::MAX`]. What comes in through a
/// public API is usually held to the narrower [`Amount::within_api_range`].
///
/// # Examples
///
/// ```
/// use fluxora_decimal::Amount;
///
/// let rate = Amount::parse("0.0000116")?;
/// assert_eq!(rate.stroops(), 116);
///
/// let owed = rate.checked_mul_int(86_400)?;
/// assert_eq!(owed.to_string(), "1.0022400");
/// # Ok::<(), fluxora_decimal::AmountError>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct Amount {
    stroops: i128,
    /// Never fewer than the value needs.
    decimals: Decimals,
}

impl Amount {
    /// Nothing, shown as `0`.
    pub const ZERO: Self = Self { stroops: 0, decimals: Decimals::Zero };

    /// The largest amount, `17014118346046923173168730371588.4105727`.
    pub const MAX: Self = Self::from_stroops(i128::MAX);

    /// The smallest amount, `-17014118346046923173168730371588.4105728`.
    pub const MIN: Self = Self::from_stroops(i128::MIN);

    /// Makes an amount of so many stroops, shown with all seven decimals.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::from_stroops(1).to_string(), "0.0000001");
    /// assert_eq!(Amount::from_stroops(-25_000_000).to_string(), "-2.5000000");
    /// ```
    #[must_use]
    pub const fn from_stroops(stroops: i128) -> Self {
        Self { stroops, decimals: Decimals::Seven }
    }

    /// Makes an amount shown with `decimals`, which the caller knows to be enough for the value.
    pub(crate) const fn shown(stroops: i128, decimals: Decimals) -> Self {
        Self { stroops, decimals }
    }

    /// The value in stroops.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::{Amount, STROOPS_PER_UNIT};
    ///
    /// assert_eq!(Amount::parse("100")?.stroops(), 100 * STROOPS_PER_UNIT);
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    #[must_use]
    pub const fn stroops(self) -> i128 {
        self.stroops
    }

    /// How many decimals the amount is shown with, 0 to [`MAX_DECIMALS`](crate::MAX_DECIMALS).
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert_eq!(Amount::parse("7.50")?.decimals(), 2);
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.decimals.get()
    }

    pub(crate) const fn shown_decimals(self) -> Decimals {
        self.decimals
    }

    /// Shows the same value with `decimals` decimals, or with more where the value needs them: no digit is ever lost.
    ///
    /// More than [`MAX_DECIMALS`](crate::MAX_DECIMALS) counts as that many.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// let amount = Amount::parse("2.5000")?;
    /// assert_eq!(amount.with_decimals(2).to_string(), "2.50");
    /// assert_eq!(amount.with_decimals(0).to_string(), "2.5");
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    #[must_use]
    pub const fn with_decimals(self, decimals: u8) -> Self {
        let decimals = match Decimals::capped(decimals) {
            // No amount needs more.
            Decimals::Seven => Decimals::Seven,
            fewer => fewer.max(Decimals::needed_by(self.stroops)),
        };
        Self { stroops: self.stroops, decimals }
    }

    /// Whether the amount is nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(fluxora_decimal::Amount::parse("-0.00")?.is_zero());
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.stroops == 0
    }

    /// Whether the amount is below zero.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(fluxora_decimal::Amount::MIN.is_negative());
    /// ```
    #[must_use]
    pub const fn is_negative(self) -> bool {
        self.stroops < 0
    }

    /// Whether the amount is above zero.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!fluxora_decimal::Amount::ZERO.is_positive());
    /// ```
    #[must_use]
    pub const fn is_positive(self) -> bool {
        self.stroops > 0
    }

    /// Passes the amount on if its integer part is at most 2^63 - 1 in magnitude, the range of amounts in public APIs.
    ///
    /// # Errors
    ///
    /// [`AmountError::OutOfRange`] with [`Limit::ApiRange`] otherwise.
    ///
    /// # Examples
    ///
    /// ```
    /// use fluxora_decimal::Amount;
    ///
    /// assert!(Amount::parse("9223372036854775807.9999999")?.within_api_range().is_ok());
    /// assert!(Amount::parse("9223372036854775808")?.within_api_range().is_err());
    /// # Ok::<(), fluxora_decimal::AmountError>(())
    /// ```
    pub const fn within_api_range(self) -> Result<Self, AmountError> {
        const BEYOND: u128 = (1 << 63) * STROOPS_PER_UNIT.unsigned_abs();
        if self.stroops.unsigned_abs() < BEYOND {
            Ok(self)
        } else {
            Err(AmountError::OutOfRange { limit: Limit::ApiRange })
        }
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.stroops == other.stroops
    }
}

impl Eq for Amount {}

impl PartialOrd for Amount {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Amount {
    fn cmp(&self, other: &Self) -> Ordering {
        self.stroops.cmp(&other.stroops)
    }
}

impl Hash for Amount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stroops.hash(state);
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, within_api_range: bool) {
        let amount = Amount::parse(text).unwrap();
        let beyond = AmountError::OutOfRange { limit: Limit::ApiRange };
        assert_eq!(
            amount.within_api_range(),
            if within_api_range { Ok(amount) } else { Err(beyond) },
            "{text}"
        );
    }

    #[test]
    fn the_integer_part_alone_decides_about_the_range_of_apis() {
        check("9223372036854775807", true);
        check("9223372036854775807.9999999", true);
        check("9223372036854775808", false);
        check("9223372036854775808.0000000", false);
        check("-9223372036854775807.9999999", true);
        check("-9223372036854775808", false);
        check("0", true);
    }

    #[test]
    fn equal_values_are_equal_however_they_are_written() {
        let [plain, longer] = ["100", "100.0"].map(|text| Amount::parse(text).unwrap());
        assert_eq!(plain, longer);
        assert_ne!(plain.to_string(), longer.to_string());
        assert_eq!(std::collections::HashSet::from([plain, longer]).len(), 1);
        assert_eq!(Amount::default().to_string(), "0");
        assert_eq!(Amount::ZERO, Amount::from_stroops(0));
    }

    #[test]
    fn a_refusal_is_as_large_as_an_amount() {
        assert_eq!(size_of::<Amount>(), 32);
        assert_eq!(size_of::<Result<Amount, AmountError>>(), 32);
        assert_eq!(size_of::<Option<Amount>>(), 32);
    }
}
