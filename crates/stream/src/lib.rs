#![doc = include_str!("../README.md")]

mod address;
mod balance;
mod chain;
mod changes;
mod event;
mod id;
#[cfg(test)]
mod laws;
mod number;
#[cfg(test)]
mod oracle;
mod origin;
mod schedule;
mod status;
mod stream;
mod terms;
mod time;

pub use address::{AccountId, Address, AddressError, ContractId};
pub use balance::Balance;
pub use chain::{Inferred, NonDefault, OnChain};
pub use changes::Changes;
pub use event::{Cause, ChainFact, Closing, EventKind, Fact, FactError, StreamEvent, UnknownFact};
pub use id::StreamId;
pub use number::StreamNumber;
pub use origin::{Origin, UnknownOrigin};
pub use schedule::{Checkpoint, Kind, Schedule, UnknownKind};
pub use status::{Status, StatusName, UnknownStatus};
pub use stream::{CancelRefused, Change, HistoryError, Stream};
pub use terms::{Terms, TermsDraft, TermsFault};
pub use time::UnixTime;
