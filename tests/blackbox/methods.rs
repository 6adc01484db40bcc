use serde_json::json;

use crate::envelope;
use crate::http::Request;
use crate::sample;
use crate::server::TestServer;

const READ: &str = "GET, HEAD";
const NOWHERE: &str = "01930000-0000-7000-8000-00000000ffff";

#[test]
fn an_unknown_path_is_a_404_for_every_method() {
    let mut server = TestServer::start();
    let id = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    for path in [
        "/x".to_owned(),
        "//".to_owned(),
        "/api".to_owned(),
        "/api/streams/".to_owned(),
        "/API/streams".to_owned(),
        format!("/api/streams/{id}/"),
        format!("/api/streams/{id}/events/1"),
        format!("/api/streams/{id}/cancel"),
        "/health/".to_owned(),
        "/../../etc/passwd".to_owned(),
        "/%2e%2e/%2e%2e/etc/passwd".to_owned(),
        "/x?limit=5".to_owned(),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS"] {
            envelope::error(&server.send(&Request::new(method, &path)), 404, "NOT_FOUND");
        }
    }
    server.terminate();
}

#[test]
fn an_id_that_names_no_stream_is_a_404() {
    let mut server = TestServer::start();
    let id = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    for other in [
        "01930000-0000-7000-8000-000000000001",
        &id.replace('-', ""),
        &id[1..],
        &format!("{{{id}}}"),
        &format!("{id}%00"),
        "1",
        "stream-1",
        "%27%20OR%201=1",
        "%ff",
        &"x".repeat(5_000),
    ] {
        let path = format!("/api/streams/{other}");
        for request in [
            Request::get(&path),
            Request::get(&format!("{path}?at=1")),
            Request::get(&format!("{path}/events")),
            Request::delete(&path),
        ] {
            envelope::error(&server.send(&request), 404, "NOT_FOUND");
        }
    }
    assert_eq!(server.stream(&id)["status"], "active");
    server.terminate();
}

#[test]
fn the_letters_of_a_uuid_may_be_capitals() {
    let mut server = TestServer::start();
    let stream = server.create(&sample::stream());
    let id = stream["id"].as_str().unwrap();
    let path = format!("/api/streams/{}", id.to_uppercase());
    assert_eq!(server.get(&path).expect(200)["id"], id);
    assert_eq!(server.send(&Request::delete(&path)).expect(200)["id"], id);
    let page = server.get(&format!("{path}/events?limit=1")).expect(200);
    let cursor = page["nextCursor"].as_str().unwrap();
    let next = server.get(&format!("/api/streams/{id}/events?cursor={cursor}")).expect(200);
    assert_eq!(next["events"][0]["streamSeq"], 2, "{next}");
    server.terminate();
}

#[test]
fn a_wrong_method_is_a_405_with_allow() {
    let mut server = TestServer::start();
    let stream = format!("/api/streams/{}", server.create(&sample::stream())["id"].as_str().unwrap());
    let events = format!("{stream}/events");
    for (path, allow) in [
        ("/", READ),
        ("/health", READ),
        ("/health/live", READ),
        ("/health/ready", READ),
        ("/api/streams", "GET, HEAD, POST"),
        (&stream, "GET, HEAD, DELETE"),
        (&events, READ),
        ("/compat/frontend/version", READ),
        ("/compat/frontend/streams", READ),
        ("/compat/backend/api/streams", "GET, HEAD, POST"),
        (&format!("/compat/backend/api/streams/{NOWHERE}/poll"), "GET, HEAD, DELETE"),
        (&format!("{stream}/segments"), READ),
        (&format!("{stream}/explain"), READ),
        ("/api/treasury/summary", READ),
        ("/api/recipients/x/summary", READ),
        ("/api/webhooks/endpoints", "GET, HEAD, POST"),
        (&format!("/api/webhooks/endpoints/{NOWHERE}"), "GET, HEAD, PATCH, DELETE"),
        (&format!("/api/webhooks/endpoints/{NOWHERE}/secret/rotate"), "POST"),
        (&format!("/api/webhooks/endpoints/{NOWHERE}/test"), "POST"),
        (&format!("/api/webhooks/endpoints/{NOWHERE}/pause"), "POST"),
        (&format!("/api/webhooks/endpoints/{NOWHERE}/resume"), "POST"),
        ("/api/webhooks/deliveries", READ),
        (&format!("/api/webhooks/deliveries/{NOWHERE}"), READ),
        (&format!("/api/webhooks/deliveries/{NOWHERE}/replay"), "POST"),
        ("/api/webhooks/replays", "GET, HEAD, POST"),
        (&format!("/api/webhooks/replays/{NOWHERE}"), READ),
        (&format!("/api/webhooks/replays/{NOWHERE}/cancel"), "POST"),
    ] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if !allow.split(", ").any(|allowed| allowed == method) {
                let response = server.send(&Request::new(method, path));
                assert_eq!(
                    (response.status, response.header("allow")),
                    (405, Some(allow)),
                    "{method} {path}"
                );
                // The answer to a HEAD has no body.
                if method != "HEAD" {
                    envelope::error(&response, 405, "METHOD_NOT_ALLOWED");
                }
            }
        }
    }
    server.terminate();
}

