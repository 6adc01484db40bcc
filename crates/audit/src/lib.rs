#![doc = include_str!("../README.md")]

mod action;
mod entry;
mod hash;
#[cfg(test)]
mod laws;
mod row;
mod verify;

pub use action::Action;
pub use entry::{Actor, ActorKind, Entry, LONGEST, Outcome};
pub use hash::{Hash, InvalidHash};
pub use row::{Head, Row};
pub use verify::{Fault, Verifier};
