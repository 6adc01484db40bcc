#![doc = include_str!("../README.md")]

mod counter;
mod histogram;
mod page;

pub use counter::Counter;
pub use histogram::{Histogram, Reading};
pub use page::{Family, Kind, Page, Samples, Unit};
