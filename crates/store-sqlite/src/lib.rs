#![doc = include_str!("../README.md")]

mod audit;
mod chain;
mod columns;
mod copy;
mod faults;
mod files;
mod keys;
mod leases;
mod location;
mod log_contents;
mod open;
mod options;
mod probe;
mod readers;
mod room;
mod runway;
mod schema;
mod server_lock;
mod store;
mod streams;
mod time_events;
mod treasury;
mod webhooks;

mod write_connection;
mod writer;

pub use location::{InvalidLocation, Location};
pub use open::OpenError;
pub use options::Options;
pub use schema::{Schema, check_schema};
pub use server_lock::ServerLock;
pub use store::SqliteStore;
