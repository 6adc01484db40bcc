#![doc = include_str!("../README.md")]

mod event;
mod feed;
mod options;
mod parties;
mod reader;
mod subscriber;
mod subscription;
mod tail;
#[cfg(test)]
mod tests;

pub use event::FeedEvent;
pub use feed::{Feed, TooManySubscribers};
pub use options::{Form, Options};
pub use reader::Reader;
pub use subscriber::{Bye, Delivery, Subscriber};
pub use subscription::ByeReason;
