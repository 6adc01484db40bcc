//! The indexer: pushes of contract events, chain streams, rewinds and freshness.

mod access;
mod chain;
mod continuity;
mod copy;
mod crash;
mod event_order;
mod feed;
mod followed;
mod followed_evidence;
mod health;
mod history;
mod large_pages;
mod listing;
mod oracle;
mod previous_version;
mod rebuilt;
mod refusals;
mod reindex;
mod replicas;
mod rewind;
mod state;
mod streams;
mod vesting_oracle;
mod worker;

pub(crate) use chain::{Chain, ChainPosition, FIRST, contract, created, withdrawn_to};
pub(crate) use copy::verified;
use serde_json::{Value, json};
pub(crate) use worker::push;

use crate::server::Launch;

pub(crate) const WORKER_TOKEN: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const OPERATOR_TOKEN: &str = "fedcba9876543210fedcba9876543210";
const EVENTS: &str = "/internal/indexer/contract-events";
const REWIND: &str = "/api/admin/indexer/rewind";

/// A server that takes contract events and lets an operator act.
pub(crate) fn indexing() -> Launch {
    Launch::new().set("INDEXER_WORKER_TOKEN", WORKER_TOKEN).set("OPERATOR_TOKEN", OPERATOR_TOKEN)
}

/// The body of a push.
pub(crate) fn batch(events: &[Value], tip: Option<&Value>) -> Value {
    let mut body = json!({ "events": events });
    if let Some(tip) = tip {
        body["tip"] = tip.clone();
    }
    body
}
