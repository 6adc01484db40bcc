//! What the contract holds of a stream, as the API would write it.

use fluxora_decimal::Amount;
use fluxora_stream::UnixTime;
use serde_json::{Value, json};

use super::answers::Fields;
use super::scenario::stroops;

/// Fields of the contract's stream that no event reports. In the last two the contract counts what some of its functions do and not what
/// others do, and their events are the same.
const UNREPORTED: [&str; 4] = ["irrevocable", "witness", "last_withdraw_ledger", "last_rate_change_ledger"];
/// Settings beside it that no event reports.
const UNREPORTED_SIDE: [&str; 3] = ["auto_renew", "max_lookback_ledgers", "pending_recipient"];
const AMOUNTS: [&str; 5] = [
    "checkpointed_amount",
    "deposit_amount",
    "rate_per_second",
    "withdraw_dust_threshold",
    "withdrawn_amount",
];

/// An amount of stroops as the API writes it.
pub(super) fn amount(stroops: i128) -> Value {
    json!(Amount::from_stroops(stroops).with_decimals(7).to_string())
}

/// Every field that events report.
pub(super) fn fields(state: &Value) -> Fields {
    let side = state["side"].as_object().unwrap();
    let reported = ["auto_claim_destination"];
    assert!(
        side.keys().all(|name| reported.iter().chain(&UNREPORTED_SIDE).any(|other| name == other)),
        "{state}"
    );
    let mut fields = Fields::from([("auto_claim_destination", side["auto_claim_destination"].clone())]);
    for (name, value) in state.as_object().unwrap() {
        let beside = ["side", "curve"].contains(&name.as_str());
        if !beside && !name.ends_with("Xdr") && !UNREPORTED.contains(&name.as_str()) {
            let name = NAMES.iter().find(|other| *other == name);
            let name = name.unwrap_or_else(|| panic!("a field that is not compared: {state}"));
            fields.insert(name, as_written(name, value, state));
        }
    }
    assert_eq!(fields.len(), NAMES.len() + 1, "{state}");
    fields
}

fn as_written(name: &str, value: &Value, state: &Value) -> Value {
    match name {
        _ if AMOUNTS.contains(&name) => amount(stroops(value)),
        "kind" => json!(match value.as_str().unwrap() {
            "Linear" => "linear",
            "CliffOnly" => "cliff_only",
            _ => "cliff_slope",
        }),
        "status" => json!(value.as_str().unwrap().to_lowercase()),
        "cancelled_at" => value.as_u64().map(instant).unwrap_or_default(),
        // It is left behind when a stream that is held is cancelled or goes on, and means nothing then.
        "paused_at_timestamp" if state["status"] == "Paused" => instant(value.as_u64().unwrap()),
        "paused_at_timestamp" => Value::Null,
        // What the contract does not set is what it means.
        "decommissioned" | "is_pooled" if value.is_null() => json!(false),
        _ => value.clone(),
    }
}

fn instant(second: u64) -> Value {
    json!(format!("{:.3}", UnixTime::from_seconds(second).instant()))
}

const NAMES: [&str; 25] = [
    "cancelled_at",
    "checkpointed_amount",
    "checkpointed_at",
    "claim_owner",
    "cliff_time",
    "cumulative_paused_duration",
    "decommissioned",
    "delegation_depth",
    "deposit_amount",
    "end_time",
    "is_pooled",
    "kind",
    "last_pause_toggle_ledger",
    "memo",
    "metadata",
    "parent_stream_id",
    "paused_at_timestamp",
    "rate_per_second",
    "recipient",
    "sender",
    "start_time",
    "status",
    "stream_id",
    "withdraw_dust_threshold",
    "withdrawn_amount",
];
