#![doc = include_str!("../README.md")]

mod chain;
mod columns;
mod faults;
mod location;
mod open;
mod opened;
mod probe;
mod readers;
mod store;
mod streams;
mod transfer;
mod writer;

pub use location::{InvalidLocation, Location};
pub use open::OpenError;
pub use store::{Options, SqliteStore};
