#![doc = include_str!("../README.md")]

mod event;
mod opaque;
pub mod projection;

pub use event::{ContractEvent, Place};
pub use opaque::{NotOpaque, OPAQUE_MAX, Opaque};
