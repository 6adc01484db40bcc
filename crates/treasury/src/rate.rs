/// An amount per second, in the smallest unit of an asset: whole units, and a fraction of a unit in steps of 2^-64.
///
/// The release of a vesting stream is `deposit / duration`, which is seldom whole. Rates are added as they are, and a
/// total is rounded down once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    whole: i128,
    fraction: u64,
}

impl Rate {
    /// Nothing.
    pub const ZERO: Self = Self { whole: 0, fraction: 0 };

    /// Whole units each second.
    pub const fn whole(units: i128) -> Self {
        Self { whole: units, fraction: 0 }
    }

    /// `amount`, at least 0, spread over `seconds`; nothing over no time.
    ///
    /// The fraction is rounded up to 2^-64. What it brings in `t` seconds is too much by less than `t / 2^64`, so that
    /// rounding the product down gives the exact `floor(amount * t / seconds)` while `t * seconds` is below 2^64.
    pub fn spread(amount: i128, seconds: u64) -> Self {
        let divisor = i128::from(seconds);
        let (Some(whole), Some(rest)) =
            (amount.checked_div_euclid(divisor), amount.checked_rem_euclid(divisor))
        else {
            return Self::ZERO;
        };
        // The rest is below `seconds`: the shift keeps every bit, and the quotient is below 2^64.
        let scaled = rest.unsigned_abs().checked_shl(64).map(|rest| rest.div_ceil(u128::from(seconds)));
        Self { whole, fraction: scaled.and_then(|scaled| u64::try_from(scaled).ok()).unwrap_or(0) }
    }

    /// The rate of these units, and of a sum of fractions in steps of 2^-64. `None` beyond `i128`.
    pub(crate) fn of_parts(units: i128, fractions: i128) -> Option<Self> {
        let whole = units.checked_add(fractions.checked_shr(64)?)?;
        let fraction = u64::try_from(fractions.rem_euclid(1 << 64)).ok()?;
        Some(Self { whole, fraction })
    }

    /// Whole units per second.
    pub const fn units(self) -> i128 {
        self.whole
    }

    /// The rest of a unit per second, in steps of 2^-64.
    pub const fn fraction(self) -> u64 {
        self.fraction
    }

    /// The amount of so many seconds, rounded down; `None` beyond `i128`.
    pub fn over(self, seconds: u64) -> Option<i128> {
        let fraction = u128::from(self.fraction).checked_mul(seconds.into())?.checked_shr(64)?;
        self.whole.checked_mul(seconds.into())?.checked_add(i128::try_from(fraction).ok()?)
    }

    /// Both together; `None` beyond `i128`.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (fraction, carry) = self.fraction.overflowing_add(other.fraction);
        let whole = self.whole.checked_add(other.whole)?.checked_add(i128::from(carry))?;
        Some(Self { whole, fraction })
    }

    /// Whether nothing flows.
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// Whether each second brings the same number of units.
    pub const fn is_whole(self) -> bool {
        self.fraction == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_a_spread_amount_brings_is_rounded_down_exactly(
            amount in 0..i128::from(u64::MAX),
            seconds in 1..=1_u64 << 31,
            part in any::<u64>(),
        ) {
            let passed = part % seconds;
            let exact = amount * i128::from(passed) / i128::from(seconds);
            prop_assert_eq!(Rate::spread(amount, seconds).over(passed), Some(exact));
        }

        #[test]
        fn a_spread_amount_comes_back(amount in 0..i128::MAX, seconds in 1..=u64::MAX) {
            prop_assert_eq!(Rate::spread(amount, seconds).over(seconds), Some(amount));
        }

        #[test]
        fn a_sum_brings_what_both_bring_and_is_rounded_once(
            a in 0..1_i128 << 90,
            b in 0..1_i128 << 90,
            t in 1..=1_u64 << 32,
        ) {
            let (one, other) = (Rate::spread(a, 86_400), Rate::spread(b, 31_557_600));
            let sum = one.checked_add(other).unwrap().over(t).unwrap();
            let parts = one.over(t).unwrap() + other.over(t).unwrap();
            prop_assert!((0..=1).contains(&(sum - parts)));
        }
    }

    #[test]
    fn a_rate_that_divides_is_whole() {
        assert_eq!(Rate::spread(100, 10), Rate::whole(10));
        assert!(!Rate::spread(101, 10).is_whole() && Rate::spread(7, 0).is_zero());
        assert_eq!(Rate::whole(i128::MAX).over(2), None);
    }
}
