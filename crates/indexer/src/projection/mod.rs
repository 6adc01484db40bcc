//! The projection of contract events into chain streams.
//!
//! Several families of contracts exist side by side for ever. Each is a module behind one interface (`Family`): its
//! topics, its state, its arithmetic and its invariants. What is common to all is in `fold` and `engine`.

mod anomaly;
mod class;
mod engine;
mod envelope;
mod family;
mod fold;
mod v9;
mod version;
pub mod vesting;

use std::collections::HashMap;

use fluxora_stream::{ChainStream, ContractId, EventData, EventKind, StreamId};
use jiff::Timestamp;

pub use anomaly::{Anomaly, ReportedAnomaly};
pub use class::{Class, UnknownClass};
pub use v9::{V9Field, V9Rule};
pub use version::{ContractVersion, UnknownVersion};

use self::family::Families;
use self::fold::Fold;
use crate::{ContractEvent, Invocation, Opaque};

/// The streams that a contract event is about: none, one or two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// The stream of the event. Of two, the dependent one: the clone, the renewal or the share.
    pub stream: Option<StreamId>,
    /// The stream on which it depends.
    pub other: Option<StreamId>,
}

/// What an event is, decided by the event alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classified {
    /// Its class.
    pub class: Class,
    /// The streams it is about.
    pub subjects: Subjects,
    /// The version of its contract, if the event shows one.
    pub version: Option<ContractVersion>,
}

impl Classified {
    /// An event of this class, about no stream.
    pub(crate) fn of(class: Class) -> Self {
        Self { class, subjects: Subjects::default(), version: None }
    }
}

/// Class, streams and version of a contract event. Parses the payload once.
pub fn classify(event: &ContractEvent) -> Classified {
    match ContractId::parse(event.contract.as_str()) {
        Ok(contract) => Families::classify(contract, event),
        Err(_) => Classified::of(Class::Unknown),
    }
}

/// The call in which an event was emitted, among the calls that its transaction makes or authorizes. `None` where the event
/// leaves nothing open, and where more than one call, or none, can be meant.
pub fn invocation_of<'c>(event: &ContractEvent, calls: &'c [Invocation]) -> Option<&'c Invocation> {
    v9::invocation_of(event, calls)
}

/// Whether the events of this topic leave something open that their invocation can decide.
pub fn leaves_open(event: &ContractEvent) -> bool {
    matches!(event.topic.as_str(), "created" | "rate_upd" | "withdrew")
}

/// Chain streams by id.
pub type Streams = HashMap<StreamId, ChainStream>;

/// A stream event that the projection emits. The store numbers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmittedEvent {
    /// The stream that changed.
    pub stream: StreamId,
    /// When the contract event's ledger closed.
    pub at: Timestamp,
    /// The event's type.
    pub kind: EventKind,
    /// Cause and changes.
    pub data: EventData,
}

/// A contract event that could not be applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unprojected {
    /// Id of the contract event.
    pub event: Opaque,
    /// The stream of the event, which may differ from the contract's; `None` if the event names none.
    pub stream: Option<StreamId>,
    /// Whether that stream exists: it is counted on the stream, which is uncertain from here on.
    pub marks_stream: bool,
    /// The reason, for an operator.
    pub reason: String,
}

/// The result of a projection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Projected {
    /// Stream events, in the order of the contract events.
    pub emitted: Vec<EmittedEvent>,
    /// Contract events that could not be applied.
    pub unprojected: Vec<Unprojected>,
    /// Contract events that were applied and show an anomaly.
    pub anomalies: Vec<ReportedAnomaly>,
}

/// Applies contract events in chain order to the streams that `within` accepts. Events about other streams only are
/// skipped.
///
/// The events of one transaction must come in one call; transactions may come in one call or in many. An event of a
/// stream that is not in `streams` changes nothing, and so does an event that changes no field of
/// [`Changes`](fluxora_stream::Changes): a stream has changed exactly if an event is emitted for it. An unreadable
/// event that names no stream is always reported.
///
/// The event count of a stream stays unchanged, also where a new stream replaces it under the same id; a created stream
/// has 0.
pub fn project<'a>(
    streams: &mut Streams,
    within: impl Fn(&StreamId) -> bool,
    events: impl IntoIterator<Item = &'a ContractEvent>,
) -> Projected {
    let mut fold = Fold::new(streams, within);
    for event in events {
        fold.event(event);
    }
    fold.finish()
}
