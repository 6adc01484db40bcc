//! The OpenAPI document, generated from the route table and the wire types. Only tests make it: the server serves the
//! committed file, and a test compares the two.

mod conformance;
pub(crate) mod kinds;
mod operations;
mod parameters;
mod requests;
mod schemas;
mod webhook_requests;

use serde_json::{Map, Value, json};

use crate::{Access, ROUTES};

pub(crate) use conformance::faults;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

/// The document.
fn document() -> Value {
    let mut paths = Map::new();
    for route in &ROUTES {
        let operations = paths.entry(route.path).or_insert_with(|| json!({}));
        operations[route.method.as_str().to_ascii_lowercase()] = operations::operation(route);
    }
    let credential = |access: Access, description: &str| {
        let name = access.header().unwrap();
        json!({"type": "apiKey", "in": "header", "name": name, "description": description})
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Fluxora",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Payment streams on Stellar: create and read streams, follow their events, receive them as webhooks, push contract events.",
            "license": {"name": "MIT OR Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [
            {"name": "service", "description": "The service and its documentation"},
            {"name": "streams", "description": "Streams and their history"},
            {"name": "events", "description": "The event log"},
            {"name": "treasuries", "description": "What parties hold, owe and are owed"},
            {"name": "webhooks", "description": "Endpoints that events are sent to, deliveries and replays"},
            {"name": "compatibility", "description": "Profiles for clients of the earlier backend: its front end and its SDKs"},
            {"name": "indexer", "description": "Contract events, for workers"},
            {"name": "operators", "description": "Metrics and repairs, for operators"},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas::all(),
            "securitySchemes": {
                "workerToken": credential(Access::Worker, "The token of an indexer worker."),
                "operatorToken": credential(Access::Operator, "The token of an operator."),
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT or API key",
                    "description": "A JSON Web Token whose claims are `sub` and `role`, or an API key (`flx_…`).",
                },
            },
        },
    })
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the environment says whether to write the file")]
fn the_committed_document_is_the_generated_one() {
    let generated = format!("{:#}\n", document());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PATH, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(PATH).unwrap();
    assert!(
        committed == generated,
        "docs/openapi.json is out of date: UPDATE=1 cargo test -p fluxora-api openapi writes it"
    );
}

#[test]
fn every_reference_of_the_document_leads_to_a_schema_and_every_operation_has_its_name() {
    let document = document();
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for reference in text.split("\"$ref\":\"").skip(1) {
        let reference = reference.split('"').next().unwrap();
        let name = reference.strip_prefix("#/components/schemas/").unwrap_or_else(|| panic!("{reference}"));
        assert!(schemas.contains_key(name), "{reference}");
    }
    let names: Vec<_> = ROUTES.iter().map(operations::name).collect();
    for name in &names {
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
    }
}
