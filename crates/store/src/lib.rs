#![doc = include_str!("../README.md")]

pub mod chain;
mod clock;
mod error;
mod idempotency;
mod page;
mod streams;
pub mod transfer;

#[cfg(feature = "conformance")]
pub mod conformance;

pub use chain::ChainStore;
pub use clock::{Clock, still};
pub use error::{CorruptRow, StoreError};
pub use idempotency::{ANSWERS_KEPT, Answer, IdempotencyKey, InvalidKey, KeyedAnswer, forgotten_before};
pub use page::{EventPage, Position, StreamFilter, StreamPage, StreamQuery};
pub use streams::{CreateStream, Created, Outcome, Recorded, Store, StreamStore};
