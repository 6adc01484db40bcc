//! Comparison of two reports of one contract event, by content.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::ContractEvent;

/// Deepest nesting that is compared as JSON. Deeper values are compared as text.
const DEEPEST: u32 = 128;

/// Whether two reports of one event are the same in every field but the id, which is a label of the source, and the
/// invocation, which a later report can add.
///
/// Payloads are compared as JSON: blanks, the order of names and the spelling of strings do not matter. Numbers are
/// compared by their decimal digits, at any precision.
pub fn same_content(stored: &ContractEvent, pushed: &ContractEvent) -> bool {
    let ContractEvent { id: _, position, contract, topic, tx_hash, happened_at, payload, invocation: _ } =
        pushed;
    stored.position == *position
        && stored.contract == *contract
        && stored.topic == *topic
        && stored.tx_hash == *tx_hash
        && stored.happened_at == *happened_at
        && same_json(&stored.payload, payload, DEEPEST)
}

/// Whether two texts are one JSON value.
pub(crate) fn same_json_text(one: &str, other: &str) -> bool {
    same_json(one, other, DEEPEST)
}

fn same_json(one: &str, other: &str, depth: u32) -> bool {
    one == other
        || depth.checked_sub(1).is_some_and(|depth| match (Shape::of(one), Shape::of(other)) {
            (Some(Shape::Text(one)), Some(Shape::Text(other))) => one == other,
            (Some(Shape::Number(one)), Some(Shape::Number(other))) => same_number(one, other),
            (Some(Shape::Array(one)), Some(Shape::Array(other))) => {
                let both = one.iter().zip(&other);
                one.len() == other.len() && both.into_iter().all(|(a, b)| same_json(a.get(), b.get(), depth))
            }
            (Some(Shape::Object(one)), Some(Shape::Object(other))) => {
                let both = one.iter().zip(&other);
                one.len() == other.len()
                    && both.into_iter().all(|(a, b)| a.0 == b.0 && same_json(a.1.get(), b.1.get(), depth))
            }
            (Some(Shape::Word(one)), Some(Shape::Word(other))) => one == other,
            _ => false,
        })
}

/// A JSON value, read one level deep.
enum Shape<'a> {
    Text(Cow<'a, str>),
    Number(&'a str),
    Array(Vec<&'a RawValue>),
    /// Sorted by name; members of one name keep their order.
    Object(Vec<(Cow<'a, str>, &'a RawValue)>),
    /// `true`, `false` or `null`.
    Word(&'a str),
}

impl<'a> Shape<'a> {
    /// `None` for a text that is no JSON.
    fn of(text: &'a str) -> Option<Self> {
        let text = text.trim_ascii();
        Some(match text.bytes().next()? {
            b'"' => Self::Text(serde_json::from_str::<String>(text).ok()?.into()),
            b'[' => Self::Array(serde_json::from_str(text).ok()?),
            b'{' => {
                let Members(mut members) = serde_json::from_str(text).ok()?;
                members.sort_by(|one, other| one.0.cmp(&other.0));
                Self::Object(members)
            }
            b'-' | b'0'..=b'9' => Self::Number(text),
            _ => Self::Word(text),
        })
    }
}

/// The members of an object, repeated names included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    members.push((name.into(), value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// Whether two JSON numbers have one value: `100`, `1e2` and `100.0` have.
fn same_number(one: &str, other: &str) -> bool {
    one == other || Decimal::of(one).is_some_and(|one| Some(one) == Decimal::of(other))
}

/// A JSON number as sign, significant digits and power of ten of the last digit.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    /// Without leading and trailing zeros. Empty for zero.
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// `None` for an exponent beyond 64 bits.
    fn of(text: &str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().ok()?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len().checked_sub(digits.len())?).ok()?;
        let digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative: false, digits, exponent: 0 });
        }
        let fraction = i64::try_from(fraction.len()).ok()?;
        let exponent = exponent.checked_sub(fraction)?.checked_add(dropped)?;
        Some(Self { is_negative, digits, exponent })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(one: &str, other: &str, same: bool) {
        assert_eq!(same_json(one, other, DEEPEST), same, "{one} and {other}");
        assert_eq!(same_json(other, one, DEEPEST), same, "{other} and {one}");
    }

    #[test]
    fn blanks_the_order_of_names_and_escapes_do_not_matter() {
        check(r#"{"a":1,"b":[true,null,"x"]}"#, r#" { "b" : [ true , null , "x" ] , "a" : 1 } "#, true);
        check(r#"{"\u0061":"\u0062\/"}"#, r#"{"a":"b/"}"#, true);
        check("[1,2]", "[2,1]", false);
        check(r#"{"a":1}"#, r#"{"a":1,"b":1}"#, false);
        check(r#"{"a":1}"#, r#"{"b":1}"#, false);
        check(r#"{"a":1}"#, r#"{"a":"1"}"#, false);
        check(r#"{"a":true}"#, r#"{"a":false}"#, false);
        check("[]", "{}", false);
    }

    #[test]
    fn a_repeated_name_is_content() {
        check(r#"{"a":1,"a":2}"#, r#"{"a":2}"#, false);
        check(r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#, false);
        check(r#"{"a":1,"b":0,"a":2}"#, r#"{"b":0,"a":1,"a":2}"#, true);
    }

    #[test]
    fn numbers_that_one_float_holds_differ_by_their_digits() {
        for (one, other) in [
            ("9007199254740992", "9007199254740993"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("1e400", "2e400"),
            ("18446744073709551616", "18446744073709551617"),
            ("1", "-1"),
            ("1e-400", "0"),
            ("10", "1"),
        ] {
            check(one, other, false);
            check(&format!(r#"{{"a":[{one}]}}"#), &format!(r#"{{"a":[{other}]}}"#), false);
        }
    }

    #[test]
    fn one_number_has_many_spellings() {
        for other in ["100", "100.0", "1e2", "1E+2", "1000e-1", "0.01e4", "10.00e1"] {
            check("100", other, true);
        }
        for other in ["0", "-0", "0.00", "0e99", "-0.0e-7"] {
            check("0", other, true);
        }
    }

    #[test]
    fn an_exponent_beyond_64_bits_is_compared_as_text() {
        check("1e99999999999999999999", "1e99999999999999999999", true);
        check("1e99999999999999999999", "1e99999999999999999998", false);
        check("10e9223372036854775807", "10e9223372036854775807", true);
        check("10e9223372036854775807", "1e9223372036854775807", false);
    }

    #[test]
    fn a_value_nested_deeper_than_the_limit_is_compared_as_text() {
        let nested = |depth: usize, inner: &str| format!("{}{inner}{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(100, "1"), &nested(100, "1.0"), true);
        check(&nested(5_000, "1"), &nested(5_000, "1"), true);
        check(&nested(5_000, "1"), &nested(5_000, "1.0"), false);
    }
}
