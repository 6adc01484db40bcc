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

/// Streams that an index finds: those of one condition of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamList {
    /// Those that pay a recipient.
    Recipient,
    /// Those that a sender pays.
    Sender,
    /// Those of a contract.
    Contract,
    /// Those updated since an instant.
    Updated,
    /// Those with a recorded status, and those that have fallen due.
    Status,
    /// Those of an origin.
    Origin,
    /// All.
    All,
}

impl StreamFilter {
    /// The lists of the conditions of the filter. The one that is likely to hold the fewest streams comes first.
    pub fn lists(&self) -> Vec<StreamList> {
        let Self { status, sender, recipient, origin, contract, updated_since } = self;
        let given = [
            (recipient.is_some(), StreamList::Recipient),
            (sender.is_some(), StreamList::Sender),
            (contract.is_some(), StreamList::Contract),
            (updated_since.is_some(), StreamList::Updated),
            (status.is_some(), StreamList::Status),
            (origin.is_some(), StreamList::Origin),
        ];
        given.into_iter().filter_map(|(is_given, list)| is_given.then_some(list)).collect()
    }
}

/// Most streams that a count looks at where one condition or none finds them: index entries.
pub const COUNTED_BY_INDEX: u32 = 100_000;
/// Most streams that a count looks at where conditions have to be checked in each row.
pub const COUNTED_BY_ROW: u32 = 10_000;

/// How many streams match a filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCount {
    /// Those that were counted.
    pub count: u64,
    /// Whether these are all.
    pub is_complete: bool,
}

impl StreamCount {
    /// The number of all streams that match, if it is known.
    pub fn total(self) -> Option<u64> {
        Some(self.count).filter(|_| self.is_complete)
    }
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
