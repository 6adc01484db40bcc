use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{StreamId, Terms};
use fluxora_decimal::Amount;

/// A committed fact of a stream. A stream is the fold of its events ([`Stream::replay`](crate::Stream::replay)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEvent {
    /// Whose fact it is.
    pub stream: StreamId,
    /// Its place in the stream's life: 1, 2, 3… without a hole.
    pub number: u32,
    /// When it became true: the start for a stream that started, however late that was noticed.
    pub occurred_at: Timestamp,
    /// When it was written down; never before `occurred_at`.
    pub recorded_at: Timestamp,
    /// What happened.
    pub fact: Fact,
}

impl StreamEvent {
    /// The event's public identity: the same for ever, 8 to 64 characters of `A-Z a-z 0-9 _ -`.
    pub fn id(&self) -> String {
        format!("evt_{}_{}", self.stream, self.number)
    }
}

/// What can happen to a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// It was agreed on these terms.
    Created(Terms),
    /// Its start came.
    Started,
    /// Its end came.
    Completed(Closing),
    /// It was ended early.
    Cancelled(Closing),
    /// Withdrawals were held.
    Paused,
    /// Withdrawals were allowed again.
    Resumed,
}

/// How the deposit was divided when a stream ended; the two amounts add up to the deposit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Closing {
    /// What had flowed to the recipient's side.
    pub streamed_amount: Amount,
    /// What went back to the sender.
    pub refunded_amount: Amount,
}

/// A name that no fact has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no stream event is called {0:?}")]
pub struct UnknownFact(pub String);

/// Why a name and its data are not a fact.
#[derive(Debug, Error)]
pub enum FactError<E> {
    /// No fact has this name.
    #[error(transparent)]
    Name(#[from] UnknownFact),
    /// The data is not that of the fact.
    #[error("the event's data cannot be read: {0}")]
    Data(E),
}

#[derive(Deserialize)]
struct Nothing {}

impl Fact {
    /// The event's type on the wire: `stream.created` and so on.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "stream.created",
            Self::Started => "stream.started",
            Self::Completed(_) => "stream.completed",
            Self::Cancelled(_) => "stream.cancelled",
            Self::Paused => "stream.paused",
            Self::Resumed => "stream.resumed",
        }
    }

    /// Puts a fact together from its [`name`](Self::name) and the data it serializes as.
    ///
    /// # Errors
    /// [`FactError::Name`] if no fact has the name, [`FactError::Data`] if the data is not that fact's.
    pub fn from_parts<'de, D: Deserializer<'de>>(name: &str, data: D) -> Result<Self, FactError<D::Error>> {
        let unit = |fact, data| Nothing::deserialize(data).map(|Nothing {}| fact);
        match name {
            "stream.created" => Terms::deserialize(data).map(Self::Created),
            "stream.started" => unit(Self::Started, data),
            "stream.completed" => Closing::deserialize(data).map(Self::Completed),
            "stream.cancelled" => Closing::deserialize(data).map(Self::Cancelled),
            "stream.paused" => unit(Self::Paused, data),
            "stream.resumed" => unit(Self::Resumed, data),
            _ => return Err(UnknownFact(name.to_owned()).into()),
        }
        .map_err(FactError::Data)
    }
}

/// A fact serializes as its data, an object; its name goes beside it.
impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            Self::Created(terms) => terms.serialize(serializer),
            Self::Completed(closing) | Self::Cancelled(closing) => closing.serialize(serializer),
            Self::Started | Self::Paused | Self::Resumed => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fact: &Fact, name: &str, data: &str) {
        assert_eq!((fact.name(), serde_json::to_string(fact).unwrap().as_str()), (name, data));
        let read = Fact::from_parts(name, &mut serde_json::Deserializer::from_str(data));
        assert_eq!(read.unwrap(), *fact);
    }

    #[test]
    fn a_fact_is_its_name_and_its_data() {
        let closing =
            Closing { streamed_amount: "60.5".parse().unwrap(), refunded_amount: "39.5".parse().unwrap() };
        check(&Fact::Started, "stream.started", "{}");
        check(
            &Fact::Cancelled(closing),
            "stream.cancelled",
            r#"{"streamedAmount":"60.5","refundedAmount":"39.5"}"#,
        );
        check(
            &Fact::Completed(closing),
            "stream.completed",
            r#"{"streamedAmount":"60.5","refundedAmount":"39.5"}"#,
        );
    }

    #[test]
    fn a_fact_that_cannot_be_read_says_whether_it_is_the_name_or_the_data() {
        let read = |name, data| Fact::from_parts(name, &mut serde_json::Deserializer::from_str(data));
        assert!(matches!(read("stream.exploded", "{}"), Err(FactError::Name(_))));
        assert!(matches!(read("stream.created", "{}"), Err(FactError::Data(_))));
    }
}
