//! The text of an event, `{"topic":[…],"value":…}`, parsed once: its topics, and the fields of its value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use fluxora_stream::{Address, UnixTime};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::projection::envelope::{Envelope, Lenient};

/// The most topics that an event of the contract has.
const TOPICS: usize = 4;

#[derive(Debug)]
pub(super) struct Payload<'a> {
    pub(super) topics: Topics<'a>,
    pub(super) value: EventValue<'a>,
    /// The part that occurs more than once, if one does.
    pub(super) repeated: Option<&'static str>,
}

impl<'a> Payload<'a> {
    /// The parts of a text whose first topic is `topic`; `None` if it has no such topics.
    pub(super) fn read(topic: &str, text: &'a str) -> Option<Self> {
        let Envelope { topics, value, repeated }: Envelope<Topics<'a>, EventValue<'a>> =
            serde_json::from_str(text).ok()?;
        let topics = topics.into_iter().find(|list| list.get(0).and_then(Field::text) == Some(topic))?;
        Some(Self { topics, value: value.unwrap_or(EventValue::Other), repeated })
    }
}

/// The first topics, and how many there are.
#[derive(Debug, Default)]
pub(super) struct Topics<'a> {
    first: [Option<Field<'a>>; TOPICS],
    pub(super) count: usize,
}

impl<'a> Topics<'a> {
    pub(super) fn get(&self, index: usize) -> Option<&Field<'a>> {
        self.first.get(index)?.as_ref()
    }
}

/// The value of an event.
#[derive(Debug)]
pub(super) enum EventValue<'a> {
    Map(BTreeMap<Cow<'a, str>, Field<'a>>),
    Other,
}

impl<'a> EventValue<'a> {
    pub(super) fn field(&self, name: &str) -> Option<&Field<'a>> {
        match self {
            Self::Map(fields) => fields.get(name),
            Self::Other => None,
        }
    }
}

/// A topic, or a field of a value.
///
/// Integers are decimal strings, as the contract's `u64` and `i128` are printed, or JSON integers, as its `u32` are.
/// Both forms are read for each of them.
#[derive(Debug)]
pub(super) enum Field<'a> {
    Text(Cow<'a, str>),
    Integer(u64),
    Flag(bool),
    Void,
    /// A list, a map, a number that is not a whole one from 0 to 2^64-1, a text that is not Unicode, or a name that
    /// occurs twice.
    Other,
}

impl Field<'_> {
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) const fn flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    pub(super) fn number(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => self.digits()?.parse().ok(),
        }
    }

    pub(super) fn small_number(&self) -> Option<u32> {
        u32::try_from(self.number()?).ok()
    }

    pub(super) fn second(&self) -> Option<UnixTime> {
        self.number().map(UnixTime::from_seconds)
    }

    /// An amount of 0 or more.
    pub(super) fn amount(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(i128::from(*number)),
            _ => self.digits()?.parse().ok(),
        }
    }

    pub(super) fn address(&self) -> Option<Address> {
        Address::parse(self.text()?).ok()
    }

    /// An integer as it is printed: without sign and leading zero.
    fn digits(&self) -> Option<&str> {
        self.text().filter(|text| *text == "0" || !text.starts_with(['0', '+', '-']))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Field<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = Field<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Field::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Field::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
                Ok(Field::Flag(flag))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Field::Integer(number))
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Field::Other)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Field::Other)
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(Field::Void)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_seq(list).map(|_| Field::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_map(map).map(|_| Field::Other)
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
                for slot in &mut topics.first {
                    let Some(Lenient(topic)) = list.next_element()? else { return Ok(topics) };
                    *slot = Some(topic.unwrap_or(Field::Other));
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

impl<'de: 'a, 'a> Deserialize<'de> for EventValue<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;

        impl<'de> Visitor<'de> for Read {
            type Value = EventValue<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = BTreeMap::new();
                while let Some((Lenient(name), Lenient(field))) =
                    map.next_entry::<Lenient<Field<'de>>, Lenient<Field<'de>>>()?
                {
                    let Some(Field::Text(name)) = name else { continue };
                    let field = field.unwrap_or(Field::Other);
                    match fields.entry(name) {
                        Entry::Vacant(entry) => drop(entry.insert(field)),
                        Entry::Occupied(mut entry) => drop(entry.insert(Field::Other)),
                    }
                }
                Ok(EventValue::Map(fields))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
                IgnoredAny.visit_seq(list).map(|_| EventValue::Other)
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(EventValue::Other)
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(EventValue::Other)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(EventValue::Other)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(EventValue::Other)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(EventValue::Other)
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(EventValue::Other)
            }
        }

        deserializer.deserialize_any(Read)
    }
}
