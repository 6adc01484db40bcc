//! The answers that the server of release 0.1.0 gave.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::http::Request;
use crate::indexer::WORKER_TOKEN;

/// A request to release 0.1.0 and its answer, without the members that depend on when it was asked.
pub(super) struct Exchange {
    pub(super) target: String,
    pub(super) request: Request,
    pub(super) status: u16,
    /// The answer was a stored one: the request repeated an earlier one with the same `Idempotency-Key`.
    pub(super) replayed: bool,
    pub(super) answer: Value,
}

/// Turns an answer of release 0.1.0 into the answer that this release gives from the same database.
///
/// Release 0.1.0 called the number of an event in its stream `sequence`, and showed the data of events of API streams
/// without cause and changes. Members that are added may have any value.
pub(super) fn as_of_this_release(answer: &mut Value) {
    match answer {
        Value::Object(members) => {
            if members
                .get("type")
                .is_some_and(|kind| kind.as_str().is_some_and(|kind| kind.starts_with("stream.")))
            {
                stream_event(members);
            }
            if let Some(inferred) = members.remove("assumed") {
                members.insert("inferred".to_owned(), inferred);
            }
            members.values_mut().for_each(as_of_this_release);
        }
        Value::Array(values) => values.iter_mut().for_each(as_of_this_release),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn stream_event(members: &mut Map<String, Value>) {
    if let Some(number) = members.remove("sequence") {
        members.insert("streamSeq".to_owned(), number);
    }
    let created = members["type"] == "stream.created";
    let Some(data) = members.get_mut("data").filter(|data| data.get("cause").is_none()) else { return };
    // The terms are what the event of a creation changes.
    if created {
        *data = json!({ "changes": data.take() });
    }
}

/// Every exchange, in the order in which the requests were sent.
pub(super) fn recorded(file: &Path) -> Vec<Exchange> {
    let text = std::fs::read_to_string(file).unwrap();
    let exchanges: Vec<Value> = serde_json::from_str(&text).unwrap();
    exchanges.into_iter().map(exchange).collect()
}

fn exchange(mut recorded: Value) -> Exchange {
    let target = recorded["target"].as_str().unwrap().to_owned();
    let request = match recorded["method"].as_str().unwrap() {
        "GET" => Request::get(&target),
        "POST" => Request::post(&target, recorded["body"].to_string()),
        method => panic!("no {method} is recorded"),
    };
    let key = recorded["idempotencyKey"].as_str();
    let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
    Exchange {
        target,
        request: request.header("x-indexer-worker-token", WORKER_TOKEN),
        status: recorded["status"].as_u64().unwrap().try_into().unwrap(),
        replayed: recorded["replayed"] == true,
        answer: recorded["answer"].take(),
    }
}
