use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// An amount as an integer of its token's smallest unit. In JSON it is a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Units(pub i128);

impl Units {
    /// The amount in whole tokens of this many decimals, all of them shown: 1500000 units of 6 decimals are 1.500000.
    pub fn with_decimals(self, decimals: u8) -> String {
        let decimals = usize::from(decimals);
        if decimals == 0 {
            return self.to_string();
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.0.unsigned_abs(), width = decimals.saturating_add(1));
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
        format!("{sign}{whole}.{fraction}")
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Units {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Units;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer in a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Units, E> {
                text.parse().map(Units).map_err(|_| E::custom("expected an integer in a string"))
            }
        }

        deserializer.deserialize_str(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(units: i128, decimals: u8, expect: &str) {
        assert_eq!(Units(units).with_decimals(decimals), expect);
    }

    #[test]
    fn an_amount_shows_every_decimal_of_its_token() {
        check(0, 0, "0");
        check(0, 6, "0.000000");
        check(7, 0, "7");
        check(7, 1, "0.7");
        check(1_500_000, 6, "1.500000");
        check(-5, 2, "-0.05");
        check(1, 38, "0.00000000000000000000000000000000000001");
        check(i128::MAX, 18, "170141183460469231731.687303715884105727");
        check(i128::MIN, 38, "-1.70141183460469231731687303715884105728");
    }

    #[test]
    fn an_amount_is_a_string_in_json() {
        let json = serde_json::to_string(&Units(i128::MAX)).unwrap();
        assert_eq!(json, r#""170141183460469231731687303715884105727""#);
        assert_eq!(serde_json::from_str::<Units>(&json).unwrap(), Units(i128::MAX));
        for wrong in ["7", r#""0.7""#, r#""""#, "null"] {
            serde_json::from_str::<Units>(wrong).unwrap_err();
        }
    }
}