#[test]
fn head_answers_like_get_without_a_body() {
    let mut server = TestServer::start();
    // Its amounts have come to rest, so that an answer is as long in the next second.
    let ended = sample::with(sample::stream(), &json!({ "startTime": 1_000 }));
    let id = server.create(&ended)["id"].as_str().unwrap().to_owned();
    for (path, status) in [
        ("/", 200),
        ("/health", 200),
        ("/health/live", 200),
        ("/health/ready", 200),
        ("/api/streams", 200),
        (&format!("/api/streams/{id}?at=4000000000"), 200),
        (&format!("/api/streams/{id}/events"), 200),
        ("/api/streams?limit=0", 400),
        ("/api/streams/1", 404),
        ("/x", 404),
    ] {
        let mut connection = server.connect();
        let named = |request: Request| request.header("x-request-id", "the-same-for-both");
        let head = connection.send(&named(Request::new("HEAD", path))).unwrap();
        // Were there a body, the next answer would be unreadable.
        let get = connection.send(&named(Request::get(path))).unwrap();
        assert_eq!((head.status, get.status), (status, status), "{path}");
        assert!(!get.body().is_empty(), "{path}");
        for name in ["content-type", "content-length", "x-request-id", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
    server.terminate();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let mut server = TestServer::start();
    let mut connection = server.connect();
    let mut bytes = Vec::new();
    for number in 0..20 {
        let request = match number % 3 {
            0 => Request::create_json(&sample::stream()),
            1 => Request::get("/api/streams"),
            _ => Request::create("{}"),
        };
        let request = request.header("x-request-id", number.to_string());
        bytes.extend_from_slice(&request.head());
        bytes.extend_from_slice(request.body());
    }
    connection.write(&bytes).unwrap();
    for number in 0..20 {
        let response = connection.read().unwrap();
        assert_eq!(response.header("x-request-id"), Some(number.to_string().as_str()));
        assert_eq!(response.status, [201, 200, 400][number % 3]);
    }
    server.terminate();
}

#[test]
fn the_root_and_health_name_the_service() {
    let mut server = TestServer::start();
    let root = server.get("/").expect(200);
    assert_eq!((&root["name"], &root["service"]), (&json!("Fluxora"), &json!("fluxora-backend")));
    for link in root["links"].as_object().unwrap().values() {
        assert_eq!(server.get(link.as_str().unwrap()).status, 200, "{link}");
    }
    let mut health = server.get("/health").expect(200);
    assert!(health["timestamp"].as_str().unwrap().ends_with('Z'), "{health}");
    health["timestamp"] = json!("");
    assert_eq!(
        health,
        json!({
            "status": "ok",
            "service": "fluxora-backend",
            "version": root["version"],
            "timestamp": "",
            "clockOffsetSeconds": null,
            "follower": null,
            "indexer": {
                "status": "not_configured",
                "stalled": false,
                "thresholdMs": 300_000,
                "lastSuccessfulSyncAt": null,
                "lagMs": null,
                "summary": health["indexer"]["summary"],
                "clientImpact": "none",
                "operatorAction": "none",
                "tip": null,
                "lastSafeLedger": null,
                "finalLedger": null,
                "pendingEvents": 0,
                "unknownEvents": 0,
                "unreadableEvents": 0,
                "reorgDetected": false,
                "lastReorg": null,
                "refusedReorg": null,
                "refusedTip": null,
                "hole": null,
                "resyncFromLedger": null,
                "orphanEvents": 0,
                "failedPushes": null,
                "contracts": {
                    "recognized": [],
                    "recognizedCount": 0,
                    "unusable": [],
                    "unusableCount": 0,
                    "haltedCount": 0,
                    "anomalyCount": 0,
                },
            },
            "webhooks": {
                "oldestDueAt": null,
                "overdue": false,
                "eventsBehind": 0,
                "pending": 0,
                "inFlight": 0,
                "held": 0,
                "dead": 0,
                "delivered": 0,
                "endpoints": { "active": 0, "paused": 0, "held": 0, "openBreakers": 0 },
                "runningReplays": 0,
            },
            "workers": [
                { "name": "audit_recorder", "state": "running", "restarts": 0, "lastError": null },
                { "name": "stream_clock", "state": "running", "restarts": 0, "lastError": null },
                { "name": "retention", "state": "running", "restarts": 0, "lastError": null },
                { "name": "treasury_sums", "state": "running", "restarts": 0, "lastError": null },
                { "name": "feed", "state": "running", "restarts": 0, "lastError": null },
                { "name": "webhook_dispatch", "state": "running", "restarts": 0, "lastError": null },
                { "name": "webhook_fan_out", "state": "running", "restarts": 0, "lastError": null },
            ],
            "dependencies": { "storage": { "status": "healthy", "backend": "sqlite, data/fluxora.db", "retries": 0 }, "redis": null },
        })
    );
    server.terminate();
}
