//! Request bodies of webhooks.

use fluxora_delivery::{
    AttemptOptions, DeliveryStatus, HeaderProfile, MAX_REPLAYED_DELIVERIES, OnDead, Ordering,
};
use fluxora_egress::MAX_CUSTOM_HEADERS;
use fluxora_stream::EventKind;
use serde_json::{Value, json};

use super::parameters::{CONTRACT, PARTY, STREAM};
use super::requests::object;
use crate::routes::webhooks::replays::create::SETTLED;

/// No control characters, or no character.
const PRINTABLE_OR_EMPTY: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// The schemas of request bodies by name. No other field is accepted.
pub(super) fn schemas() -> [(&'static str, Value); 8] {
    let reason = json!({"type": ["string", "null"], "maxLength": 500, "pattern": PRINTABLE_OR_EMPTY});
    let position = || json!({"type": ["integer", "null"], "minimum": 0, "maximum": u64::MAX});
    let mut create = configuration();
    create["secret"] = secret();
    create["startAfter"] = position();
    let instant = || json!({"type": ["string", "null"], "format": "date-time"});
    [
        ("CreateWebhookEndpoint", object(&["url"], &create)),
        ("UpdateWebhookEndpoint", object(&[], &configuration())),
        ("WebhookFilterDraft", object(&[], &filter())),
        ("RotateWebhookSecret", {
            let overlap = json!({"type": ["integer", "null"], "minimum": 0, "maximum": 604_800});
            object(&[], &json!({"overlapSeconds": overlap, "secret": secret()}))
        }),
        ("ReplayWebhookDelivery", {
            let fresh = json!({"type": ["boolean", "null"], "description": "Send it under a new id."});
            object(&[], &json!({"freshId": fresh}))
        }),
        ("PauseWebhookEndpoint", object(&[], &json!({"reason": reason}))),
        ("ResumeWebhookEndpoint", {
            let from = json!({"type": ["string", "null"], "enum": ["held", "now", null]});
            object(&[], &json!({"from": from}))
        }),
        (
            "CreateWebhookReplay",
            object(
                &["endpointId"],
                &json!({
                    "endpointId": {"type": "string", "format": "uuid"},
                    "statuses": words(&SETTLED.map(DeliveryStatus::name)),
                    "types": words(&EventKind::ALL.map(EventKind::name)),
                    "streamId": {"type": ["string", "null"], "pattern": STREAM},
                    "createdFrom": instant(),
                    "createdUntil": instant(),
                    "fromSequence": position(),
                    "toSequence": position(),
                    "deliveryIds": {
                        "type": ["array", "null"],
                        "maxItems": MAX_REPLAYED_DELIVERIES,
                        "items": {"type": "string", "format": "uuid"},
                    },
                    "missing": {
                        "type": ["boolean", "null"],
                        "description": "Every event that the endpoint wants and did not get. Not together with `statuses`, \
                            `createdFrom`, `createdUntil` and `deliveryIds`.",
                    },
                    "freshIds": {
                        "type": ["boolean", "null"],
                        "description": "Send each delivery under a new id.",
                    },
                }),
            ),
        ),
    ]
}

/// The fields of an endpoint that can be changed.
fn configuration() -> Value {
    json!({
        "url": {
            "type": "string",
            "minLength": 1,
            "maxLength": 2_048,
            "format": "webhook-url",
            "description": "An https:// URL of a public address, without credentials and fragment.",
        },
        "description": {"type": ["string", "null"], "maxLength": 500, "pattern": PRINTABLE_OR_EMPTY},
        "filter": {"anyOf": [{"$ref": "#/components/schemas/WebhookFilterDraft"}, {"type": "null"}]},
        "headerProfile": {
            "type": ["string", "null"],
            "enum": HeaderProfile::ALL.map(HeaderProfile::name).map(Some).into_iter().chain([None]).collect::<Vec<_>>(),
        },
        "ordering": {
            "type": ["string", "null"],
            "enum": Ordering::ALL.map(Ordering::name).map(Some).into_iter().chain([None]).collect::<Vec<_>>(),
            "description": "Whether the deliveries of one stream wait for each other.",
        },
        "headers": {
            "type": ["object", "null"],
            "maxProperties": MAX_CUSTOM_HEADERS,
            "additionalProperties": {"type": "string"},
            "description": "Headers that each request has beside those of this service.",
        },
        "timeoutSeconds": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": AttemptOptions::MAX_TIMEOUT_SECONDS,
            "description": "How long one attempt may take.",
        },
        "retrySeconds": {
            "type": ["array", "null"],
            "minItems": 1,
            "maxItems": AttemptOptions::MAX_RETRIES,
            "items": {"type": "integer", "minimum": 1, "maximum": AttemptOptions::MAX_RETRY_SECONDS},
            "description": "Seconds from each failed attempt to the next one.",
        },
        "failFast": {
            "type": ["boolean", "null"],
            "description": "Give up at a status of 4xx that a later attempt does not change.",
        },
        "onDead": {
            "type": ["string", "null"],
            "enum": OnDead::ALL.map(OnDead::name).map(Some).into_iter().chain([None]).collect::<Vec<_>>(),
            "description": "Whether the later deliveries of a stream go on when one is given up, or wait for it.",
        },
        "endpointNotices": {
            "type": ["boolean", "null"],
            "description": "Send `endpoint.failing` and `endpoint.held` of the owner's other endpoints as well.",
        },
        "maxLaneBlockSeconds": {
            "type": ["integer", "null"],
            "minimum": AttemptOptions::MIN_LANE_BLOCK_SECONDS,
            "maximum": AttemptOptions::MAX_LANE_BLOCK_SECONDS,
            "description": "How long a delivery may hold up the later ones of its stream.",
        },
        "rateLimitPerSecond": {"type": ["integer", "null"], "minimum": 1, "maximum": 10_000},
    })
}

