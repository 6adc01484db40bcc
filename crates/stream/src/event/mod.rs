//! Stream events: one shape for streams of either origin.

mod data;
mod filter;
mod kind;
mod logged;
mod stored;

use jiff::Timestamp;

pub use data::{Cause, EventData, Settlement};
pub use filter::{EventFilter, EventParties};
pub use kind::{EventKind, UnknownEventKind};
pub use logged::LoggedEvent;

use crate::StreamId;

/// Characters of a contract's strkey that an event id holds.
const CONTRACT_IN_EVENT_ID: usize = 26;

/// A committed change of a stream.
///
/// An API stream is the fold of its events ([`Stream::replay`](crate::Stream::replay)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamEvent {
    /// The stream that changed.
    pub stream: StreamId,
    /// Position in the stream's own history: 1, 2, 3 without gaps.
    pub stream_seq: u32,
    /// When the change took effect: the start time for `started`, however late the stream clock recorded it.
    pub occurred_at: Timestamp,
    /// When the event was written; never before `occurred_at`.
    pub recorded_at: Timestamp,
    /// The event's type.
    pub kind: EventKind,
    /// Cause and changes.
    pub data: EventData,
}

impl StreamEvent {
    /// The event's public identity. It never changes and has 8 to 64 characters of `A-Z a-z 0-9 _ -`.
    ///
    /// A contract's strkey is cut to 26 characters, which hold 122 bits of its hash.
    pub fn id(&self) -> String {
        let seq = self.stream_seq;
        match self.stream {
            StreamId::Api(id) => format!("evt_{id}_{seq}"),
            StreamId::Chain { contract, number } => {
                format!("evt_{:.CONTRACT_IN_EVENT_ID$}_{number}_{seq}", contract.to_string())
            }
        }
    }
}
