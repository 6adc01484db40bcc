#![doc = include_str!("../README.md")]

mod announcer;
mod audit;
mod breaker;
mod chain;
mod columns;
mod connect;
mod copy;
mod error;
mod faults;
mod keys;
mod leases;
mod location;
mod migrations;
mod options;
mod parameters;
mod pipeline;
mod pool;
mod probe;
mod refused;
mod runway;
mod store;
mod streams;
mod time_events;
mod tls;
mod treasury;
mod unit;
mod webhooks;
mod writer;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod tests;

pub use error::OpenError;
pub use location::{InvalidLocation, Location};
pub use migrations::{Schema, check_schema, migrate};
pub use options::Options;
pub use store::PostgresStore;
