use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// A contract's number of a stream: 0 to 2^64-1.
///
/// In JSON it is a decimal string: JavaScript counts only to 2^53 exactly. Earlier versions wrote a JSON number, which
/// is read as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamNumber(pub u64);

impl StreamNumber {
    /// Reads a number as it is printed: no sign, no leading zero.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let canonical = text == "0" || !text.starts_with(['0', '+']);
        text.parse().ok().filter(|_| canonical).map(Self)
    }
}

impl fmt::Display for StreamNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for StreamNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = StreamNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a stream's number in a string")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StreamNumber, E> {
                StreamNumber::parse(text).ok_or_else(|| E::custom("expected a stream's number in a string"))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<StreamNumber, E> {
                Ok(StreamNumber(number))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_a_string_and_read_from_either() {
        for number in [0, 7, u64::MAX].map(StreamNumber) {
            let text = format!("\"{number}\"");
            assert_eq!(serde_json::to_string(&number).unwrap(), text);
            for json in [text, number.to_string()] {
                assert_eq!(serde_json::from_str::<StreamNumber>(&json).unwrap(), number);
            }
        }
        for json in
            [r#""""#, r#""01""#, r#""+1""#, r#""-1""#, "-1", "1.0", r#""18446744073709551616""#, "null"]
        {
            assert!(serde_json::from_str::<StreamNumber>(json).is_err(), "{json}");
        }
    }
}
