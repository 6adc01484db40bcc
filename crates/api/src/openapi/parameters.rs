use fluxora_audit::Action;
use fluxora_delivery::DeliveryStatus;
use fluxora_stream::{EventKind, StatusName};
use serde_json::{Value, json};

use crate::{Location, Parameter, Route};

pub(super) const PARTY: &str = "^[GC][A-Z2-7]{55}$";
pub(super) const CONTRACT: &str = "^C[A-Z2-7]{55}$";
/// A UUID, or a contract and a number.
pub(super) const STREAM: &str =
    "^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|C[A-Z2-7]{55}-(0|[1-9][0-9]{0,19}))$";
/// `*`, or entity tags.
const IF_MATCH: &str = "^(\\*|(W/)?\"[ !#-~]*\"( *, *(W/)?\"[ !#-~]*\")*)$";

/// The parameter object of a parameter.
pub(super) fn parameter(route: &Route, parameter: &Parameter) -> Value {
    let place = match parameter.location {
        Location::Path => "path",
        Location::Query => "query",
        Location::Header => "header",
    };
    let mut object = json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema(route.path, parameter.name),
    });
    if !parameter.example.is_empty() {
        let numeric = ["integer", "boolean"].map(Value::from).contains(&object["schema"]["type"]);
        let parsed = serde_json::from_str(parameter.example).ok().filter(|_| numeric);
        object["example"] = parsed.unwrap_or_else(|| parameter.example.into());
    }
    object
}

/// The values that a parameter takes. Where rules go beyond a schema (checksums of addresses, cursors of another list), more
/// is refused than the schema refuses.
fn schema(path: &str, name: &str) -> Value {
    let count = |min: u64, max: u64| json!({"type": "integer", "minimum": min, "maximum": max});
    let text = || json!({"type": "string", "minLength": 1, "maxLength": 128});
    let instant = || json!({"type": "string", "format": "date-time", "pattern": "^[0-9]{4}-"});
    match (path, name) {
        ("/api/webhooks/deliveries", "status") => {
            json!({"type": "string", "enum": DeliveryStatus::ALL.map(DeliveryStatus::name)})
        }
        ("/api/webhooks/deliveries", "type") => {
            json!({"type": "string", "enum": EventKind::ALL.map(EventKind::name)})
        }
        ("/api/admin/audit", "action") => json!({"type": "string", "enum": Action::ALL.map(Action::as_str)}),
        ("/api/admin/audit", "outcome") => json!({"type": "string", "enum": ["done", "refused", "failed"]}),
        ("/api/admin/audit", "from" | "to") => instant(),
        ("/api/admin/audit", "actor" | "target") => {
            json!({"type": "string", "minLength": 1, "maxLength": 200})
        }
        ("/api/admin/audit", "limit") => count(1, 1_000),
        (_, "endpointId") => json!({"type": "string", "format": "uuid"}),
        (_, "streamId") => json!({"type": "string", "pattern": STREAM}),
        (_, "createdFrom" | "createdUntil") => instant(),
        (_, "If-Match") => json!({"type": "string", "pattern": IF_MATCH}),
        ("/compat/frontend/streams", "status") => {
            json!({"type": "string", "enum": ["Active", "Paused", "Completed", "All"]})
        }
        ("/api/recipients/{address}/summary", "address") => {
            json!({"type": "string", "pattern": PARTY, "format": "stellar-address"})
        }
        (_, "address") => json!({"type": "string"}),
        (_, "timeout") => count(0, u64::MAX),
        (_, "since") => json!({"type": "string", "pattern": "^[0-9]{1,20}$"}),
        (_, "status") => json!({"type": "string", "enum": StatusName::ALL.map(StatusName::as_str)}),
        (_, "origin") => json!({"type": "string", "enum": ["api", "chain"]}),
        (_, "sender" | "recipient" | "treasury") => {
            json!({"type": "string", "pattern": PARTY, "format": "stellar-address"})
        }
        (_, "contractId") => json!({"type": "string", "pattern": CONTRACT, "format": "stellar-contract"}),
        (_, "topic") => text(),
        ("/internal/indexer/events", "order") => json!({"type": "string", "enum": ["chain", "arrival"]}),
        (_, "updatedSince") => json!({"type": "string", "anyOf": [
            {"pattern": "^[0-9]+$"},
            {"format": "date-time", "pattern": "^[0-9]{4}-"},
        ]}),
        ("/api/events" | "/internal/indexer/events" | "/internal/indexer/drifts", "limit") => count(1, 1_000),
        (_, "limit") => count(1, 100),
        (_, "includeTotal" | "include_total") => json!({"type": "boolean"}),
        ("/api/treasury/summary" | "/api/recipients/{address}/summary", "at") => count(0, 253_402_300_799),
        (_, "asset") => json!({"type": "string", "anyOf": [
            {"const": "api"},
            {"pattern": CONTRACT, "format": "stellar-contract"},
        ]}),
        (_, "at") => count(0, u64::MAX),
        (_, "wait") => count(0, 30),
        (_, "fromLedger" | "toLedger") => count(0, u32::MAX.into()),
        (_, "after") => json!({"anyOf": [count(0, u64::MAX), {"type": "string", "const": "now"}]}),
        (_, "type") => {
            let kinds = EventKind::ALL.map(EventKind::name).join("|").replace('.', "\\.");
            json!({"type": "string", "pattern": format!("^({kinds})(,({kinds}))*$")})
        }
        (_, "Idempotency-Key") => json!({"type": "string", "pattern": "^[!-~]{1,128}$"}),
        _ => json!({"type": "string"}),
    }
}
