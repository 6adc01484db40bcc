#![doc = include_str!("../README.md")]

mod halts;
mod log;
mod observer;
mod service;
#[cfg(test)]
mod tests;

pub use observer::{Observation, Observer, RefusalKind};
pub use service::{Ingest, IngestError};
