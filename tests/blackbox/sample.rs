//! Valid things to send.

use fluxora_stream::{AccountId, ContractId};
use serde_json::{Value, json};

/// A secret seed of no account in use.
pub(crate) const SECRET_KEY: &str = "SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR";

/// A distinct account for each number.
pub(crate) fn account(number: u64) -> String {
    AccountId::from_public_key(thirty_two_bytes(number)).to_string()
}

/// A distinct contract for each number.
pub(crate) fn contract(number: u64) -> String {
    ContractId::from_hash(thirty_two_bytes(number)).to_string()
}

/// A stream that lasts 200 seconds from the moment it is created.
pub(crate) fn stream() -> Value {
    stream_between(1, 2)
}

pub(crate) fn stream_between(sender: u64, recipient: u64) -> Value {
    json!({
        "sender": account(sender),
        "recipient": account(recipient),
        "depositAmount": "100",
        "ratePerSecond": "0.5",
    })
}

/// These terms with some fields set, or taken out where the value is `null`.
pub(crate) fn with(mut terms: Value, changes: &Value) -> Value {
    let fields = terms.as_object_mut().expect("terms are an object");
    for (name, value) in changes.as_object().expect("changes are an object") {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    terms
}

fn thirty_two_bytes(number: u64) -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}
