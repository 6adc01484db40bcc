use std::sync::Arc;

use jiff::Timestamp;

use crate::Opaque;

/// Where an event lies on chain. The order of positions is the order in which things happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainPosition {
    /// The ledger's sequence.
    pub ledger: u32,
    /// The transaction's place in the ledger.
    pub transaction: u32,
    /// The operation's place in the transaction.
    pub operation: u32,
    /// The event's place in the operation.
    pub event: u32,
}

impl ChainPosition {
    /// The ledger and the transaction: what an event shares with those it was emitted together with.
    pub const fn transaction(self) -> (u32, u32) {
        (self.ledger, self.transaction)
    }
}

/// An event that a contract emitted, as it was pushed to us. It is kept for ever; streams can be built from it at any time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractEvent {
    /// Its identity, given by the source.
    pub id: Opaque,
    /// Its coordinates on chain.
    pub position: ChainPosition,
    /// The contract that emitted it.
    pub contract: Opaque,
    /// Its first topic.
    pub topic: Opaque,
    /// The transaction in which it was emitted.
    pub tx_hash: Opaque,
    /// When its ledger closed.
    pub happened_at: Timestamp,
    /// What it says: the text of a JSON object, exactly as it came. Cheap to clone, as all of an event is.
    pub payload: Arc<str>,
}

impl ContractEvent {
    /// What events are put in order by: the place, then the id where a source gave one place twice.
    pub fn order(&self) -> (ChainPosition, &Opaque) {
        (self.position, &self.id)
    }
}
