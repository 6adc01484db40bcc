#![doc = include_str!("../README.md")]

mod breaker;
mod chain;
mod columns;
mod connect;
mod copy;
mod faults;
mod location;
mod migrations;
mod open;
mod options;
mod pipeline;
mod pool;
mod probe;
mod store;
mod streams;
mod tls;
mod unit;
mod writer;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(test)]
mod tests;

pub use location::{InvalidLocation, Location};
pub use migrations::{Schema, check_schema, migrate};
pub use open::OpenError;
pub use options::Options;
pub use store::PostgresStore;
