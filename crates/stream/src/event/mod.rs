//! Stream events: one shape for streams of either origin.

mod data;
mod filter;
mod kind;
mod logged;
mod runway;
mod stored;

use jiff::Timestamp;

pub use data::{Cause, EventData, Retracted, Settlement};
pub use filter::{EventFilter, EventParties};
pub use kind::{EventKind, UnknownEventKind};
pub use logged::LoggedEvent;
pub use runway::{RunwayAsset, RunwayLow, TopUp};

use crate::{Origin, StreamId, TimeEvent, TimeEventKind, UnixTime};

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
    /// What time brought about; `None` for another event, and for the start of an API stream, which changes its status.
    pub fn time_event(&self) -> Option<TimeEvent> {
        let kind = TimeEventKind::of(self.kind)?;
        let is_status = kind == TimeEventKind::Started && self.stream.origin() == Origin::Api;
        (!is_status).then_some(TimeEvent { at: UnixTime::of(self.occurred_at), kind })
    }

    /// Whether it leaves every field of its stream as it is. It can be recorded after events that occurred later.
    pub fn changes_nothing(&self) -> bool {
        self.kind == EventKind::RunwayLow || self.time_event().is_some()
    }

    /// The event's public identity. It never changes and has 8 to 64 characters of `A-Z a-z 0-9 _ -`. That of a time event
    /// follows from the stream, the kind and the instant.
    ///
    /// A contract's strkey is cut to 26 characters, which hold 122 bits of its hash.
    pub fn id(&self) -> String {
        match self.time_event() {
            Some(event) => event.id_of(self.stream),
            None => self.stream.event_id(format_args!("{}", self.stream_seq)),
        }
    }
}
