//! What bad input gets: each fault its own code, and nothing is written.

use super::*;

#[track_caller]
fn expect(answered: &Answered, expect: &[(&str, &str)], what: &Value) {
    assert_eq!(code(answered), (400, "VALIDATION_ERROR"), "{what}");
    assert_eq!(faults(answered), expect, "{what}");
}

#[actix_web::test]
async fn each_fault_of_an_endpoint_has_its_code_and_writes_nothing() {
    let server = Server::new();
    let created = path(&server.endpoint(json!({})).await);
    let long = format!("https://example.com/{}", "a".repeat(2_048));
    let headers: serde_json::Map<_, _> = (0..21).map(|n| (format!("x-{n}"), json!("v"))).collect();
    let words: Vec<_> = (0..101).map(|_| "stream.created").collect();
    for (fields, field, code) in [
        (json!({ "url": long }), "url", "URL_TOO_LONG"),
        (json!({ "url": "example.com" }), "url", "URL_INVALID"),
        (json!({ "url": "ftp://example.com/" }), "url", "URL_SCHEME_NOT_ALLOWED"),
        (json!({ "url": "http://example.com/" }), "url", "URL_PLAIN_HTTP_NOT_ALLOWED"),
        (json!({ "url": "https://user:hunter2@example.com/" }), "url", "URL_USERINFO_NOT_ALLOWED"),
        (json!({ "url": "https://example.com/#a" }), "url", "URL_FRAGMENT_NOT_ALLOWED"),
        (json!({ "url": "https://example.com:22/" }), "url", "URL_PORT_NOT_ALLOWED"),
        (json!({ "url": "https://0x7f.1/" }), "url", "URL_ADDRESS_NOT_ALLOWED"),
        (json!({ "url": "https://169.254.169.254/" }), "url", "URL_ADDRESS_NOT_ALLOWED"),
        (json!({ "url": 7 }), "url", "INVALID_TYPE"),
        (json!({ "url": null }), "url", "INVALID_TYPE"),
        (json!({ "description": "x".repeat(501) }), "description", "INVALID_VALUE"),
        (json!({ "description": "a\nb" }), "description", "INVALID_VALUE"),
        (json!({ "description": [] }), "description", "INVALID_TYPE"),
        (json!({ "filter": [] }), "filter", "INVALID_TYPE"),
        (json!({ "filter": { "types": "stream.created" } }), "filter.types", "INVALID_TYPE"),
        (json!({ "filter": { "types": ["stream.created", "x"] } }), "filter.types[1]", "INVALID_EVENT_TYPE"),
        (json!({ "filter": { "types": [null] } }), "filter.types[0]", "INVALID_TYPE"),
        (json!({ "filter": { "types": words } }), "filter.types", "OUT_OF_RANGE"),
        (json!({ "filter": { "streamId": "x" } }), "filter.streamId", "INVALID_STREAM_ID"),
        (json!({ "filter": { "sender": "x" } }), "filter.sender", "INVALID_ADDRESS"),
        (json!({ "filter": { "recipient": "x" } }), "filter.recipient", "INVALID_ADDRESS"),
        (json!({ "filter": { "contractId": "x" } }), "filter.contractId", "INVALID_ADDRESS"),
        (json!({ "filter": { "contractId": 7 } }), "filter.contractId", "INVALID_TYPE"),
        (
            json!({ "filter": { "sender": "SBU2RRGLXH3E5CQHTD3ODLDF2BWDCYUSSBLLZ5GNW7JXHDIYKXZWHOKR" } }),
            "filter.sender",
            "SECRET_KEY_REFUSED",
        ),
        (json!({ "filter": { "owner": "x" } }), "filter.owner", "UNKNOWN_FIELD"),
        (json!({ "headerProfile": "svix" }), "headerProfile", "INVALID_VALUE"),
        (json!({ "headerProfile": 1 }), "headerProfile", "INVALID_TYPE"),
        (json!({ "ordering": "newest" }), "ordering", "INVALID_VALUE"),
        (json!({ "ordering": 1 }), "ordering", "INVALID_TYPE"),
        (json!({ "timeoutSeconds": 0 }), "timeoutSeconds", "OUT_OF_RANGE"),
        (json!({ "timeoutSeconds": 31 }), "timeoutSeconds", "OUT_OF_RANGE"),
        (json!({ "timeoutSeconds": "10" }), "timeoutSeconds", "INVALID_TYPE"),
        (json!({ "retrySeconds": 5 }), "retrySeconds", "INVALID_TYPE"),
        (json!({ "retrySeconds": [] }), "retrySeconds", "OUT_OF_RANGE"),
        (json!({ "retrySeconds": vec![1; 21] }), "retrySeconds", "OUT_OF_RANGE"),
        (json!({ "retrySeconds": [1, 0] }), "retrySeconds[1]", "OUT_OF_RANGE"),
        (json!({ "retrySeconds": [86_401] }), "retrySeconds[0]", "OUT_OF_RANGE"),
        (json!({ "retrySeconds": [1.5] }), "retrySeconds[0]", "OUT_OF_RANGE"),
        (json!({ "retrySeconds": ["1"] }), "retrySeconds[0]", "INVALID_TYPE"),
        (json!({ "failFast": "true" }), "failFast", "INVALID_TYPE"),
        (json!({ "onDead": "wait" }), "onDead", "INVALID_VALUE"),
        (json!({ "endpointNotices": "yes" }), "endpointNotices", "INVALID_TYPE"),
        (json!({ "onDead": true }), "onDead", "INVALID_TYPE"),
        (json!({ "maxLaneBlockSeconds": 59 }), "maxLaneBlockSeconds", "OUT_OF_RANGE"),
        (json!({ "maxLaneBlockSeconds": 324_001 }), "maxLaneBlockSeconds", "OUT_OF_RANGE"),
        (json!({ "maxLaneBlockSeconds": "60" }), "maxLaneBlockSeconds", "INVALID_TYPE"),
        (json!({ "headers": [] }), "headers", "INVALID_TYPE"),
        (json!({ "headers": { "x-a": 1 } }), "headers.x-a", "INVALID_TYPE"),
        (json!({ "headers": { "x a": "v" } }), "headers.(unprintable)", "HEADER_NAME_INVALID"),
        (json!({ "headers": { "": "v" } }), "headers.(unprintable)", "HEADER_NAME_INVALID"),
        (json!({ "headers": { "Host": "v" } }), "headers.Host", "HEADER_NAME_RESERVED"),
        (
            json!({ "headers": { "X_Fluxora_Signature": "v" } }),
            "headers.X_Fluxora_Signature",
            "HEADER_NAME_RESERVED",
        ),
        (json!({ "headers": { "x-a": "1", "X-A": "2" } }), "headers.x-a", "DUPLICATE_FIELD"),
        (json!({ "headers": { "x-a": "a\r\nb: c" } }), "headers.x-a", "HEADER_VALUE_INVALID"),
        (json!({ "headers": { "x-a": " a" } }), "headers.x-a", "HEADER_VALUE_INVALID"),
        (json!({ "headers": headers }), "headers", "TOO_MANY_HEADERS"),
        (json!({ "rateLimitPerSecond": 0 }), "rateLimitPerSecond", "OUT_OF_RANGE"),
        (json!({ "rateLimitPerSecond": 10_001 }), "rateLimitPerSecond", "OUT_OF_RANGE"),
        (json!({ "rateLimitPerSecond": 1.5 }), "rateLimitPerSecond", "OUT_OF_RANGE"),
        (json!({ "rateLimitPerSecond": "5" }), "rateLimitPerSecond", "INVALID_TYPE"),
        (json!({ "colour": "red" }), "colour", "UNKNOWN_FIELD"),
    ] {
        expect(&server.post_to(ENDPOINTS, &endpoint(fields.clone())).await, &[(field, code)], &fields);
        let patched = server.patch(&created, &fields).await;
        expect(&patched, &[(field, code)], &fields);
        assert!(!patched.body.to_string().contains("hunter2"), "{}", patched.body);
    }
    let endpoints = server.get(ENDPOINTS).await.body;
    assert_eq!(endpoints["endpoints"].as_array().unwrap().len(), 1);
    assert_eq!(endpoints["endpoints"][0]["version"], 1);
}

