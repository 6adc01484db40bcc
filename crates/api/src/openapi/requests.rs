//! Request bodies. They are read field by field, to report every fault, so they have no type to derive a schema from.

use fluxora_auth::Role;
use serde_json::{Value, json};

use super::webhook_requests;
use crate::Method;

/// No control characters.
const PRINTABLE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";

/// The schemas of request bodies by name. No other field is accepted.
pub(super) fn schemas() -> [(&'static str, Value); 9] {
    let amount = |description: &str| json!({"type": "string", "pattern": "^\\+?[0-9]+(\\.[0-9]{1,7})?$", "maxLength": 28, "description": description});
    let seconds = |description: &str| json!({"type": ["integer", "null"], "minimum": 0, "maximum": u64::MAX, "description": description});
    let account = |description: &str| json!({"type": "string", "pattern": "^G[A-Z2-7]{55}$", "format": "stellar-account", "description": description});
    let opaque = |description: &str| json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": PRINTABLE, "description": description});
    let count = || json!({"type": "integer", "minimum": 0, "maximum": u32::MAX});
    let hash = |description: &str| opaque(description);
    let nullable = |mut schema: Value| {
        schema["type"] = json!(["string", "null"]);
        schema
    };
    let instant =
        |description: &str| json!({"type": "string", "format": "date-time", "description": description});
    [
        (
            "CreateStream",
            object(
                &["sender", "recipient", "depositAmount", "ratePerSecond"],
                &json!({
                    "sender": account("The account that pays."),
                    "recipient": account("The account that is paid. Not the sender."),
                    "depositAmount": amount("The amount to stream. It lasts at least one second."),
                    "ratePerSecond": amount("The amount of one second."),
                    "startTime": seconds("Unix seconds; the present by default."),
                    "cliffTime": seconds("Unix seconds, between start and end."),
                    "endTime": seconds("Unix seconds; by default when the deposit is used up."),
                }),
            ),
        ),
        (
            "Rewind",
            object(
                &["toLedger", "reason"],
                &json!({
                    "toLedger": count(),
                    "reason": {"type": "string", "minLength": 1, "maxLength": 500, "pattern": PRINTABLE},
                }),
            ),
        ),
        (
            "LogLevelChange",
            object(
                &["level"],
                &json!({
                    "level": {"enum": crate::LogLevel::ALL.map(crate::LogLevel::name)},
                    "forSeconds": {"type": ["integer", "null"], "minimum": 1, "maximum": 86_400, "description": "When the level of the configuration returns; without it the level stays."},
                }),
            ),
        ),
        (
            "CreateApiKey",
            object(
                &["name", "role"],
                &json!({
                    "name": {"type": "string", "minLength": 1, "maxLength": 100, "pattern": PRINTABLE},
                    "role": {"type": "string", "enum": Role::ALL.map(Role::as_str)},
                    "owner": {
                        "type": ["string", "null"],
                        "pattern": "^[!-~]{1,128}$",
                        "description": "The partner whose data the key opens: required for a partner, absent for every other role.",
                    },
                    "expiresAt": {"type": ["string", "null"], "format": "date-time", "description": "Lies ahead. Without it the key does not expire."},
                }),
            ),
        ),
        ("RotateApiKey", {
            let overlap = json!({"type": ["integer", "null"], "minimum": 0, "maximum": 2_592_000, "description": "How long the old key is still accepted: a day by default."});
            object(&[], &json!({"overlapSeconds": overlap}))
        }),
        (
            "ContractEventBatch",
            object(
                &["events"],
                &json!({
                    "events": {"type": "array", "maxItems": 100, "items": {"$ref": "#/components/schemas/PushedEvent"}},
                    "tip": {"anyOf": [{"$ref": "#/components/schemas/PushedTip"}, {"type": "null"}]},
                }),
            ),
        ),
        (
            "PushedEvent",
            object(
                &[
                    "eventId",
                    "ledger",
                    "ledgerHash",
                    "contractId",
                    "topic",
                    "txHash",
                    "txIndex",
                    "operationIndex",
                    "eventIndex",
                    "payload",
                    "happenedAt",
                ],
                &json!({
                    "eventId": opaque("The id of the event."),
                    "ledger": count(),
                    "ledgerHash": hash("The hash of the ledger."),
                    "previousLedgerHash": nullable(hash("The hash of the ledger before it.")),
                    "contractId": {"type": "string", "pattern": "^C[A-Z2-7]{55}$", "format": "stellar-contract"},
                    "topic": opaque("The first topic."),
                    "txHash": opaque("The hash of the transaction."),
                    "txIndex": count(),
                    "operationIndex": count(),
                    "eventIndex": count(),
                    "payload": {"type": "object"},
                    "happenedAt": instant("The close of the ledger."),
                    "invocation": {"anyOf": [{"$ref": "#/components/schemas/PushedInvocation"}, {"type": "null"}]},
                }),
            ),
        ),
        (
            "PushedInvocation",
            object(
                &["contractId", "function", "arguments"],
                &json!({
                    "contractId": {"type": "string", "pattern": "^C[A-Z2-7]{55}$", "format": "stellar-contract"},
                    "function": {"type": "string", "pattern": "^[A-Za-z0-9_]{1,32}$"},
                    "arguments": {"type": "array", "items": {}},
                }),
            ),
        ),
        (
            "PushedTip",
            object(
                &["ledger", "ledgerHash"],
                &json!({
                    "ledger": count(),
                    "ledgerHash": hash("The hash of the ledger."),
                    "previousLedgerHash": nullable(hash("The hash of the ledger before it.")),
                    "closedAt": {"type": ["string", "null"], "format": "date-time", "description": "The close of the ledger."},
                }),
            ),
        ),
    ]
}

pub(super) fn object(required: &[&str], properties: &Value) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// Whether a request must have a body. A `POST` whose fields are all optional may have none.
pub(super) fn is_required(method: Method, schema: &str) -> bool {
    let takes_nothing = |(name, body): (&str, Value)| name == schema && body["required"] == json!([]);
    let mut optional = schemas().into_iter().chain(webhook_requests::schemas());
    method != Method::Post || !optional.any(takes_nothing)
}

/// A body that is accepted.
pub(super) fn example(schema: &str) -> Value {
    if let Some(example) = webhook_requests::example(schema) {
        return example;
    }
    match schema {
        "CreateStream" => json!({
            "sender": "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
            "recipient": "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H",
            "depositAmount": "86.4",
            "ratePerSecond": "0.001",
        }),
        "LogLevelChange" => json!({"level": "debug", "forSeconds": 600}),
        "CreateApiKey" => json!({"name": "billing", "role": "partner", "owner": "acme"}),
        "RotateApiKey" => json!({"overlapSeconds": 3_600}),
        "Rewind" => json!({"toLedger": 1_000, "reason": "the pusher followed another network"}),
        _ => {
            json!({"events": [], "tip": {"ledger": 1_000, "ledgerHash": "h1000", "previousLedgerHash": "h999"}})
        }
    }
}
