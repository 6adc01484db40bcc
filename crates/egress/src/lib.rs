#![doc = include_str!("../README.md")]

mod address;
mod allow_list;
mod client;
mod custom_headers;
mod error;
mod io;
mod limits;
mod policy;
mod pool;
mod resolve;
mod target;
#[cfg(test)]
mod tests;
mod timings;
mod tls;

pub use address::AddressKind;
pub use allow_list::{AllowList, InvalidAllowList};
pub use client::{Client, Response};
pub use custom_headers::{HeaderError, MAX_CUSTOM_HEADERS, check_custom_headers};
pub use error::{Blocked, SendError};
pub use limits::Limits;
pub use policy::Policy;
pub use resolve::{Resolve, ResolveError, Resolving, SystemResolver};
pub use target::{MAX_URL_BYTES, Target, TargetError};
pub use timings::{Timings, TlsVersion};
pub use tls::{TlsError, tls_config};
