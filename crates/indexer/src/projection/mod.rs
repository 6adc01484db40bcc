//! The projection of contract events into chain streams.
//!
//! The rules are those of contract version 9. A value that its events leave open is inferred and marked on the stream
//! ([`Inferred`](fluxora_stream::Inferred)). A later event, or a transfer of tokens, that proves the value corrects it.

mod births;
mod class;
mod decode;
mod effect;
mod fold;
mod inference;
mod payload;
mod transfers;
mod values;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use fluxora_decimal::Amount;
use fluxora_stream::{ChainStream, ContractId, EventData, EventKind, StreamId};
use jiff::Timestamp;

pub use class::{Class, UnknownClass};
use decode::{ContractAction, Decoded, Fault};
use fold::Fold;

use crate::{ContractEvent, Opaque};

/// The streams that a contract event is about: none, one or two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// The stream of the event. Of two, the dependent one: the clone, the renewal or the share.
    pub stream: Option<StreamId>,
    /// The stream on which it depends.
    pub other: Option<StreamId>,
}

/// The class and the streams of a contract event. Parses the payload once.
pub fn classify(event: &ContractEvent) -> (Class, Subjects) {
    let Ok(contract) = ContractId::parse(event.contract.as_str()) else {
        return (Class::Unknown, Subjects::default());
    };
    let id = |number| StreamId::chain(contract, number);
    let of = |number: Option<u64>| Subjects { stream: number.map(id), other: None };
    match Decoded::read(event.topic.as_str(), &event.payload) {
        Ok(Decoded::Stream(number, action)) => {
            let subjects = match action {
                ContractAction::ShareDelegated(share) => {
                    Subjects { stream: Some(id(share.child_stream_id.0)), other: Some(id(number)) }
                }
                ContractAction::Cloned { source } => {
                    Subjects { stream: Some(id(number)), other: Some(id(source)) }
                }
                ContractAction::Renewed { renewal } => {
                    Subjects { stream: Some(id(renewal)), other: Some(id(number)) }
                }
                _ => of(Some(number)),
            };
            (Class::Stream, subjects)
        }
        Ok(Decoded::Protocol) => (Class::Protocol, Subjects::default()),
        Ok(Decoded::Transfer(_)) => (Class::Transfer, Subjects::default()),
        Err(Fault::Unknown) => (Class::Unknown, Subjects::default()),
        Err(Fault::Unreadable { stream, .. }) => (Class::Unreadable, of(stream)),
    }
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

/// An anomaly and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedAnomaly {
    /// Id of the contract event that shows it.
    pub event: Opaque,
    /// The stream of the event.
    pub stream: StreamId,
    /// The anomaly.
    pub what: Anomaly,
}

/// An effect on chain that an operator has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// A recipient was paid after a keeper's cancellation had paid the same amount. The contract does not count
    /// keepers' payments as withdrawn, so the second payment came out of other streams' deposits.
    PaidTwice {
        /// Amount that the cancellation paid.
        keeper_paid: Amount,
        /// Amount of the second payment.
        again: Amount,
    },
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
