//! The contract's events, folded into streams.

use std::collections::HashMap;

use fluxora_stream::{ChainFact, Stream, StreamId};
use jiff::Timestamp;

use crate::{ContractEvent, Opaque};

/// The streams of a contract that an event is about: two at most. None for an event that changes no stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// The stream the event is of.
    pub stream: Option<StreamId>,
    /// A second stream whose state it reads or changes.
    pub other: Option<StreamId>,
}

/// What kind of event it is, told by the event alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// It changes a stream, or what is known about one.
    Stream,
    /// It is the contract's, but of no stream.
    Protocol,
    /// A token moved.
    Transfer,
    /// Its topic, or the shape of its payload, is not the contract's.
    Unknown,
    /// It says that it is the contract's, but a field is missing or wrong.
    Unreadable,
}

/// What an event is about. Costs one parse of its payload.
pub fn classify(_event: &ContractEvent) -> (Class, Subjects) {
    (Class::Unknown, Subjects::default())
}

/// Streams of the chain, by id.
pub type Streams = HashMap<StreamId, Stream>;

/// One thing that became known of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Of which stream.
    pub stream: StreamId,
    /// When its ledger closed.
    pub at: Timestamp,
    /// What.
    pub fact: ChainFact,
}

/// An event that could not be applied, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprojected {
    /// Which.
    pub event: Opaque,
    /// The stream that may therefore differ from the contract's.
    pub stream: Option<StreamId>,
    /// For an operator.
    pub reason: String,
}

/// What came of projecting events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projected {
    /// What is to be told, in order.
    pub told: Vec<Told>,
    /// What could not be applied.
    pub unprojected: Vec<Unprojected>,
    /// What an operator should know.
    pub oddities: Vec<Oddity>,
}

/// Placeholder
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// e
    pub event: Opaque,
    /// s
    pub stream: StreamId,
    /// w
    pub what: String,
}

/// Placeholder
pub fn project<'a>(
    _streams: &mut Streams,
    _within: impl Fn(&StreamId) -> bool,
    _events: impl IntoIterator<Item = &'a ContractEvent>,
) -> Projected {
    Projected::default()
}