#[actix_web::test]
async fn each_fault_of_a_secret_has_its_code_and_does_not_repeat_it() {
    let server = Server::new();
    for (secret, code) in [
        ("hunter2 is no secret", "SECRET_INVALID"),
        ("whsec_hunter2!", "SECRET_INVALID"),
        ("whsec_aHVudGVyMg==", "SECRET_TOO_SHORT"),
        ("00112233445566778899", "SECRET_TOO_SHORT"),
        (&"ab".repeat(65), "SECRET_TOO_LONG"),
        ("", "SECRET_INVALID"),
    ] {
        let answered = server.post_to(ENDPOINTS, &endpoint(json!({ "secret": secret }))).await;
        expect(&answered, &[("secret", code)], &json!(secret));
        assert!(secret.is_empty() || !answered.body.to_string().contains(secret), "{}", answered.body);
    }
    let number = server.post_to(ENDPOINTS, &endpoint(json!({ "secret": 7 }))).await;
    expect(&number, &[("secret", "INVALID_TYPE")], &json!(7));
    let hexadecimal = json!({ "secret": HEX_SECRET, "headerProfile": "standardWebhooks" });
    let answered = server.post_to(ENDPOINTS, &endpoint(hexadecimal.clone())).await;
    expect(&answered, &[("secret", "SECRET_NOT_STANDARD")], &hexadecimal);
    let created = server.endpoint(json!({ "secret": HEX_SECRET })).await;
    let profile = json!({ "headerProfile": "standardWebhooks" });
    let answered = server.patch(&path(&created), &profile).await;
    expect(&answered, &[("headerProfile", "SECRET_NOT_STANDARD")], &profile);
    let secret = json!({ "secret": SECRET });
    expect(&server.patch(&path(&created), &secret).await, &[("secret", "UNKNOWN_FIELD")], &secret);
}

