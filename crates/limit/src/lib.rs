#![doc = include_str!("../README.md")]

mod client;
mod limiter;
mod quota;
mod shared;

pub use client::{InvalidProxies, TrustedProxies, network_of};
pub use limiter::{CAPACITY, Limiter};
pub use quota::{Quota, Verdict};
pub use shared::{Charge, SharedFailure, SharedLimiter};
