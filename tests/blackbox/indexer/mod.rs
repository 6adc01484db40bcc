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
mod impossible;
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
mod treasury;
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

/// The pushes of a recorded scenario, each ledger followed by the tip that makes it safe.
pub(crate) struct Recorded {
    pub(crate) contract: String,
    pub(crate) bodies: Vec<Value>,
}

/// A recorded scenario by its name.
pub(crate) fn recorded(name: &str) -> Recorded {
    let scenario = oracle::handwritten().into_iter().find(|scenario| scenario.name == name);
    let scenario = scenario.unwrap_or_else(|| panic!("there is no scenario {name}"));
    let pushes = scenario.ledgers.iter().flat_map(|ledger| {
        let tip = scenario.tip(ledger.sequence + 1);
        [batch(&ledger.events, None), batch(&[], Some(&tip))]
    });
    let bodies = pushes.filter(|body| body["events"] != json!([]) || !body["tip"].is_null()).collect();
    Recorded { contract: scenario.contract.clone(), bodies }
}

/// The body of a push.
pub(crate) fn batch(events: &[Value], tip: Option<&Value>) -> Value {
    let mut body = json!({ "events": events });
    if let Some(tip) = tip {
        body["tip"] = tip.clone();
    }
    body
}
