//! The routes of indexer workers and the rewind of an operator.

pub(crate) mod contracts;
pub(crate) mod drifts;
mod event_cursor;
pub(crate) mod health;
pub(crate) mod list;
pub(crate) mod push;
mod pushed;
mod pushed_invocation;
pub(crate) mod rewind;
