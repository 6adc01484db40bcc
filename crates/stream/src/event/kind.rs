use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// The type of a stream event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// The stream was created.
    Created,
    /// The start time has come.
    Started,
    /// The recipient's side took money out.
    Withdrawn,
    /// The stream reached its end.
    Completed,
    /// The stream was ended early.
    Cancelled,
    /// The contract holds withdrawals back.
    Paused,
    /// The contract allows withdrawals again.
    Resumed,
    /// Terms, parties or contract state changed.
    Updated,
    /// The recipient has taken out the whole deposit.
    Depleted,
    /// The contract removed the stream.
    Closed,
    /// Earlier events of the stream were wrong or incomplete; the changes correct them.
    Corrected,
    /// The ledgers that created the stream were replaced: the stream does not exist.
    Removed,
    /// The cliff is reached, by time.
    CliffReached,
    /// The whole deposit has accrued, by time.
    Exhausted,
    /// The schedule has reached its end, by time.
    Ended,
    /// The runway of the stream's sender has crossed a threshold, and this stream is the first to end.
    RunwayLow,
}

/// A text that names no event type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no stream event has the type {0:?}")]
pub struct UnknownEventKind(pub String);

impl EventKind {
    /// Every type.
    pub const ALL: [Self; 16] = [
        Self::Created,
        Self::Started,
        Self::Withdrawn,
        Self::Completed,
        Self::Cancelled,
        Self::Paused,
        Self::Resumed,
        Self::Updated,
        Self::Depleted,
        Self::Closed,
        Self::Corrected,
        Self::Removed,
        Self::CliffReached,
        Self::Exhausted,
        Self::Ended,
        Self::RunwayLow,
    ];

    /// The word used on the wire and in storage: `stream.created` and so on; `treasury.runway_low`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "stream.created",
            Self::Started => "stream.started",
            Self::Withdrawn => "stream.withdrawn",
            Self::Completed => "stream.completed",
            Self::Cancelled => "stream.cancelled",
            Self::Paused => "stream.paused",
            Self::Resumed => "stream.resumed",
            Self::Updated => "stream.updated",
            Self::Depleted => "stream.depleted",
            Self::Closed => "stream.closed",
            Self::Corrected => "stream.corrected",
            Self::Removed => "stream.removed",
            Self::CliffReached => "stream.cliff_reached",
            Self::Exhausted => "stream.exhausted",
            Self::Ended => "stream.ended",
            Self::RunwayLow => "treasury.runway_low",
        }
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for EventKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for EventKind {
    type Err = UnknownEventKind;

    fn from_str(name: &str) -> Result<Self, UnknownEventKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownEventKind(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_type_reads_back_from_its_name_and_nothing_else_does() {
        for kind in EventKind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        for name in ["", "created", "stream.exploded", "stream.created "] {
            assert_eq!(name.parse::<EventKind>(), Err(UnknownEventKind(name.to_owned())));
        }
    }
}
