//! The contract's events, folded into streams.
//!
//! The rules are the contract's own (version 9). What its events leave open is inferred, marked on the stream
//! ([`Inferred`](fluxora_stream::Inferred)) and put right as soon as a later event, or the money that moved, proves it.

mod births;
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

use decode::{ContractAction, Decoded, Fault};
use fold::Fold;

use crate::{ContractEvent, Opaque};

/// The streams of a contract that an event is about: two at most. None for an event that changes no stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subjects {
    /// The stream the event is of; of two, the one that begins from the other: the clone, the renewal, the share.
    pub stream: Option<StreamId>,
    /// The stream that it begins from.
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
    /// Stream events, in the order of the contract events.
    pub emitted: Vec<EmittedEvent>,
    /// What could not be applied.
    pub unprojected: Vec<Unprojected>,
    /// What was applied, but is not as it should be on chain.
    pub anomalies: Vec<ReportedAnomaly>,
}

/// Something that an operator has to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedAnomaly {
    /// The event that shows it.
    pub event: Opaque,
    /// Its stream.
    pub stream: StreamId,
    /// What is wrong.
    pub what: Anomaly,
}

/// What can be wrong on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// A recipient that a keeper's cancellation had paid was paid once more, out of what belongs to other streams: the contract does not
    /// count what keepers pay as withdrawn.
    PaidTwice {
        /// What the cancellation paid.
        keeper_paid: Amount,
        /// What was paid again.
        again: Amount,
    },
}

/// Applies events in chain order, given with all events of each transaction. Only streams in `within` are made or changed; events that
/// concern none of them are passed over.
///
/// Events may be given in one call or in many, as long as no transaction is divided. An event of a stream that is not in `streams` changes
/// nothing, and so does an event that changes no field of [`Changes`](fluxora_stream::Changes): a stream has changed exactly if
/// an event is emitted for it. An unreadable event that does not even tell its stream is reported whatever `within` says.
///
/// The event count of a stream is left unchanged, also where a stream is replaced by one that got its id again; a stream that is
/// created has 0.
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
