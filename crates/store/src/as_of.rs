//! The state of a stream at an earlier second.

use fluxora_stream::{Origin, Stream, StreamEvent, UnixTime};

use crate::CorruptRow;

/// Where the state of a stored stream at a given second is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateAt {
    /// The second is not before the stream's last event: the stored stream is the answer.
    Current(Box<Stream>),
    /// An earlier second of an API stream: its events up to then are replayed ([`replay`]).
    History,
    /// An earlier second of a chain stream: it is rebuilt from its contract's events
    /// ([`chain::stream_as_of`](crate::chain::stream_as_of)).
    ContractEvents,
}

impl StateAt {
    /// Decides by the stored stream and the second asked about.
    pub fn of(stored: Stream, at: UnixTime) -> Self {
        if at >= UnixTime::of(stored.updated_at) {
            return Self::Current(Box::new(stored));
        }
        match stored.origin() {
            Origin::Api => Self::History,
            Origin::Chain => Self::ContractEvents,
        }
    }
}

/// Replays the first events of an API stream; `None` if there are none.
///
/// # Errors
/// [`CorruptRow`] if an event cannot follow the one before it.
pub fn replay(events: &[StreamEvent]) -> Result<Option<Stream>, CorruptRow> {
    Stream::replay(events).map_err(|error| CorruptRow {
        table: "stream_events",
        column: "type",
        row: format!("{} of stream {}", error.stream_seq, error.stream),
        reason: error.to_string(),
    })
}
