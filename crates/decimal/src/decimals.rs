/// The most decimals an amount has: the seventh is one stroop.
pub const MAX_DECIMALS: u8 = 7;

/// How many decimals an amount is shown with.
///
/// An enum, because eight of its values would be wrong as a number's.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(crate) enum Decimals {
    #[default]
    Zero,
    One,
    Two,
    Three,
    Four,
    Five,
    Six,
    Seven,
}

impl Decimals {
    /// So many decimals, or seven where that is more.
    pub(crate) const fn capped(decimals: u8) -> Self {
        match decimals {
            0 => Self::Zero,
            1 => Self::One,
            2 => Self::Two,
            3 => Self::Three,
            4 => Self::Four,
            5 => Self::Five,
            6 => Self::Six,
            _ => Self::Seven,
        }
    }

    /// The fewest decimals that show the value without losing a digit.
    pub(crate) const fn needed_by(stroops: i128) -> Self {
        let mut fraction = stroops % crate::STROOPS_PER_UNIT;
        let mut decimals = if fraction == 0 { 0 } else { MAX_DECIMALS };
        while fraction != 0 && fraction % 10 == 0 {
            fraction /= 10;
            decimals -= 1;
        }
        Self::capped(decimals)
    }

    pub(crate) const fn get(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Four => 4,
            Self::Five => 5,
            Self::Six => 6,
            Self::Seven => 7,
        }
    }

    /// The stroops in one unit of the last decimal shown.
    pub(crate) const fn stroops(self) -> u32 {
        match self {
            Self::Zero => 10_000_000,
            Self::One => 1_000_000,
            Self::Two => 100_000,
            Self::Three => 10_000,
            Self::Four => 1_000,
            Self::Five => 100,
            Self::Six => 10,
            Self::Seven => 1,
        }
    }

    pub(crate) const fn max(self, other: Self) -> Self {
        if self.get() < other.get() { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stroops: i128, needed: u8) {
        assert_eq!(Decimals::needed_by(stroops).get(), needed, "{stroops}");
        assert_eq!(Decimals::needed_by(-stroops).get(), needed, "-{stroops}");
    }

    #[test]
    fn trailing_zeros_are_not_needed() {
        check(0, 0);
        check(10_000_000, 0);
        check(1_000_000_000_000, 0);
        check(25_000_000, 1);
        check(10_100_000, 2);
        check(1_000, 4);
        check(1_000_010, 6);
        check(1, 7);
        check(i128::MAX, 7);
    }

    #[test]
    fn a_count_of_decimals_survives_the_round_trip() {
        for decimals in 0..=MAX_DECIMALS {
            assert_eq!(Decimals::capped(decimals).get(), decimals);
            assert_eq!(Decimals::capped(decimals).stroops(), 10_u32.pow(u32::from(7 - decimals)));
        }
        assert_eq!(Decimals::capped(u8::MAX), Decimals::Seven);
    }
}
