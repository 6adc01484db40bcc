use fluxora_store::{EventFilter, StoreError};
use fluxora_stream::{Address, EventKind, LoggedEvent, Sequence, StreamId};
use serde_json::value::{RawValue, to_raw_value};

/// A logged event, serialized once for all who get it.
#[derive(Debug)]
pub struct FeedEvent {
    /// The position in the event log.
    pub sequence: Sequence,
    /// The event as every interface shows it: one line of JSON.
    pub json: Box<RawValue>,
    pub(crate) stream: StreamId,
    pub(crate) kind: EventKind,
    pub(crate) parties: Option<Parties>,
}

/// Who pays whom in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parties {
    pub(crate) sender: Address,
    pub(crate) recipient: Address,
}

impl FeedEvent {
    /// An event, with the parties of its stream as far as they are known.
    pub(crate) fn of(logged: &LoggedEvent, parties: Option<Parties>) -> Result<Self, StoreError> {
        let json = to_raw_value(logged).map_err(|error| StoreError::Internal {
            reason: "an event cannot be written as JSON".to_owned(),
            source: Some(error.into()),
        })?;
        let (stream, kind) = (logged.event.stream, logged.event.kind);
        Ok(Self { sequence: logged.sequence, json, stream, kind, parties })
    }

    /// The bytes of its JSON.
    pub(crate) fn size(&self) -> usize {
        self.json.get().len()
    }

    /// Whether a filter leaves the event in. `None` if that depends on parties that are not known.
    pub(crate) fn matches(&self, filter: &EventFilter) -> Option<bool> {
        let EventFilter { stream, sender, recipient, contract, kinds } = filter;
        let described = stream.is_none_or(|stream| self.stream == stream)
            && contract.is_none_or(|contract| self.stream.contract() == Some(contract))
            && (kinds.is_empty() || kinds.contains(&self.kind));
        if !described || (sender.is_none() && recipient.is_none()) {
            return Some(described);
        }
        let parties = self.parties?;
        Some(
            sender.is_none_or(|sender| parties.sender == sender)
                && recipient.is_none_or(|recipient| parties.recipient == recipient),
        )
    }
}