#[actix_web::test]
async fn all_faults_are_answered_together() {
    let server = Server::new();
    let body = json!({
        "description": 1,
        "filter": { "types": ["x", "y"], "sender": "z" },
        "headers": { "a": 1, "b": [] },
        "rateLimitPerSecond": 0,
        "secret": "s",
        "startAfter": -1,
    });
    expect(
        &server.post_to(ENDPOINTS, &body).await,
        &[
            ("url", "REQUIRED"),
            ("description", "INVALID_TYPE"),
            ("filter.sender", "INVALID_ADDRESS"),
            ("filter.types[0]", "INVALID_EVENT_TYPE"),
            ("filter.types[1]", "INVALID_EVENT_TYPE"),
            ("headers.a", "INVALID_TYPE"),
            ("headers.b", "INVALID_TYPE"),
            ("rateLimitPerSecond", "OUT_OF_RANGE"),
            ("secret", "SECRET_INVALID"),
            ("startAfter", "OUT_OF_RANGE"),
        ],
        &body,
    );
}

#[actix_web::test]
async fn each_fault_of_a_query_has_its_code() {
    let server = Server::new();
    let cursor = "1000000000000004d2cbf29ce484222325";
    for (path, field, code) in [
        (format!("{ENDPOINTS}?limit=0"), "limit", "INVALID_VALUE"),
        (format!("{ENDPOINTS}?limit=101"), "limit", "INVALID_VALUE"),
        (format!("{ENDPOINTS}?cursor={cursor}"), "cursor", "INVALID_CURSOR"),
        (format!("{ENDPOINTS}?status=active"), "query", "UNKNOWN_FIELD"),
        (format!("{DELIVERIES}?endpointId=x"), "endpointId", "INVALID_VALUE"),
        (format!("{DELIVERIES}?status=lost"), "status", "INVALID_STATUS"),
        (format!("{DELIVERIES}?streamId=x"), "streamId", "INVALID_STREAM_ID"),
        (format!("{DELIVERIES}?type=x"), "type", "INVALID_EVENT_TYPE"),
        (format!("{DELIVERIES}?createdFrom=yesterday"), "createdFrom", "INVALID_VALUE"),
        (format!("{DELIVERIES}?createdUntil=1"), "createdUntil", "INVALID_VALUE"),
        (format!("{DELIVERIES}?status=dead&status=held"), "status", "DUPLICATE_FIELD"),
        (format!("{DELIVERIES}?cursor={cursor}"), "cursor", "INVALID_CURSOR"),
        (format!("{REPLAYS}?endpointId=x"), "endpointId", "INVALID_VALUE"),
        (format!("{REPLAYS}?cursor={cursor}"), "cursor", "INVALID_CURSOR"),
        (format!("{REPLAYS}?status=running"), "query", "UNKNOWN_FIELD"),
    ] {
        expect(&server.get(&path).await, &[(field, code)], &json!(path));
    }
    for path in [
        format!("{ENDPOINTS}/{NOWHERE}?x=1"),
        format!("{DELIVERIES}/{NOWHERE}?x=1"),
        format!("{REPLAYS}/{NOWHERE}?x=1"),
    ] {
        expect(&server.get(&path).await, &[("query", "UNKNOWN_FIELD")], &json!(path));
    }
}

