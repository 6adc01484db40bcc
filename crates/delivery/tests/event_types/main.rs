//! The bodies of deliveries are those of docs/webhook-events.schema.json, and docs/webhook-events.md shows one of each type.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod examples;
mod schema;

use std::fmt::Write as _;
use std::path::PathBuf;

use fluxora_delivery::{DeliveryId, EndpointId, HoldReason, Notice, NoticeKind, body};
use fluxora_stream::{Changes, EventKind, LoggedEvent};
use schema::Schema;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const SCHEMA: &str = include_str!("../../../../docs/webhook-events.schema.json");

fn schema() -> Schema {
    Schema::new(serde_json::from_str(SCHEMA).unwrap())
}

/// The body of the delivery of an event.
fn body_of(event: &LoggedEvent) -> Value {
    let endpoint = EndpointId::new(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001));
    serde_json::from_slice(&body(DeliveryId::of(endpoint, event.sequence), event).unwrap()).unwrap()
}

#[test]
fn the_body_of_every_event_type_is_that_of_its_schema() {
    for event in examples::all() {
        let kind = event.event.kind.name();
        let faults = schema().check(kind, &body_of(&event));
        assert!(faults.is_empty(), "{kind}: {faults:#?}");
    }
}

/// The bodies of notices, one of each type, with what they say.
fn notices() -> [(NoticeKind, &'static str, Value); 2] {
    let [about, to] =
        [1, 2].map(|n| EndpointId::new(Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + n)));
    [
        (
            NoticeKind::Failing { hours: 24 },
            "Another endpoint of the owner has failed for 24 or 72 hours without a success.",
        ),
        (
            NoticeKind::Held { reason: HoldReason::Failing },
            "The server holds another endpoint of the owner: it has failed for days (`failing`), or answered 410 (`gone`).",
        ),
    ]
    .map(|(kind, when)| {
        let at = "2026-01-02T00:00:00.250Z".parse().unwrap();
        let notice = Notice { at, kind, failing_since: Some("2026-01-01T00:00:00Z".parse().unwrap()) };
        let body = notice.delivery(about, to, None, at).unwrap().body;
        (kind, when, serde_json::from_slice(&body).unwrap())
    })
}

#[test]
fn the_body_of_every_notice_is_that_of_its_schema() {
    for (kind, _, body) in notices() {
        let faults = schema().check(kind.event_type(), &body);
        assert!(faults.is_empty(), "{kind:?}: {faults:#?}");
    }
}

#[test]
fn the_schema_has_every_event_type_and_the_test() {
    let listed: Vec<_> = EventKind::ALL
        .iter()
        .map(|kind| kind.name())
        .chain(["webhook.test"])
        .chain(NoticeKind::TYPES)
        .collect();
    assert_eq!(schema().variants(), listed);
}

/// The fields of [`Changes`], which its refusal of an unknown one lists.
fn fields_of_changes() -> Vec<String> {
    let error = serde_json::from_value::<Changes>(json!({ "?": 0 })).unwrap_err().to_string();
    let (_, listed) = error.split_once("expected one of ").unwrap();
    let names = listed.split('`').skip(1).step_by(2).map(str::to_owned);
    names.filter(|name| name != "assumed").collect()
}

#[test]
fn the_schema_has_every_field_that_can_change_and_no_other() {
    let schema = schema();
    let properties = schema.definition("changes")["properties"].as_object().unwrap();
    let mut fields = fields_of_changes();
    let mut documented: Vec<_> = properties.keys().cloned().collect();
    fields.sort_unstable();
    documented.sort_unstable();
    assert_eq!(documented, fields);
    for (field, property) in properties {
        for example in property["examples"].as_array().unwrap() {
            let given = Map::from_iter([(field.clone(), example.clone())]);
            let changes: Changes = serde_json::from_value(Value::Object(given.clone()))
                .unwrap_or_else(|error| panic!("{field}: {example}: {error}"));
            let written = serde_json::to_value(&changes).unwrap();
            assert_eq!(written, Value::Object(given), "{field}");
            let faults = schema.check("changes", &written);
            assert!(faults.is_empty(), "{field}: {faults:?}");
        }
    }
}

#[test]
fn a_body_that_differs_from_its_schema_is_found() {
    let created = body_of(&examples::all()[0]);
    let without = |name: &str| {
        let mut body = created.clone();
        body.as_object_mut().unwrap().remove(name);
        body
    };
    let with = |path: &str, value: Value| {
        let mut body = created.clone();
        let (parent, name) = path.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(name.to_owned(), value);
        body
    };
    for body in [
        without("delivery_id"),
        without("data"),
        with("/type", json!("stream.closed")),
        with("/streamSeq", json!("1")),
        with("/streamSeq", json!(0)),
        with("/undocumented", json!(1)),
        with("/data/cause/type", json!("magic")),
        with("/data/changes/depositAmount", json!(100)),
        with("/data/changes/status", json!("lost")),
        with("/data/changes/undocumented", json!(null)),
    ] {
        assert!(!schema().check("stream.created", &body).is_empty(), "{body}");
    }
}

/// `UPDATE=1 cargo test -p fluxora-delivery --test event_types` writes the page.
#[test]
fn the_page_shows_the_body_of_every_event_type() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/webhook-events.md");
    let mut page = include_str!("head.md").to_owned();
    for event in examples::all() {
        let body = serde_json::to_string_pretty(&body_of(&event)).unwrap();
        write!(
            page,
            "\n## `{}`\n\n{}\n\n```json\n{body}\n```\n",
            event.event.kind,
            examples::when(event.event.kind)
        )
        .unwrap();
    }
    for (kind, when, body) in notices() {
        let body = serde_json::to_string_pretty(&body).unwrap();
        write!(page, "\n## `{}`\n\n{when}\n\n```json\n{body}\n```\n", kind.event_type()).unwrap();
    }
    #[expect(clippy::disallowed_methods, reason = "only who runs the test can ask for the page")]
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/webhook-events.md is out of date: run this test with UPDATE=1");
}
