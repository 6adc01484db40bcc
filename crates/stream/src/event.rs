use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::{Changes, Origin, StreamId, Terms};
use fluxora_decimal::Amount;

/// Characters of a contract's strkey that an event's id holds.
const CONTRACT_IN_EVENT_ID: usize = 26;

/// A committed fact of a stream. A stream made through the API is the fold of its events ([`Stream::replay`](crate::Stream::replay)).
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
    ///
    /// A contract's strkey is cut to 26 characters, which hold 122 bits of its hash: what is left names it still, and fits.
    pub fn id(&self) -> String {
        match self.stream {
            StreamId::Api(id) => format!("evt_{id}_{}", self.number),
            StreamId::Chain { contract, number } => {
                format!("evt_{:.CONTRACT_IN_EVENT_ID$}_{number}_{}", contract.to_string(), self.number)
            }
        }
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
    /// The chain said so.
    Chain(Box<ChainFact>),
}

/// What the chain made known of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFact {
    /// What it comes down to.
    pub news: EventKind,
    /// Why it is told.
    pub cause: Cause,
    /// What changed.
    pub changes: Changes,
}

/// What can become known of a stream of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It was made.
    Created,
    /// Something was taken out.
    Withdrawn,
    /// Its end was recorded.
    Completed,
    /// It was ended early.
    Cancelled,
    /// Withdrawals were held.
    Paused,
    /// Withdrawals were allowed again.
    Resumed,
    /// Its terms or its parties changed.
    Updated,
    /// The contract removed it.
    Closed,
    /// What had been told before was not, or not all, of what happened; this is how it stands.
    Corrected,
    /// It never was: the ledgers that made it are not part of the chain any more.
    Removed,
}

impl EventKind {
    /// Everything that can become known.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Withdrawn,
        Self::Completed,
        Self::Cancelled,
        Self::Paused,
        Self::Resumed,
        Self::Updated,
        Self::Closed,
        Self::Corrected,
        Self::Removed,
    ];

    /// The event's type on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "stream.created",
            Self::Withdrawn => "stream.withdrawn",
            Self::Completed => "stream.completed",
            Self::Cancelled => "stream.cancelled",
            Self::Paused => "stream.paused",
            Self::Resumed => "stream.resumed",
            Self::Updated => "stream.updated",
            Self::Closed => "stream.closed",
            Self::Corrected => "stream.corrected",
            Self::Removed => "stream.removed",
        }
    }
}

/// Why something is told of a stream of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cause {
    /// The contract emitted an event.
    ContractEvent {
        /// In this ledger.
        ledger: u32,
        /// In this transaction.
        tx_hash: String,
        /// Which has this id.
        event_id: String,
        /// And this first topic.
        topic: String,
    },
    /// Events came to be known after others of their ledger had been told.
    LateEvents {
        /// The first ledger concerned.
        ledger: u32,
    },
    /// The chain took another way.
    Reorg {
        /// The first ledger that is another one.
        fork_ledger: u32,
    },
    /// An operator had the streams built again from the contract's events.
    Reindex,
}

/// How a [`ChainFact`] is written.
#[derive(Serialize, Deserialize)]
struct ChainData<C, X> {
    cause: C,
    changes: X,
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
            Self::Chain(fact) => fact.news.name(),
        }
    }

    /// Puts a fact of a stream made there together from its [`name`](Self::name) and the data it serializes as.
    ///
    /// # Errors
    /// [`FactError::Name`] if no fact of such a stream has the name, [`FactError::Data`] if the data is not that fact's.
    pub fn from_parts<'de, D: Deserializer<'de>>(
        origin: Origin,
        name: &str,
        data: D,
    ) -> Result<Self, FactError<D::Error>> {
        match origin {
            Origin::Api => Self::from_api(name, data),
            Origin::Chain => Self::from_chain(name, data),
        }
    }

    fn from_chain<'de, D: Deserializer<'de>>(name: &str, data: D) -> Result<Self, FactError<D::Error>> {
        let news = EventKind::ALL.into_iter().find(|news| news.name() == name);
        let news = news.ok_or_else(|| UnknownFact(name.to_owned()))?;
        let ChainData { cause, changes } = ChainData::deserialize(data).map_err(FactError::Data)?;
        Ok(Self::Chain(Box::new(ChainFact { news, cause, changes })))
    }

    fn from_api<'de, D: Deserializer<'de>>(name: &str, data: D) -> Result<Self, FactError<D::Error>> {
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
            Self::Chain(fact) => {
                ChainData { cause: &fact.cause, changes: &fact.changes }.serialize(serializer)
            }
            Self::Started | Self::Paused | Self::Resumed => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fact: &Fact, name: &str, data: &str) {
        let origin = if matches!(fact, Fact::Chain(_)) { Origin::Chain } else { Origin::Api };
        assert_eq!((fact.name(), serde_json::to_string(fact).unwrap().as_str()), (name, data));
        let read = Fact::from_parts(origin, name, &mut serde_json::Deserializer::from_str(data));
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
    fn a_fact_of_the_chain_tells_its_cause_and_what_changed() {
        let changes = Changes {
            withdrawn_amount: Some(Amount::from_stroops(5)),
            claim_owner: Some(None),
            ..Changes::default()
        };
        let event = Cause::ContractEvent {
            ledger: 7,
            tx_hash: "ab".to_owned(),
            event_id: "7-1".to_owned(),
            topic: "withdrew".to_owned(),
        };
        let fact = |news, cause| Fact::Chain(Box::new(ChainFact { news, cause, changes: changes.clone() }));
        check(
            &fact(EventKind::Withdrawn, event),
            "stream.withdrawn",
            r#"{"cause":{"type":"contractEvent","ledger":7,"txHash":"ab","eventId":"7-1","topic":"withdrew"},"changes":{"withdrawnAmount":"0.0000005","claimOwner":null}}"#,
        );
        check(
            &fact(EventKind::Corrected, Cause::Reorg { fork_ledger: 9 }),
            "stream.corrected",
            r#"{"cause":{"type":"reorg","forkLedger":9},"changes":{"withdrawnAmount":"0.0000005","claimOwner":null}}"#,
        );
    }

    #[test]
    fn a_fact_that_cannot_be_read_says_whether_it_is_the_name_or_the_data() {
        for origin in Origin::ALL {
            let read =
                |name, data| Fact::from_parts(origin, name, &mut serde_json::Deserializer::from_str(data));
            assert!(matches!(read("stream.exploded", "{}"), Err(FactError::Name(_))));
            assert!(matches!(read("stream.created", "{}"), Err(FactError::Data(_))));
        }
    }
}
