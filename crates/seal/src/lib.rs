#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod key;
mod keyring;
mod sealed;

pub use key::InvalidKey;
pub use keyring::{Keyring, OpenError, SealError, endpoint_id};
