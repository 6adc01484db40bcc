use std::str::FromStr;

use thiserror::Error;

/// An enumeration that the contract emits as a number (`u32`), and that is stored and shown as a word.
macro_rules! coded {
    (
        $(#[$meta:meta])* $name:ident, $unknown:ident, $what:literal, $count:literal;
        $($(#[$doc:meta])* $variant:ident = $code:literal, $word:literal;)*
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// All variants, in the order of their codes.
            pub const ALL: [Self; $count] = [$(Self::$variant,)*];

            /// The variant with this code on chain; `None` for a code that the contract does not define.
            pub const fn from_code(code: u32) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The number that the contract uses.
            pub const fn code(self) -> u32 {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            /// The word used on the wire and in storage.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        #[doc = concat!("A text that names no ", $what, ".")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
        #[error("not a {}", $what)]
        pub struct $unknown;

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }

        impl FromStr for $name {
            type Err = $unknown;

            fn from_str(word: &str) -> Result<Self, $unknown> {
                Self::ALL.into_iter().find(|value| value.as_str() == word).ok_or($unknown)
            }
        }
    };
}
pub(super) use coded;

coded! {
    /// The release curve: which share of the deposit has vested after which share of the duration. ABI 1 knows linear
    /// only.
    Curve, UnknownCurve, "curve", 3;
    /// `floor(deposited * elapsed / duration)`.
    #[default]
    Linear = 0, "linear";
    /// A quarter of the deposit at each quarter of the duration.
    Step = 1, "step";
    /// Quadratic in thousandths of the duration, fast at first: `2u - u²/1000` thousandths of the deposit after `u`
    /// thousandths.
    FrontLoaded = 2, "front_loaded";
}

coded! {
    /// The clock that opens the gate at the cliff. ABI 1 knows the schedule's clock only.
    CliffMode, UnknownCliffMode, "cliff mode", 2;
    /// The clock of the schedule, which stands still in a pause: each pause before the cliff moves the gate.
    #[default]
    ScheduleClock = 0, "schedule_clock";
    /// The ledger's close time: a pause does not move the gate.
    WallClock = 1, "wall_clock";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_reads_back_from_its_code_and_its_word() {
        for (curve, code) in Curve::ALL.into_iter().zip(0..) {
            assert_eq!((curve.code(), Curve::from_code(code)), (code, Some(curve)));
            assert_eq!(curve.as_str().parse(), Ok(curve));
        }
        assert_eq!((Curve::from_code(3), Curve::from_code(u32::MAX)), (None, None));
        assert_eq!("Linear".parse::<Curve>(), Err(UnknownCurve));
    }

    #[test]
    fn a_cliff_mode_reads_back_from_its_code_and_its_word() {
        for (mode, code) in CliffMode::ALL.into_iter().zip(0..) {
            assert_eq!((mode.code(), CliffMode::from_code(code)), (code, Some(mode)));
            assert_eq!(mode.as_str().parse(), Ok(mode));
        }
        assert_eq!(CliffMode::from_code(2), None);
        assert_eq!("wall".parse::<CliffMode>(), Err(UnknownCliffMode));
    }

    #[test]
    fn fields_that_abi_1_does_not_have_default_to_what_its_contract_does() {
        assert_eq!((Curve::default(), CliffMode::default()), (Curve::Linear, CliffMode::ScheduleClock));
    }
}
