#![doc = include_str!("../README.md")]

mod health;
mod panics;
mod periodic;
mod policy;
mod shutdown;
mod supervisor;
mod task;
#[cfg(test)]
mod tests;
mod worker;

pub use health::{WorkerHealth, WorkerState, Workers};
pub use periodic::{Periodic, PeriodicTask, TickError};
pub use policy::{Jitter, MAX_RESTARTS, RestartPolicy};
pub use shutdown::{ShutdownToken, Stop};
pub use supervisor::{Supervisor, WorkerFailed};
pub use worker::{Worker, WorkerError};
