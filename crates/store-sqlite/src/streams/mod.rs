//! The SQL of streams: each function is one statement or one unit, on whatever connection it is handed.

mod cancel;
mod create;
mod due;
mod events;
mod list;
#[cfg(test)]
mod plans;
mod row;
mod transfer;
mod write;

pub(crate) use cancel::cancel;
pub(crate) use create::{create, forget_answers, kept};
pub(crate) use due::record_due;
pub(crate) use events::{Inserts as EventInserts, events, history};
pub(crate) use list::{count, list, may_scan};
pub(crate) use row::{Finder, StreamRow, read_chain_rows};
pub(crate) use transfer::{ANSWERS, EVENTS, STREAMS, owner, put_answer, put_event, put_stream};
pub(crate) use write::{Inserts, Updates};
