//! The SQL of streams: each function is one statement or one unit, on a given connection.

mod as_of;
mod cancel;
pub(crate) mod column_lists;
mod count;
mod create;
mod due;
pub(crate) mod events;
mod falling_due;
pub(crate) mod idempotency;
mod intersection;
mod list;
pub(crate) mod log;
#[cfg(test)]
mod plans;
pub(crate) mod row;
#[cfg(test)]
mod skewed;
pub(crate) mod write;

pub(crate) use as_of::stored_or_replayed;
pub(crate) use cancel::cancel;
pub(crate) use count::count;
pub(crate) use create::create;
pub(crate) use due::record_due;
pub(crate) use events::{Inserts as EventInserts, events};
pub(crate) use intersection::is_needed as intersects;
pub(crate) use list::list;
pub(crate) use row::{Finder, read_chain_rows};
pub(crate) use write::{Inserts, Updates};
