//! The shape of every answer that is an error.

use std::sync::LazyLock;

use serde_json::Value;

use crate::binary;
use crate::http::Response;

/// The error in an answer that must have this status and this code.
#[track_caller]
pub(crate) fn error(response: &Response, status: u16, code: &str) -> Value {
    let body = response.expect(status);
    let error = body["error"].clone();
    assert_eq!(error["code"], code, "{body}");
    assert_eq!(body.as_object().unwrap().len(), 1, "{body}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    assert_eq!(error["requestId"].as_str(), response.header("x-request-id"), "{body}");
    let trace = error["traceId"].as_str().unwrap_or_default();
    assert!(trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit()), "{body}");
    for name in error.as_object().unwrap().keys() {
        assert!(["code", "message", "requestId", "traceId", "details"].contains(&name.as_str()), "{body}");
    }
    assert_documented(code);
    for (_, code) in details(&error) {
        assert_documented(&code);
    }
    error
}

/// An error whose details are these, in this order: `(field, code)`.
#[track_caller]
pub(crate) fn invalid(response: &Response, expect: &[(&str, &str)]) {
    let error = error(response, 400, "VALIDATION_ERROR");
    let details = details(&error);
    let found: Vec<_> = details.iter().map(|(field, code)| (field.as_str(), code.as_str())).collect();
    assert_eq!(found, expect, "{error}");
}

/// The details of an error: `(field, code)`.
#[track_caller]
pub(crate) fn details(error: &Value) -> Vec<(String, String)> {
    let text = |fault: &Value, name: &str| fault[name].as_str().expect("a text").to_owned();
    let faults = error["details"].as_array().into_iter().flatten();
    faults
        .map(|fault| {
            assert_eq!(fault.as_object().unwrap().len(), 3, "{fault}");
            assert!(!text(fault, "message").is_empty(), "{fault}");
            (text(fault, "field"), text(fault, "code"))
        })
        .collect()
}

#[track_caller]
fn assert_documented(code: &str) {
    static PAGE: LazyLock<String> = LazyLock::new(|| {
        std::fs::read_to_string(binary::root().join("docs/API.md")).expect("docs/API.md lists every code")
    });
    assert!(PAGE.contains(&format!("`{code}`")), "docs/API.md does not list `{code}`");
}
