use super::EventKind;
use crate::{Address, ContractId, StreamEvent, StreamId};

/// Which events of the log a reader or a webhook endpoint wants; an absent condition leaves all in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only events of this stream. Found by index, however long the log is.
    pub stream: Option<StreamId>,
    /// Only events of streams that this address pays at the time of reading; for a removed stream, that it paid last.
    pub sender: Option<Address>,
    /// Only events of streams that pay this address at the time of reading; for a removed stream, that it paid last.
    pub recipient: Option<Address>,
    /// Only events of chain streams of this contract.
    pub contract: Option<ContractId>,
    /// Only events of these kinds; of every kind if the list is empty.
    pub kinds: Vec<EventKind>,
}

/// The addresses that a stream pays from and to, as far as they are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventParties {
    /// The sender.
    pub sender: Option<Address>,
    /// The recipient.
    pub recipient: Option<Address>,
}

impl EventFilter {
    /// Whether the filter leaves in an event of a stream with these parties.
    pub fn matches(&self, event: &StreamEvent, parties: EventParties) -> bool {
        let Self { stream, sender, recipient, contract, kinds } = self;
        stream.is_none_or(|stream| event.stream == stream)
            && sender.is_none_or(|sender| parties.sender == Some(sender))
            && recipient.is_none_or(|recipient| parties.recipient == Some(recipient))
            && contract.is_none_or(|contract| event.stream.contract() == Some(contract))
            && (kinds.is_empty() || kinds.contains(&event.kind))
    }
}
