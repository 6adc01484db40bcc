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

pub(crate) use cancel::cancel;
pub(crate) use create::{create, forget_answers, kept};
pub(crate) use due::record_due;
pub(crate) use events::{events, history, insert as insert_event};
pub(crate) use list::{count, list, may_scan};
pub(crate) use row::{StreamRow, find, insert_row, read_chain_rows, update_row};
pub(crate) use transfer::{ANSWERS, EVENTS, STREAMS, owner, put_answer, put_event, put_stream};
