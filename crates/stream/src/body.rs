use uuid::Uuid;

use crate::vesting::VestingState;
use crate::{ContractId, OnChain, RateFlow, StreamId};

/// What distinguishes streams by origin: the identity, the money, and for a chain stream the state that its contract
/// keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Created through the API.
    Api {
        /// The stream's id.
        id: Uuid,
        /// Its money.
        flow: RateFlow,
    },
    /// Created by a contract.
    Chain(Box<ChainBody>),
}

/// The identity and the contract state of a chain stream: of any family, or of the family with the state `S`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainBody<S = ContractState> {
    /// The contract that holds the deposit.
    pub contract: ContractId,
    /// The contract's own id of the stream, counted from 0.
    pub number: u64,
    /// State beyond parties and status, in the form of the contract's family.
    pub state: S,
}

/// Contract state by family of contracts. Each family has its own fields and its own arithmetic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractState {
    /// Version 9 of the streaming contract.
    V9(Box<V9State>),
    /// A vesting contract.
    Vesting(Box<VestingState>),
}

/// The state of a stream in a version 9 contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct V9State {
    /// Its money.
    pub flow: RateFlow,
    /// What the contract keeps beyond it.
    pub on_chain: OnChain,
}

/// The state of one contract family, as [`ContractState`] holds it.
pub trait FamilyState: Clone {
    /// The state, if it is of this family.
    fn of(state: &ContractState) -> Option<&Self>;

    /// The state as one of any family.
    fn into_state(self) -> ContractState;
}

impl ContractState {
    /// Ledger of the last contract event that changed the stream.
    pub const fn last_ledger_mut(&mut self) -> &mut u32 {
        match self {
            Self::V9(state) => &mut state.on_chain.last_ledger,
            Self::Vesting(state) => &mut state.last_ledger,
        }
    }

    /// Number of unreadable contract events.
    pub const fn unprojected_events_mut(&mut self) -> &mut u32 {
        match self {
            Self::V9(state) => &mut state.on_chain.unprojected_events,
            Self::Vesting(state) => &mut state.unprojected_events,
        }
    }

    /// Number of contract events that showed an anomaly.
    pub const fn anomalies(&self) -> u32 {
        match self {
            Self::V9(state) => state.on_chain.anomalies,
            Self::Vesting(state) => state.anomalies,
        }
    }

    /// Number of contract events that showed an anomaly.
    pub const fn anomalies_mut(&mut self) -> &mut u32 {
        match self {
            Self::V9(state) => &mut state.on_chain.anomalies,
            Self::Vesting(state) => &mut state.anomalies,
        }
    }
}

/// Access to the body of a [`Stream`](crate::Stream): [`Body`] for either origin, [`ChainBody`] for a chain stream.
pub trait StreamBody: Clone {
    /// The stream's identity.
    fn id(&self) -> StreamId;

    /// Money and contract state.
    fn details(&self) -> Details<'_>;
}

/// Money and contract state of a stream, by origin and family.
#[derive(Clone, Copy, Debug)]
pub enum Details<'s> {
    /// Of an API stream.
    Api(&'s RateFlow),
    /// Of a stream of a version 9 contract.
    V9(&'s V9State),
    /// Of a stream of a vesting contract.
    Vesting(&'s VestingState),
}

impl StreamBody for Body {
    fn id(&self) -> StreamId {
        match self {
            Self::Api { id, .. } => StreamId::api(*id),
            Self::Chain(chain) => chain.id(),
        }
    }

    fn details(&self) -> Details<'_> {
        match self {
            Self::Api { flow, .. } => Details::Api(flow),
            Self::Chain(chain) => chain.details(),
        }
    }
}

impl StreamBody for ChainBody {
    fn id(&self) -> StreamId {
        StreamId::chain(self.contract, self.number)
    }

    fn details(&self) -> Details<'_> {
        match &self.state {
            ContractState::V9(state) => Details::V9(state),
            ContractState::Vesting(state) => Details::Vesting(state),
        }
    }
}

impl StreamBody for ChainBody<V9State> {
    fn id(&self) -> StreamId {
        StreamId::chain(self.contract, self.number)
    }

    fn details(&self) -> Details<'_> {
        Details::V9(&self.state)
    }
}

impl StreamBody for ChainBody<VestingState> {
    fn id(&self) -> StreamId {
        StreamId::chain(self.contract, self.number)
    }

    fn details(&self) -> Details<'_> {
        Details::Vesting(&self.state)
    }
}

impl FamilyState for V9State {
    fn of(state: &ContractState) -> Option<&Self> {
        match state {
            ContractState::V9(state) => Some(state),
            ContractState::Vesting(_) => None,
        }
    }

    fn into_state(self) -> ContractState {
        ContractState::V9(Box::new(self))
    }
}

impl FamilyState for VestingState {
    fn of(state: &ContractState) -> Option<&Self> {
        match state {
            ContractState::Vesting(state) => Some(state),
            ContractState::V9(_) => None,
        }
    }

    fn into_state(self) -> ContractState {
        ContractState::Vesting(Box::new(self))
    }
}

impl<'s> Details<'s> {
    /// The money of a stream that flows by a rate; `None` for a vesting stream.
    pub const fn flow(self) -> Option<&'s RateFlow> {
        match self {
            Self::Api(flow) => Some(flow),
            Self::V9(state) => Some(&state.flow),
            Self::Vesting(_) => None,
        }
    }

    /// The state of a version 9 contract.
    pub const fn v9(self) -> Option<&'s V9State> {
        match self {
            Self::V9(state) => Some(state),
            Self::Api(_) | Self::Vesting(_) => None,
        }
    }

    /// The state of a vesting contract.
    pub const fn vesting(self) -> Option<&'s VestingState> {
        match self {
            Self::Vesting(state) => Some(state),
            Self::Api(_) | Self::V9(_) => None,
        }
    }
}
