use fluxora_stream::{Address, LoggedEvent, Origin, Sequence, StatusName, Stream, UnixTime};
use jiff::Timestamp;

use crate::CorruptRow;

/// Which streams are meant; an absent condition leaves all in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamFilter {
    /// Only streams that have this status at the instant asked about.
    pub status: Option<StatusName>,
    /// Only streams this address pays.
    pub sender: Option<Address>,
    /// Only streams that pay this address.
    pub recipient: Option<Address>,
    /// Only streams made there.
    pub origin: Option<Origin>,
    /// Only streams of this contract.
    pub contract: Option<String>,
    /// Only streams whose `updated_at` is not before this instant.
    pub updated_since: Option<Timestamp>,
}

/// A page of streams to read, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamQuery {
    /// Which streams.
    pub filter: StreamFilter,
    /// The instant at which the status counts.
    pub at: UnixTime,
    /// Only streams created before this position: the `next` of the previous page.
    pub before: Option<Sequence>,
    /// How many rows at most; at least 1.
    pub limit: u32,
}

/// A page of streams, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamPage {
    /// The streams that could be read.
    pub streams: Vec<Stream>,
    /// The rows of this page that could not.
    pub unreadable: Vec<CorruptRow>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Sequence>,
}

/// A page of one stream's history, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<LoggedEvent>,
    /// Whether there are more after the last one.
    pub more: bool,
}
