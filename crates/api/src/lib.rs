#![doc = include_str!("../README.md")]

mod access_log;
mod answer;
mod body;
mod cursor;
mod error;
mod fields;
mod idempotency;
mod query;
mod request_id;
mod routes;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod token;
mod view;
mod workers;

pub use error::{ErrorKind, FIELD_CODES};
pub use fluxora_indexer::Rules;
pub use fluxora_store::Clock;
pub use server::{Options, Server, Stop};
pub use state::{Api, Ids, Indexer, Lifecycle, Parts, Service, Writes};
pub use token::{InvalidToken, Token};
pub use workers::{WorkerHealth, WorkerState, Workers};
