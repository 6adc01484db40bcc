//! Holds answers against the document: every status is documented, and every body has the fields of its schema.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::document;
use crate::ROUTES;

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);

/// What the document does not say of an answer.
pub(crate) fn faults(method: &str, path: &str, status: u16, body: &Value) -> Vec<String> {
    let Some(pattern) = pattern(path) else { return Vec::new() };
    let method = if method == "HEAD" { "GET" } else { method };
    let operation = &DOCUMENT["paths"][pattern][method.to_ascii_lowercase()];
    if operation.is_null() || body.is_null() {
        return Vec::new();
    }
    let response = &operation["responses"][status.to_string()];
    if response.is_null() {
        return vec![format!("{method} {pattern} has no answer {status}")];
    }
    let mut faults = Vec::new();
    check(body, &response["content"]["application/json"]["schema"], "", &mut faults);
    faults
}

/// The path of the table that a path matches.
fn pattern(path: &str) -> Option<&'static str> {
    let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let given = segments(path);
    let matches = |pattern: &&str| {
        let pattern = segments(pattern);
        let same = |(one, other): (&String, &String)| one.starts_with('{') || one == other;
        pattern.len() == given.len() && pattern.iter().zip(&given).all(same)
    };
    ROUTES.iter().map(|route| route.path).find(matches)
}

fn resolved(schema: &Value) -> &Value {
    match schema["$ref"].as_str() {
        Some(reference) => &DOCUMENT["components"]["schemas"][reference.rsplit('/').next().unwrap()],
        None => schema,
    }
}

/// The alternatives of a schema: of each, one that fits is enough.
fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array())
}

fn check(value: &Value, schema: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema);
    if let Some(alternatives) = alternatives(schema) {
        let faults_of = |alternative: &Value| {
            let mut found = Vec::new();
            shape(value, alternative, place, &mut found);
            found
        };
        let of_all: Vec<_> = alternatives.iter().map(faults_of).collect();
        if !of_all.iter().any(Vec::is_empty) {
            faults.push(format!("{place}: no alternative fits: {of_all:?}"));
        }
    }
    shape(value, schema, place, faults);
    if let Value::Object(members) = value
        && let Some(known) = properties(schema)
    {
        let unknown = members.keys().filter(|name| !known.contains(name.as_str()));
        faults.extend(unknown.map(|name| format!("{place}/{name} is not in the schema")));
    }
}

/// The names that an object may have; `None` if it may have any.
fn properties(schema: &Value) -> Option<BTreeSet<&str>> {
    let schema = resolved(schema);
    let mut names: BTreeSet<_> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    for alternative in alternatives(schema).into_iter().flatten() {
        names.extend(properties(alternative).into_iter().flatten());
    }
    let is_open = schema["additionalProperties"].is_object() || schema["additionalProperties"] == true;
    (!is_open && !names.is_empty()).then_some(names)
}

fn shape(value: &Value, schema: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = resolved(schema);
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let fits = match &schema["type"] {
        Value::Null => true,
        Value::Array(kinds) => kinds.iter().any(|other| other == kind),
        // Every integer is a number.
        only if only == "number" => value.is_number(),
        only => only == kind,
    };
    if !fits {
        faults.push(format!("{place} is {kind}, not {}", schema["type"]));
    }
    if let Value::Array(words) = &schema["enum"]
        && !words.contains(value)
    {
        faults.push(format!("{place} is {value}, not of {words:?}"));
    }
    match value {
        Value::Object(members) => {
            for name in schema["required"].as_array().into_iter().flatten() {
                if !members.contains_key(name.as_str().unwrap()) {
                    faults.push(format!("{place} lacks {name}"));
                }
            }
            for (name, value) in members {
                let schema = match &schema["properties"][name] {
                    Value::Null => &schema["additionalProperties"],
                    known => known,
                };
                if schema.is_object() {
                    check(value, schema, &format!("{place}/{name}"), faults);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                check(item, &schema["items"], &format!("{place}[]"), faults);
            }
        }
        _ => {}
    }
}

#[test]
fn an_answer_that_the_document_does_not_describe_is_found() {
    use serde_json::json;
    let alive = |body: Value| faults("GET", "/health/live", 200, &body);
    assert_eq!(alive(json!({"status": "alive"})), [""; 0]);
    assert_eq!(alive(json!({})).len(), 1);
    assert_eq!(alive(json!({"status": 1})).len(), 1);
    assert_eq!(alive(json!({"status": "alive", "more": 1})).len(), 1);
    assert_eq!(faults("GET", "/health/live", 404, &json!({})).len(), 1);
    let stream = faults("GET", "/api/streams/7", 200, &json!({"id": "7"}));
    assert!(stream.len() > 10, "{stream:?}");
}
