use serde_json::json;

use super::with;
use crate::http::{Request, Response};
use crate::sample::{self, SECRET_KEY};
use crate::server::TestServer;

/// Every place in which somebody has pasted the wrong thing.
fn requests() -> Vec<(&'static str, Request)> {
    let secret = SECRET_KEY;
    let create = |field: &str, value| Request::create_json(&with(&[(field, Some(value))]));
    let valid = || Request::create_json(&sample::stream());
    let get = |target: String| Request::get(&target);
    vec![
        ("sender", create("sender", json!(secret))),
        ("recipient", create("recipient", json!(secret))),
        ("lower-case sender", create("sender", json!(secret.to_lowercase()))),
        ("cut-off sender", create("sender", json!(secret[..55]))),
        ("sender in an object", create("sender", json!({ "secret": secret }))),
        ("sender in an array", create("sender", json!([secret]))),
        ("amount", create("depositAmount", json!(secret))),
        ("time", create("startTime", json!(secret))),
        ("value of an unknown field", create("secret", json!(secret))),
        ("name of an unknown field", create(secret, json!(1))),
        ("body that is a string", Request::create(format!("\"{secret}\""))),
        ("body that is no JSON", Request::create(format!("{{\"sender\":{secret}}}"))),
        ("body of a form", Request::create(format!("sender={secret}"))),
        ("path", get(format!("/{secret}"))),
        ("path of a stream", get(format!("/api/streams/{secret}"))),
        ("path of a history", get(format!("/api/streams/{secret}/events"))),
        ("path to cancel", Request::delete(&format!("/api/streams/{secret}"))),
        ("name of a parameter", get(format!("/api/streams?{secret}=1"))),
        ("sender to filter by", get(format!("/api/streams?sender={secret}"))),
        ("status to filter by", get(format!("/api/streams?status={secret}"))),
        ("contract to filter by", get(format!("/api/streams?contractId={secret}"))),
        ("cursor", get(format!("/api/streams?cursor={secret}"))),
        ("query that cannot be read", get(format!("/api/streams?%ff{secret}"))),
        ("instant", get(format!("/api/streams/{secret}?at={secret}"))),
        ("idempotency key", valid().header("idempotency-key", secret)),
        ("idempotency key with a space", valid().header("idempotency-key", format!("{secret} x"))),
        ("authorization", valid().header("authorization", format!("Bearer {secret}"))),
        ("user agent", valid().header("user-agent", secret)),
        ("unknown header", valid().header(secret, "1")),
        ("media type", valid().without("content-type").header("content-type", secret)),
        ("content encoding", valid().header("content-encoding", secret)),
        ("method", Request::new(secret, "/api/streams")),
        ("request id", Request::get("/").header("x-request-id", secret)),
        ("correlation id", Request::get("/").header("x-correlation-id", secret)),
    ]
}

#[test]
fn a_secret_key_is_neither_echoed_nor_logged_wherever_it_was_pasted() {
    let mut server = TestServer::start();
    let holds_secret = |text: &str| text.to_uppercase().contains(&SECRET_KEY[..50]);
    let echoed = |response: &Response| holds_secret(&response.everything());
    let sent = requests();
    let mut leaks: Vec<_> = sent
        .iter()
        .filter(|(_, request)| echoed(&server.send(request)))
        .map(|(place, _)| format!("{place}: echoed"))
        .collect();
    server.terminate();
    let lines = server.process().stdout.lines();
    assert_eq!(lines.iter().filter(|line| line.contains("\"duration_us\"")).count(), sent.len());
    leaks.extend(lines.into_iter().filter(|line| holds_secret(line)).map(|line| format!("logged: {line}")));
    assert!(leaks.is_empty(), "\n{}", leaks.join("\n"));
}

#[test]
fn a_secret_key_is_answered_with_advice_to_replace_it() {
    let mut server = TestServer::start();
    let response = server.send(&Request::create_json(&with(&[("sender", Some(json!(SECRET_KEY)))])));
    let message = response.expect(400)["error"]["details"][0]["message"].to_string();
    assert!(message.contains("secret key") && message.contains("replace it"), "{message}");
    server.terminate();
}
