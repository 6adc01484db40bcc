//! Rows of a database as values, for every backend. A backend writes its SQL and reads its own types ([`ReadColumns`]); what a row's
//! columns mean is decided here.
//!
//! Each decoder reads the columns in the order that its documentation names.

mod chain;
mod columns;
mod evidence;
mod keys;
mod runway;
mod streams;
mod time_events;
mod treasury;
mod webhooks;

pub use chain::{
    chain_state, contract_event, contract_summary, ledger, mention, reorg, repeated_event, stored_event,
};
pub use columns::{ReadColumns, count, seq, sequence};
pub use evidence::{coverage, drift, drifted_fields, ledger_proof, preimages};
pub use keys::api_key;
pub use runway::{below, stored_runway};
pub use streams::{
    FamilyColumns, StreamRow, event_of, idempotency_record, logged_event, removed_stream, stream,
    stream_to_change,
};
pub use time_events::{InstantStateColumns, instant_kind, instant_place, instant_state, stored_instant};
pub use treasury::{stored_contribution, stored_sums};
pub use webhooks::{webhook_attempt, webhook_delivery, webhook_endpoint, webhook_replay};
