#![doc = include_str!("../README.md")]

mod chain;
mod contract;
mod event;
mod script;
mod seed;
#[cfg(test)]
mod tests;

pub use chain::{Chain, Closed, SimulationFault};
pub use contract::{CallRefused, Contract, Stream};
pub use script::ROUND;
