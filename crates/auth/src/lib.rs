#![doc = include_str!("../README.md")]

mod api_key;
pub mod jwt;
mod key_secret;
mod name;
mod principal;
mod refusal;
mod role;

pub use api_key::{ApiKey, KeyId, KeyName, KeyState};
pub use key_secret::{KEY_PREFIX, KeyHash, KeySecret, KeyTextFault};
pub use name::{InvalidName, Name};
pub use principal::{Grant, Identity, Principal, SharedToken};
pub use refusal::Refusal;
pub use role::{Permission, Role, UnknownRole};
