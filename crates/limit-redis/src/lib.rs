#![doc = include_str!("../README.md")]

mod connector;
mod limiter;
#[cfg(feature = "testing")]
pub mod testing;

pub use connector::Connector;
pub use limiter::{InvalidUrl, RedisLimiter};
