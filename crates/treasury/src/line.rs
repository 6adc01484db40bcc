use fluxora_stream::UnixTime;

use crate::Rate;

/// An amount that grows by one rate each second, as a function of Unix time: a sum of many streams as well as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Whole units at the epoch.
    pub units: i128,
    /// The rest at the epoch, in steps of 2^-64 unit.
    pub fraction: i128,
    /// Whole units per second.
    pub units_per_second: i128,
    /// The rest per second, in steps of 2^-64 unit.
    pub fraction_per_second: i128,
}

/// Bits of a fraction.
const FRACTION_BITS: u32 = 64;

impl Line {
    /// The same amount at every instant.
    pub const fn constant(units: i128) -> Self {
        Self { units, fraction: 0, units_per_second: 0, fraction_per_second: 0 }
    }

    /// `amount` at `since`, and `rate` from there on. `None` beyond `i128`.
    pub fn from(amount: i128, since: UnixTime, rate: Rate) -> Option<Self> {
        let seconds = i128::from(since.seconds());
        let before = |per_second: i128| per_second.checked_mul(seconds);
        let fraction_per_second = i128::from(rate.fraction());
        Some(Self {
            units: amount.checked_sub(before(rate.units())?)?,
            fraction: before(fraction_per_second)?.checked_neg()?,
            units_per_second: rate.units(),
            fraction_per_second,
        })
    }

    /// The amount at an instant, rounded down. `None` beyond `i128`.
    pub fn at(&self, at: UnixTime) -> Option<i128> {
        let seconds = i128::from(at.seconds());
        let units = self.units_per_second.checked_mul(seconds)?.checked_add(self.units)?;
        let fraction = self.fraction_per_second.checked_mul(seconds)?.checked_add(self.fraction)?;
        units.checked_add(fraction.checked_shr(FRACTION_BITS)?)
    }

    /// The rate. `None` beyond `i128`.
    pub fn rate(&self) -> Option<Rate> {
        Rate::of_parts(self.units_per_second, self.fraction_per_second)
    }

    /// The numbers, in the order of the fields.
    pub(crate) const fn numbers(&self) -> [i128; 4] {
        [self.units, self.fraction, self.units_per_second, self.fraction_per_second]
    }

    /// The line of these numbers.
    pub(crate) const fn of_numbers(
        [units, fraction, units_per_second, fraction_per_second]: [i128; 4],
    ) -> Self {
        Self { units, fraction, units_per_second, fraction_per_second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &Line, at: u64, expect: i128) {
        assert_eq!(line.at(UnixTime::from_seconds(at)), Some(expect));
    }

    #[test]
    fn a_line_has_its_amount_at_its_instant_and_grows_from_there() {
        let line = Line::from(7, UnixTime::from_seconds(1_000), Rate::spread(10, 3)).unwrap();
        check(&line, 1_000, 7);
        check(&line, 1_001, 10);
        check(&line, 1_002, 13);
        check(&line, 1_003, 17);
        check(&Line::constant(5), u64::MAX, 5);
        assert_eq!(line.rate(), Some(Rate::spread(10, 3)));
        assert_eq!(Line::from(0, UnixTime::MAX, Rate::whole(i128::MAX)), None);
    }
}