#[actix_web::test]
async fn an_action_takes_no_field_that_it_does_not_know() {
    let server = Server::new();
    let created = path(&server.endpoint(json!({})).await);
    for action in [
        format!("{created}/test"),
        format!("{created}/pause"),
        format!("{created}/resume"),
        format!("{created}/secret/rotate"),
        format!("{DELIVERIES}/{NOWHERE}/replay"),
        format!("{REPLAYS}/{NOWHERE}/cancel"),
    ] {
        let unknown = json!({ "force": true });
        expect(&server.post_to(&action, &unknown).await, &[("force", "UNKNOWN_FIELD")], &json!(action));
    }
    let pause = format!("{created}/pause");
    let resume = format!("{created}/resume");
    for (path, body, field, code) in [
        (&pause, json!({ "reason": 1 }), "reason", "INVALID_TYPE"),
        (&pause, json!({ "reason": "x".repeat(501) }), "reason", "INVALID_VALUE"),
        (&resume, json!({ "from": "yesterday" }), "from", "INVALID_VALUE"),
        (&resume, json!({ "from": 1 }), "from", "INVALID_TYPE"),
    ] {
        expect(&server.post_to(path, &body).await, &[(field, code)], &body);
    }
    assert_eq!(server.get(&created).await.body["status"], "active");
}

#[actix_web::test]
async fn each_fault_of_a_replay_has_its_code() {
    let server = Server::new();
    let id = server.endpoint(json!({})).await["id"].clone();
    for (fields, field, code) in [
        (json!({ "endpointId": "x" }), "endpointId", "INVALID_VALUE"),
        (json!({ "endpointId": null }), "endpointId", "INVALID_TYPE"),
        (json!({ "statuses": ["pending"] }), "statuses[0]", "INVALID_STATUS"),
        (json!({ "statuses": "dead" }), "statuses", "INVALID_TYPE"),
        (json!({ "types": ["x"] }), "types[0]", "INVALID_EVENT_TYPE"),
        (json!({ "streamId": "x" }), "streamId", "INVALID_STREAM_ID"),
        (json!({ "createdFrom": "x" }), "createdFrom", "INVALID_VALUE"),
        (json!({ "createdUntil": 5 }), "createdUntil", "INVALID_TYPE"),
        (json!({ "fromSequence": -1 }), "fromSequence", "OUT_OF_RANGE"),
        (json!({ "toSequence": "1" }), "toSequence", "INVALID_TYPE"),
        (json!({ "all": true }), "all", "UNKNOWN_FIELD"),
        (json!({ "missing": 1 }), "missing", "INVALID_TYPE"),
        (json!({ "freshIds": "true" }), "freshIds", "INVALID_TYPE"),
        (json!({ "deliveryIds": ["x"] }), "deliveryIds[0]", "INVALID_VALUE"),
        (json!({ "deliveryIds": NOWHERE }), "deliveryIds", "INVALID_TYPE"),
        (json!({ "deliveryIds": vec![NOWHERE; 101] }), "deliveryIds", "OUT_OF_RANGE"),
        (json!({ "missing": true, "statuses": ["dead"] }), "statuses", "INVALID_VALUE"),
        (json!({ "missing": true, "createdFrom": "2026-01-01T00:00:00Z" }), "createdFrom", "INVALID_VALUE"),
        (json!({ "missing": true, "createdUntil": "2026-01-01T00:00:00Z" }), "createdUntil", "INVALID_VALUE"),
        (json!({ "missing": true, "deliveryIds": [NOWHERE] }), "deliveryIds", "INVALID_VALUE"),
    ] {
        let mut body = json!({ "endpointId": id });
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        expect(&server.post_to(REPLAYS, &body).await, &[(field, code)], &body);
    }
    expect(&server.post_to(REPLAYS, &json!({})).await, &[("endpointId", "REQUIRED")], &json!({}));
    assert_eq!(server.get(REPLAYS).await.body["replays"], json!([]));
}
