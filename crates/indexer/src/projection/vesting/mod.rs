//! Projection of **vesting** contracts: the Fluxora stream contract after its rewrite, ABI 1 and ABI 2
//! (`docs/CONTRACTS.md`).
//!
//! [`decode`] reads one event. It decides by the shape of the event whether it belongs to this family; the names of
//! contract v9 overlap. [`create`] and [`apply`] fold an event into its stream, [`ContractHalt::apply`] into the state
//! of its contract. Everything is a function of the event, its place on chain
//! and its close time.
//!
//! The state equals the contract's own, field by field. Where an event contradicts the state, or the state breaks one
//! of the contract's invariants, the event is applied as it is and an [`Anomaly`] is reported.

mod action;
mod anomaly;
mod apply;
mod decode;
mod family;
mod fault;
mod fields;
mod halt;
mod rules;
mod stream;

#[cfg(test)]
mod impossible;
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
    ContractAction, Decoded, StreamAction, StreamCancelled, StreamCreated, StreamPaused, StreamResumed,
    StreamToppedUp, StreamWithdrawn,
};
pub use anomaly::{Anomaly, CheckedField};
pub use apply::{Applied, apply};
pub use decode::decode;
pub(super) use family::Vesting;
pub use fault::{NotDecoded, PayloadFault, Unreadable};
pub use halt::{ContractHalt, HaltAction};
pub use rules::{BrokenRule, creation_anomalies};
pub use stream::{EventContext, create, liabilities};
