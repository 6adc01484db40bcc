//! Projection of **vesting** contracts: the Fluxora stream contract after its rewrite, ABI 1 and ABI 2
//! (`docs/CONTRACTS.md`).
//!
//! [`decode`] reads one event. It decides by the shape of the event whether it belongs to this family; contract v9,
//! whose names overlap, is `projection`. [`VestingStream::apply`] folds an event into the state of its stream,
//! [`ContractHalt::apply`] into the state of its contract. Everything is a function of the event, its place on chain
//! and its close time.
//!
//! The state equals the contract's own, field by field. Where an event contradicts the state, or the state breaks one
//! of the contract's invariants, the event is applied as it is and an [`Anomaly`] is reported.

mod action;
mod anomaly;
mod apply;
mod decode;
mod fault;
mod fields;
mod grant;
mod halt;
mod stream;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod lives;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod tests;

pub use action::{
    Abi, ContractAction, Decoded, StreamAction, StreamCancelled, StreamCreated, StreamPaused, StreamResumed,
    StreamToppedUp, StreamWithdrawn,
};
pub use anomaly::{Anomaly, CheckedField};
pub use apply::{Applied, VestingEventKind};
pub use decode::decode;
pub use fault::{NotDecoded, PayloadFault, Unreadable};
pub use grant::{DelegateOperation, Grant};
pub use halt::{ContractHalt, HaltAction};
pub use stream::{Cancellation, EventContext, VestingStream, liabilities};
