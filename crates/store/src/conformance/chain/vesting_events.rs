//! Events as a vesting contract emits them.

use fluxora_indexer::ContractEvent;
use fluxora_stream::{ContractId, StreamId};
use serde_json::{Value, json};

use super::events::{At, closed_at, event};
use crate::conformance::fixtures::account;

pub(super) fn vesting_contract() -> ContractId {
    ContractId::from_hash([202; 32])
}

pub(super) fn vesting_token() -> ContractId {
    ContractId::from_hash([203; 32])
}

pub(super) fn vesting_id(number: u64) -> StreamId {
    StreamId::chain(vesting_contract(), number)
}

fn emitted(at: At, topic: &str, topics: &[String], value: &Value) -> ContractEvent {
    let topics: String = topics.iter().map(|topic| format!(r#","{topic}""#)).collect();
    event(at, vesting_contract(), topic, &topics, &value.to_string())
}

fn party(seed: u8) -> String {
    account(seed).to_string()
}

fn close(at: At) -> String {
    closed_at(at.0).as_second().to_string()
}

/// A stream from account 1 to account 2 that begins when its ledger closes, with one unit for each second of 100, and
/// with a curve of ABI 2 if it is not linear.
pub(super) fn vesting_created(at: At, number: u64, deposited: i128, curve: u32) -> ContractEvent {
    let start = closed_at(at.0).as_second();
    let mut value = json!({"token": vesting_token().to_string(), "deposited": deposited.to_string(),
        "start_time": start.to_string(), "end_time": (start + 100).to_string(), "cliff_time": (start + 10).to_string(),
        "cancellable": true, "pausable": true, "transferable": true});
    if curve > 0 {
        value["curve"] = json!(curve);
        value["reference"] = json!("salary");
    }
    emitted(at, "stream_created", &[number.to_string(), party(1), party(2)], &value)
}

/// A withdrawal after which `total` of `deposited` is withdrawn; it empties the stream if that is everything.
pub(super) fn vesting_withdrawn(
    at: At,
    number: u64,
    amount: i128,
    total: i128,
    deposited: i128,
) -> ContractEvent {
    let status = if total >= deposited { 3 } else { 0 };
    let value = json!({"amount": amount.to_string(), "withdrawn": total.to_string(),
        "deposited": deposited.to_string(), "status": status});
    emitted(at, "withdrawn", &[number.to_string(), party(2)], &value)
}

pub(super) fn vesting_paused(at: At, number: u64) -> ContractEvent {
    let value = json!({"paused_at": close(at), "paused_total": "0"});
    emitted(at, "paused", &[number.to_string(), party(1)], &value)
}

pub(super) fn vesting_resumed(at: At, number: u64, seconds: u64) -> ContractEvent {
    let value = json!({"paused_duration": seconds.to_string(), "paused_total": seconds.to_string()});
    emitted(at, "resumed", &[number.to_string(), party(1)], &value)
}

pub(super) fn vesting_cancelled(at: At, number: u64, refunded: i128, vested: i128) -> ContractEvent {
    let value = json!({"refunded": refunded.to_string(), "vested": vested.to_string(), "withdrawn": "0",
        "end_time": close(at)});
    emitted(at, "cancelled", &[number.to_string(), party(1), party(2)], &value)
}

pub(super) fn vesting_topped_up(at: At, number: u64, amount: i128, deposited: i128) -> ContractEvent {
    let end = closed_at(at.0).as_second() + 200;
    let value = json!({"amount": amount.to_string(), "deposited": deposited.to_string(), "end_time": end.to_string()});
    emitted(at, "topped_up", &[number.to_string(), party(1)], &value)
}

pub(super) fn vesting_transferred(at: At, number: u64, to: u8) -> ContractEvent {
    emitted(at, "recipient_transferred", &[number.to_string(), party(2), party(to)], &json!({}))
}

pub(super) fn vesting_delegated(at: At, number: u64, operations: u32) -> ContractEvent {
    let value = json!({"ops": operations, "expires_at": null});
    emitted(at, "delegate_granted", &[number.to_string(), party(1), party(4)], &value)
}

/// A creation without its deposit.
pub(super) fn vesting_unreadable(at: At, number: u64) -> ContractEvent {
    emitted(at, "stream_created", &[number.to_string(), party(1), party(2)], &json!({"start_time": "1"}))
}

pub(super) fn operator_set(at: At) -> ContractEvent {
    emitted(at, "halt_operator_set", &[party(5)], &json!({}))
}

pub(super) fn halted(at: At) -> ContractEvent {
    emitted(at, "contract_halted", &[party(5)], &json!({"halted_at": close(at)}))
}

pub(super) fn unhalted(at: At, seconds: u64) -> ContractEvent {
    emitted(
        at,
        "contract_resumed",
        &[party(5)],
        &json!({"resumed_at": close(at), "halted_for": seconds.to_string()}),
    )
}
