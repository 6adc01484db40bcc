//! Bad input is answered with a specific 4xx and every fault of a body at once. No answer repeats a secret.

mod amounts;
mod bodies;
mod media;
mod parties;
mod secrets;
mod times;
mod together;

use serde_json::{Map, Value, json};

use crate::envelope;
use crate::http::Request;
use crate::sample;
use crate::server::TestServer;

/// One fault of a field: the field, what it is given (nothing, if it is left out), and the code of what is wrong with it.
type FieldCase = (&'static str, Option<Value>, &'static str);

/// Creates valid terms with one field spoilt, for each case.
#[track_caller]
fn check_fields(cases: &[FieldCase]) {
    let mut server = TestServer::start();
    let mut wrong = Vec::new();
    for (field, given, code) in cases {
        let terms = with(&[(*field, given.clone())]);
        let found = faults(&server, &Request::create_json(&terms));
        if found != [((*field).to_owned(), (*code).to_owned())] {
            let given = format!("{given:?}");
            wrong.push(format!("{field} {given:.100}: {found:?} instead of {code}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    server.create(&sample::stream());
    assert_eq!(server.get("/api/streams?includeTotal=true").expect(200)["total"], 1);
    server.terminate();
}

/// The faults that a request is answered with; none if it is accepted.
#[track_caller]
fn faults(server: &TestServer, request: &Request) -> Vec<(String, String)> {
    let response = server.send(request);
    if response.status == 201 {
        return Vec::new();
    }
    envelope::details(&envelope::error(&response, 400, "VALIDATION_ERROR"))
}

/// Valid terms with these fields set, also to `null`, or left out.
fn with(changes: &[(&str, Option<Value>)]) -> Value {
    let Value::Object(mut terms) = sample::stream() else { panic!("terms are an object") };
    for (name, value) in changes {
        match value {
            Some(value) => terms.insert((*name).to_owned(), value.clone()),
            None => terms.remove(*name),
        };
    }
    Value::Object(terms)
}

/// What no field takes for a text.
fn no_texts() -> [Value; 6] {
    [json!(7), json!(-1.5), json!(true), json!(["1"]), Value::Array(Vec::new()), Value::Object(Map::new())]
}
