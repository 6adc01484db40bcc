//! The payload of a contract event, read once and without copies: `{"topic":[…],"value":…}`.

use std::borrow::Cow;
use std::fmt;

use fluxora_decimal::Amount;
use fluxora_stream::{Address, UnixTime};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::projection::envelope::Lenient;

/// A payload whose value is read as `V`.
#[derive(Debug, serde::Deserialize)]
#[serde(bound(deserialize = "V: Deserialize<'de>"))]
pub(super) struct Payload<'a, V> {
    #[serde(borrow)]
    pub(super) topic: Topics<'a>,
    pub(super) value: V,
}

/// The first three topics, the most that any event has. A topic that is not a text is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Topics<'a> {
    pub(super) texts: [Option<Text<'a>>; 3],
    pub(super) count: usize,
}

impl Topics<'_> {
    pub(super) fn name(&self) -> Option<&str> {
        self.text(0)
    }

    /// The stream number in the topic at this index.
    pub(super) fn stream(&self, index: usize) -> Option<u64> {
        self.text(index).and_then(number)
    }

    pub(super) fn text(&self, index: usize) -> Option<&str> {
        self.texts.get(index)?.as_ref().map(|text| &*text.0)
    }
}

/// A text of the payload; copied only if it has an escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

/// A `u64` in a decimal string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) u64);

/// Unix time in seconds: a `u64` in a decimal string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Second(pub(super) UnixTime);

/// Stroops: an `i128` in a decimal string, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stroops(pub(super) i128);

/// The strkey of an account or a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Party(pub(super) Address);

/// Bytes: `0x` and pairs of hex digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hex(pub(super) String);

impl Stroops {
    pub(super) const fn amount(self) -> Amount {
        Amount::from_stroops(self.0)
    }
}

/// Whether a number has neither sign nor leading zero. The parser checks the digits.
fn canonical(text: &str) -> bool {
    text == "0" || !text.starts_with(['0', '+', '-'])
}

fn number(text: &str) -> Option<u64> {
    if canonical(text) { text.parse().ok() } else { None }
}

fn stroops(text: &str) -> Option<i128> {
    if canonical(text) { text.parse().ok() } else { None }
}

fn hex(text: &str) -> Option<String> {
    let digits = text.strip_prefix("0x")?;
    let whole = digits.len().is_multiple_of(2) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    whole.then(|| text.to_owned())
}

/// Implements `Deserialize` from a JSON string without a copy. Errors do not repeat the string, which may be of any
/// length.
macro_rules! read_from_text {
    ($($type:ident, $expected:literal, $parse:expr;)*) => {
        $(
            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    struct Read;

                    impl Visitor<'_> for Read {
                        type Value = $type;

                        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                            f.write_str($expected)
                        }

                        fn visit_str<E: Error>(self, text: &str) -> Result<$type, E> {
                            let parse: fn(&str) -> Option<$type> = $parse;
                            parse(text).ok_or_else(|| E::custom(concat!("expected ", $expected)))
                        }
                    }

                    deserializer.deserialize_str(Read)
                }
            }
        )*
    };
}

read_from_text! {
    Number, "an unsigned number in a string", |text| number(text).map(Number);
    Second, "seconds in a string", |text| number(text).map(|seconds| Second(UnixTime::from_seconds(seconds)));
    Stroops, "an amount of stroops in a string", |text| stroops(text).map(Stroops);
    Party, "the address of an account or a contract", |text| Address::parse(text).ok().map(Party);
    Hex, "bytes as 0x and hex", |text| hex(text).map(Hex);
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Slot::deserialize(deserializer)? {
            Slot(Some(text)) => Ok(text),
            Slot(None) => Err(D::Error::custom("expected a string")),
        }
    }
}

/// A value of any type, kept if it is a text.
struct Slot<'a>(Option<Text<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Slot<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Slot<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Slot(Some(Text(Cow::Borrowed(text)))))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Slot(Some(Text(Cow::Owned(text.to_owned())))))
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Slot(None))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Slot(None))
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Slot(None))
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Slot(None))
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Slot(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut rest: A) -> Result<Self::Value, A::Error> {
                while rest.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Slot(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut rest: A) -> Result<Self::Value, A::Error> {
                while rest.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Slot(None))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Topics<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Topics<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the list of topics")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut topics = Topics::default();
                for slot in &mut topics.texts {
                    let Some(Lenient(topic)) = list.next_element::<Lenient<Slot<'de>>>()? else {
                        return Ok(topics);
                    };
                    *slot = topic.and_then(|Slot(text)| text);
                    topics.count = topics.count.saturating_add(1);
                }
                while list.next_element::<IgnoredAny>()?.is_some() {
                    topics.count = topics.count.saturating_add(1);
                }
                Ok(topics)
            }
        }

        deserializer.deserialize_seq(Read)
    }
}
