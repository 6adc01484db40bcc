use uuid::Uuid;

use crate::{ContractId, OnChain, StreamId};

/// What distinguishes streams by origin: the identity, and for a chain stream the state that its contract keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Created through the API.
    Api {
        /// The stream's id.
        id: Uuid,
    },
    /// Created by a contract.
    Chain(Box<ChainBody>),
}

/// The identity and the contract state of a chain stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBody {
    /// The contract that holds the deposit.
    pub contract: ContractId,
    /// The contract's own id of the stream, counted from 0.
    pub number: u64,
    /// State beyond the terms and the status, in the form of the contract's family.
    pub state: ContractState,
}

/// Contract state by family of contracts. Each family has its own fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractState {
    /// Version 9 of the streaming contract.
    V9(OnChain),
}

/// Access to the body of a [`Stream`](crate::Stream): [`Body`] for either origin, [`ChainBody`] for a chain stream.
pub trait StreamBody: Clone {
    /// The stream's identity.
    fn id(&self) -> StreamId;

    /// The chain part; `None` for an API stream.
    fn chain(&self) -> Option<&ChainBody>;
}

impl StreamBody for Body {
    fn id(&self) -> StreamId {
        match self {
            Self::Api { id } => StreamId::api(*id),
            Self::Chain(chain) => chain.id(),
        }
    }

    fn chain(&self) -> Option<&ChainBody> {
        match self {
            Self::Api { .. } => None,
            Self::Chain(chain) => Some(chain),
        }
    }
}

impl StreamBody for ChainBody {
    fn id(&self) -> StreamId {
        StreamId::chain(self.contract, self.number)
    }

    fn chain(&self) -> Option<&ChainBody> {
        Some(self)
    }
}

impl ContractState {
    /// The state of a version 9 contract.
    pub const fn v9(&self) -> &OnChain {
        let Self::V9(state) = self;
        state
    }

    /// Mutable access to the state of a version 9 contract.
    pub const fn v9_mut(&mut self) -> &mut OnChain {
        let Self::V9(state) = self;
        state
    }
}
