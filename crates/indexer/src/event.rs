use std::sync::Arc;

use jiff::Timestamp;

use crate::{Invocation, Opaque};

/// The position of a contract event on chain. Positions are ordered as the chain executed the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainPosition {
    /// Sequence of the ledger.
    pub ledger: u32,
    /// Index of the transaction in the ledger.
    pub transaction: u32,
    /// Index of the operation in the transaction.
    pub operation: u32,
    /// Index of the event in the operation.
    pub event: u32,
}

impl ChainPosition {
    /// Ledger and transaction: the same for all events of one transaction.
    pub const fn transaction(self) -> (u32, u32) {
        (self.ledger, self.transaction)
    }
}

/// An event that a contract emitted, as it was pushed. It is stored for ever; streams can be rebuilt from it at any
/// time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEvent {
    /// Label, given by the source. The identity of an event is its position under the hash of its ledger.
    pub id: Opaque,
    /// Position on chain.
    pub position: ChainPosition,
    /// Emitting contract.
    pub contract: Opaque,
    /// First topic.
    pub topic: Opaque,
    /// Hash of the transaction.
    pub tx_hash: Opaque,
    /// Close time of the ledger.
    pub happened_at: Timestamp,
    /// Text of a JSON object, exactly as pushed. Cheap to clone, as all fields are.
    pub payload: Arc<str>,
    /// The call in which it was emitted, where it is known.
    pub invocation: Option<Arc<Invocation>>,
}

impl ContractEvent {
    /// Sort key: the position. The id orders events that an earlier version stored at one position.
    pub fn order(&self) -> (ChainPosition, &Opaque) {
        (self.position, &self.id)
    }
}
