#![doc = include_str!("../README.md")]

mod dispatcher;
mod fan_out;
mod metrics;
mod options;
mod outcome;
mod prepared;
mod pump;
mod report;
mod sender;
mod trace;

#[cfg(test)]
mod tests;

pub use dispatcher::Dispatcher;
pub use fan_out::FanOut;
pub use metrics::AttemptMetrics;
pub use options::Options;
pub use sender::{Outgoing, Sender};
pub use trace::Cause;

use fluxora_store::{DeliveryStore, EventLog};

/// What the workers need of the store.
pub trait Store: DeliveryStore + EventLog {}

impl<T: DeliveryStore + EventLog + ?Sized> Store for T {}
