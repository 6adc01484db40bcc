#![doc = include_str!("../README.md")]

mod address;
mod balance;
mod body;
mod chain;
mod changes;
mod event;
mod flow;
mod id;
#[cfg(test)]
mod laws;
mod lifecycle;
mod number;
#[cfg(test)]
mod oracle;
mod origin;
mod schedule;
mod sequence;
mod status;
mod stream;
mod terms;
mod time;
mod time_event;
pub mod vesting;

pub use address::{AccountId, Address, AddressError, ContractId, Needed, StrkeyKind};
pub use balance::Balance;
pub use body::{Body, ChainBody, ContractState, Details, FamilyState, StreamBody, V9State};
pub use chain::{Inferred, NonDefault, OnChain};
pub use changes::Changes;
pub use event::{
    Cause, EventData, EventFilter, EventKind, EventParties, LoggedEvent, Retracted, RunwayAsset, RunwayLow,
    Settlement, StreamEvent, TopUp, UnknownEventKind,
};
pub use flow::RateFlow;
pub use id::StreamId;
pub use lifecycle::{CancelRefused, Change, HistoryError};
pub use number::StreamNumber;
pub use origin::{Origin, UnknownOrigin};
pub use schedule::{Checkpoint, Kind, Schedule, UnknownKind};
pub use sequence::Sequence;
pub use status::{Status, StatusName, UnknownStatus};
pub use stream::{ChainStream, Stream, V9Stream};
pub use terms::{Terms, TermsDraft, TermsFault};
pub use time::UnixTime;
pub use time_event::{TimeEvent, TimeEventKind};
