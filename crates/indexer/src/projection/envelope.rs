//! The outermost level of an event's text, `{"topic":[…],"value":…}`, read so that a part which cannot be read does not
//! hide the others.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The parts of an event, with topics of type `T` and a value of type `V`. Other parts are ignored unparsed.
#[derive(Debug)]
pub(super) struct Envelope<T, V> {
    /// The lists of topics, in order: more than one if the part is repeated.
    pub(super) topics: Vec<T>,
    /// The first value; `None` if there is none, or it is not a `V`.
    pub(super) value: Option<V>,
    /// The part that occurs more than once, if one does.
    pub(super) repeated: Option<&'static str>,
}

/// A JSON value that is a `T`, or `None`. A number beyond every type, or a text that is not Unicode, is no `T`.
pub(super) struct Lenient<T>(pub(super) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(serde_json::from_str(raw.get()).ok()))
    }
}

impl<'de, T: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Envelope<T, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<T, V>(PhantomData<(T, V)>);

        impl<'de, T: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Read<T, V> {
            type Value = Envelope<T, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map with topics and a value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut envelope = Envelope { topics: Vec::new(), value: None, repeated: None };
                let (mut lists, mut values) = (0_u8, 0_u8);
                while let Some(Lenient(name)) = map.next_key::<Lenient<Part>>()? {
                    match name.unwrap_or(Part::Other) {
                        Part::Topic => {
                            lists = lists.saturating_add(1);
                            envelope.topics.extend(map.next_value::<Lenient<T>>()?.0);
                        }
                        Part::Value => {
                            values = values.saturating_add(1);
                            let Lenient(value) = map.next_value::<Lenient<V>>()?;
                            envelope.value = envelope.value.or(value);
                        }
                        Part::Other => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                envelope.repeated = match (lists, values) {
                    (2.., _) => Some("topic"),
                    (_, 2..) => Some("value"),
                    _ => None,
                };
                Ok(envelope)
            }
        }

        deserializer.deserialize_map(Read(PhantomData))
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    Topic,
    Value,
    #[serde(other)]
    Other,
}
