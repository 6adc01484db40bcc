//! The answers that the server of release 0.1.0 gave.

use std::path::Path;

use serde_json::Value;

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
pub(super) fn as_of_this_release(answer: &mut Value) {
    match answer {
        Value::Object(members) => {
            if let Some(inferred) = members.remove("assumed") {
                members.insert("inferred".to_owned(), inferred);
            }
            members.values_mut().for_each(as_of_this_release);
        }
        Value::Array(values) => values.iter_mut().for_each(as_of_this_release),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
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
