#![doc = include_str!("../README.md")]

mod dispatcher;
mod fan_out;
mod options;
mod outcome;
mod prepared;
mod pump;
mod report;
mod sender;

#[cfg(test)]
mod tests;

pub use dispatcher::Dispatcher;
pub use fan_out::FanOut;
pub use options::Options;
pub use sender::{Outgoing, Sender};

use fluxora_store::{DeliveryStore, EventLog};

/// What the workers need of the store.
pub trait Store: DeliveryStore + EventLog {}

impl<T: DeliveryStore + EventLog + ?Sized> Store for T {}