fn filter() -> Value {
    let address = || json!({"type": ["string", "null"], "pattern": PARTY, "format": "stellar-address"});
    json!({
        "types": words(&EventKind::ALL.map(EventKind::name)),
        "streamId": {"type": ["string", "null"], "pattern": STREAM},
        "sender": address(),
        "recipient": address(),
        "contractId": {"type": ["string", "null"], "pattern": CONTRACT, "format": "stellar-contract"},
    })
}

/// A list of words, empty for all.
fn words(names: &[&str]) -> Value {
    json!({"type": ["array", "null"], "maxItems": 100, "items": {"type": "string", "enum": names}})
}

fn secret() -> Value {
    json!({
        "type": ["string", "null"],
        "minLength": 38,
        "maxLength": 128,
        "format": "webhook-secret",
        "description": "`whsec_` and the base64 of 24 to 64 bytes, or 48 to 128 hexadecimal digits. Without it one is made.",
    })
}

/// A body that is accepted.
pub(super) fn example(schema: &str) -> Option<Value> {
    Some(match schema {
        "CreateWebhookEndpoint" => json!({
            "url": "https://partner.example/hooks",
            "description": "orders",
            "filter": {"types": ["stream.created", "stream.cancelled"]},
        }),
        "UpdateWebhookEndpoint" => json!({"rateLimitPerSecond": 10}),
        "RotateWebhookSecret" => json!({"overlapSeconds": 3_600}),
        "PauseWebhookEndpoint" => json!({"reason": "maintenance"}),
        "ReplayWebhookDelivery" => json!({"freshId": true}),
        "ResumeWebhookEndpoint" => json!({"from": "held"}),
        "CreateWebhookReplay" => {
            json!({"endpointId": "01930000-0000-7000-8000-000000000001", "statuses": ["dead"]})
        }
        _ => return None,
    })
}
