//! The routes of the indexer, and its member of `/health`.

use fluxora_store::ChainStore;
use fluxora_store::chain::{ComparedEntry, DriftedField};
use fluxora_stream::StreamId;

use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn indexing(store: Arc<dyn Store>) -> Server {
    Server::with(store, Writes::Open, Some(SECRET))
}

fn tip(ledger: u32) -> TestRequest {
    let body = json!({ "events": [], "tip": { "ledger": ledger, "ledgerHash": format!("hash-{ledger}") } });
    let request = TestRequest::post().uri("/internal/indexer/contract-events").set_json(body);
    request.insert_header(("x-indexer-worker-token", SECRET))
}

/// From `/health`: status of the service, status, lag and operator action of the indexer.
async fn health_of(server: &Server) -> [Value; 4] {
    let answered = server.get("/health").await;
    assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
    let indexer = &answered.body["indexer"];
    [&answered.body["status"], &indexer["status"], &indexer["lagMs"], &indexer["operatorAction"]]
        .map(Value::clone)
}

#[actix_web::test]
async fn the_indexer_is_healthy_until_the_last_batch_reaches_the_threshold() {
    let server = indexing(Arc::new(Model::default()));
    assert_eq!(server.send(tip(5)).await.status, StatusCode::OK);
    assert_eq!(health_of(&server).await, [json!("ok"), json!("healthy"), json!(0), json!("none")]);
    server.clock.advance(299);
    assert_eq!(health_of(&server).await, [json!("ok"), json!("healthy"), json!(299_000), json!("none")]);
    server.clock.advance(1);
    assert_eq!(
        health_of(&server).await,
        [json!("degraded"), json!("stalled"), json!(300_000), json!("page")]
    );
    assert_eq!(server.send(tip(6)).await.status, StatusCode::OK);
    assert_eq!(health_of(&server).await, [json!("ok"), json!("healthy"), json!(0), json!("none")]);
}

#[actix_web::test]
async fn without_a_batch_the_indexer_is_starting_until_the_threshold() {
    let server = indexing(Arc::new(Model::default()));
    assert_eq!(
        health_of(&server).await,
        [json!("degraded"), json!("starting"), json!(null), json!("observe")]
    );
    server.clock.advance(300);
    assert_eq!(health_of(&server).await, [json!("degraded"), json!("stalled"), json!(null), json!("page")]);
}

#[actix_web::test]
async fn a_clock_that_jumps_back_shows_no_lag() {
    let server = indexing(Arc::new(Model::default()));
    server.send(tip(5)).await;
    server.clock.advance(-60);
    assert_eq!(health_of(&server).await, [json!("ok"), json!("healthy"), json!(0), json!("none")]);
}

#[actix_web::test]
async fn a_refused_batch_does_not_count_as_a_sync() {
    let server = indexing(Arc::new(Model::default()));
    server.send(tip(5)).await;
    server.clock.advance(300);
    let nothing =
        TestRequest::post().uri("/internal/indexer/contract-events").set_json(json!({ "events": [] }));
    let refused = server.send(nothing.insert_header(("x-indexer-worker-token", SECRET))).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(health_of(&server).await[1], "stalled");
}

fn conflict() -> TestRequest {
    let body = json!({ "events": [], "tip": { "ledger": 5, "ledgerHash": "hash-5", "previousLedgerHash": "other" } });
    let request = TestRequest::post().uri("/internal/indexer/contract-events").set_json(body);
    request.insert_header(("x-indexer-worker-token", SECRET))
}

#[actix_web::test]
async fn refused_pushes_degrade_health_at_once_until_one_is_stored() {
    let server = indexing(Arc::new(Model::default()));
    let linked = json!({ "events": [], "tip": { "ledger": 5, "ledgerHash": "hash-5", "previousLedgerHash": "hash-4" } });
    let linked = TestRequest::post().uri("/internal/indexer/contract-events").set_json(linked);
    let linked = linked.insert_header(("x-indexer-worker-token", SECRET));
    assert_eq!(server.send(linked).await.status, StatusCode::OK);
    server.clock.advance(1);
    assert_eq!(server.send(conflict()).await.status, StatusCode::CONFLICT);
    server.clock.advance(1);
    let nothing =
        TestRequest::post().uri("/internal/indexer/contract-events").set_json(json!({ "events": [] }));
    let nothing = nothing.insert_header(("x-indexer-worker-token", SECRET));
    assert_eq!(server.send(nothing).await.status, StatusCode::BAD_REQUEST);
    let health = server.get("/health").await.body;
    let failed = &health["indexer"]["failedPushes"];
    assert_eq!((&health["status"], &failed["count"]), (&json!("degraded"), &json!(2)), "{health}");
    assert_eq!(
        (&failed["code"], failed["message"].is_string()),
        (&json!("VALIDATION_ERROR"), true),
        "{health}"
    );
    assert_ne!(failed["since"], failed["lastAt"], "{health}");
    assert_eq!(health_of(&server).await[3], "page");
    assert_eq!(server.send(tip(6)).await.status, StatusCode::OK);
    assert_eq!(health_of(&server).await, [json!("ok"), json!("healthy"), json!(0), json!("none")]);
    assert_eq!(server.get("/health").await.body["indexer"]["failedPushes"], json!(null));
}

#[actix_web::test]
async fn a_push_that_another_server_stores_ends_the_failures() {
    let store: Arc<dyn Store> = Arc::new(Model::default());
    let (server, other) = (indexing(Arc::clone(&store)), indexing(store));
    assert_eq!(server.send(conflict()).await.status, StatusCode::OK);
    let elsewhere =
        TestRequest::post().uri("/internal/indexer/contract-events").set_json(json!({ "events": [] }));
    server.send(elsewhere.insert_header(("x-indexer-worker-token", SECRET))).await;
    assert_eq!(health_of(&server).await[0], "degraded");
    other.clock.advance(1);
    other.send(tip(6)).await;
    server.clock.advance_ms(250);
    assert_eq!(health_of(&server).await[0], "ok");
}

#[actix_web::test]
async fn a_push_without_the_token_does_not_degrade_health() {
    let server = indexing(Arc::new(Model::default()));
    server.send(tip(5)).await;
    let stranger =
        TestRequest::post().uri("/internal/indexer/contract-events").set_json(json!({ "events": [] }));
    assert_eq!(server.send(stranger).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(health_of(&server).await[0], "ok");
}

#[actix_web::test]
async fn an_implausible_tip_has_a_code_of_its_own_and_shows_in_health() {
    let server = indexing(Arc::new(Model::default()));
    server.send(tip(5)).await;
    let refused = server.send(tip(4_000_000_000)).await;
    assert_eq!(
        (refused.status, &refused.body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("IMPLAUSIBLE_TIP"))
    );
    let detail = &refused.body["error"]["details"][0];
    assert_eq!((&detail["field"], &detail["code"]), (&json!("tip.ledger"), &json!("LEDGER_TOO_HIGH")));
    let health = server.get("/health").await.body;
    let indexer = &health["indexer"];
    assert_eq!(
        (&health["status"], &indexer["refusedTip"]["ledger"]),
        (&json!("degraded"), &json!(4_000_000_000_u32))
    );
    server.send(tip(6)).await;
    assert_eq!(server.get("/health").await.body["indexer"]["refusedTip"], json!(null));
}

#[actix_web::test]
async fn indexer_routes_report_that_storage_is_unavailable() {
    let away: Fault = || StoreError::Unavailable { reason: "disk".into(), source: None };
    let server = indexing(Arc::new(FailingStore::new(away)));
    let list =
        TestRequest::get().uri("/internal/indexer/events").insert_header(("x-indexer-worker-token", SECRET));
    let rewind = TestRequest::post()
        .uri("/api/admin/indexer/rewind")
        .set_json(json!({ "toLedger": 1, "reason": "r" }));
    for request in [tip(5), list, rewind.insert_header(("x-operator-token", SECRET))] {
        let answered = server.send(request).await;
        assert_eq!(answered.body["error"]["code"], "SERVICE_UNAVAILABLE", "{}", answered.body);
        assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    let health = server.get("/health").await;
    assert_eq!(
        (health.status, &health.body["indexer"]["tip"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!(null))
    );
    assert_eq!(
        health.body["indexer"]["summary"],
        "storage is unavailable; showing the last known indexer state"
    );
}

const CONTRACT: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

/// A push of one event with these members as its invocation.
fn with_invocation(invocation: Option<&str>) -> TestRequest {
    let invocation = invocation.map(|call| format!(r#","invocation":{call}"#)).unwrap_or_default();
    let event = format!(
        r#"{{"eventId":"e-1","ledger":5,"ledgerHash":"hash-5","contractId":"{CONTRACT}","topic":"moon","txHash":"t",
        "txIndex":1,"operationIndex":0,"eventIndex":0,"payload":{{}},"happenedAt":"2026-01-01T00:00:00Z"{invocation}}}"#
    );
    let request = TestRequest::post().uri("/internal/indexer/contract-events");
    let request = request.insert_header(("content-type", "application/json"));
    request
        .insert_header(("x-indexer-worker-token", SECRET))
        .set_payload(format!(r#"{{"events":[{event}]}}"#))
}

fn call(function: &str, arguments: &str) -> String {
    format!(r#"{{"contractId":"{CONTRACT}","function":"{function}","arguments":{arguments}}}"#)
}

#[actix_web::test]
async fn an_invocation_is_listed_as_it_was_pushed_and_is_no_conflict_where_none_was_known() {
    let server = indexing(Arc::new(Model::default()));
    let list = async || {
        let request = TestRequest::get().uri("/internal/indexer/events");
        server.send(request.insert_header(("x-indexer-worker-token", SECRET))).await.body
    };
    let push = async |invocation: Option<&str>| server.send(with_invocation(invocation)).await;
    for absent in [None, Some("null")] {
        assert_eq!(push(absent).await.status, StatusCode::OK);
        assert!(list().await["events"][0].get("invocation").is_none());
    }
    let withdraw = call("withdraw", r#"["7",{"a":[null,1]}]"#);
    for _ in 0..2 {
        let pushed = push(Some(&withdraw)).await;
        assert_eq!((pushed.status, &pushed.body["duplicateCount"]), (StatusCode::OK, &json!(1)));
    }
    assert_eq!(push(None).await.status, StatusCode::OK);
    let listed = list().await;
    assert_eq!(listed["events"][0]["invocation"], serde_json::from_str::<Value>(&withdraw).unwrap());
    assert_eq!((&listed["provenInvocations"], &listed["authorizedInvocations"]), (&json!([]), &json!([])));
    let other = push(Some(&call("withdraw", r#"["8"]"#))).await;
    assert_eq!(
        (other.status, &other.body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("EVENT_CONFLICT"))
    );
}

#[actix_web::test]
async fn a_wrong_invocation_is_refused_by_field_and_code() {
    let server = indexing(Arc::new(Model::default()));
    let long = format!(r#"["{}"]"#, "x".repeat(32 * 1024));
    let other = "CBCGTSCJXBMPPPE4BPDIPYZXPE2J5TQEKD2KCS7VQF533NKKEYGUTHXW";
    for (sent, field, code) in [
        ("7".to_owned(), "", "INVALID_TYPE"),
        ("[]".to_owned(), "", "INVALID_TYPE"),
        (r#"{},"invocation":{}"#.to_owned(), "", "DUPLICATE_FIELD"),
        (call("withdraw", "[]").replace("contractId", "contract"), ".contractId", "REQUIRED"),
        (call("withdraw", "[]").replace(CONTRACT, "C1"), ".contractId", "INVALID_ADDRESS"),
        (call("withdraw", "[]").replace(CONTRACT, other), ".contractId", "INVALID_VALUE"),
        (call("", "[]"), ".function", "INVALID_VALUE"),
        (call("with draw", "[]"), ".function", "INVALID_VALUE"),
        (call(&"f".repeat(33), "[]"), ".function", "INVALID_VALUE"),
        (call("withdraw", "{}"), ".arguments", "INVALID_TYPE"),
        (call("withdraw", "null"), ".arguments", "INVALID_TYPE"),
        (call("withdraw", "[]").replace(r#","arguments":[]"#, ""), ".arguments", "REQUIRED"),
        (call("withdraw", &long), ".arguments", "INVALID_VALUE"),
        (call("withdraw", r#"[],"proven":true"#), ".proven", "UNKNOWN_FIELD"),
    ] {
        let refused = server.send(with_invocation(Some(&sent))).await;
        let details = refused.body["error"]["details"].as_array().unwrap_or_else(|| panic!("{sent}")).clone();
        let expect = (json!(format!("events[0].invocation{field}")), json!(code));
        let named =
            details.iter().any(|detail| (&detail["field"], &detail["code"]) == (&expect.0, &expect.1));
        assert!(refused.status == StatusCode::BAD_REQUEST && named, "{sent}: {}", refused.body);
    }
    assert_eq!(health_of(&server).await[1], "starting", "nothing was stored");
}

#[actix_web::test]
async fn streams_that_differ_from_their_entries_are_listed_for_workers() {
    let store = Arc::new(Model::default());
    let server = indexing(store.clone());
    let get = |path: &str| TestRequest::get().uri(path).insert_header(("x-indexer-worker-token", SECRET));
    let none = server.send(get("/internal/indexer/drifts")).await;
    assert_eq!((none.status, none.body), (StatusCode::OK, json!({ "driftCount": 0, "drifts": [] })));
    let field = |name: &str| DriftedField { name: name.to_owned(), ours: json!("7"), theirs: json!(null) };
    let drift = |number| ComparedEntry {
        stream: StreamId::parse(&format!("{CONTRACT}-{number}")).unwrap(),
        ledger: 5,
        fields: vec![field("kind"), field("end_time")],
    };
    store.record_comparisons(&[drift(1), drift(0)]).await.unwrap();
    let listed = server.send(get("/internal/indexer/drifts?limit=1")).await.body;
    let fields = json!([
        { "name": "kind", "ours": "7", "theirs": null },
        { "name": "end_time", "ours": "7", "theirs": null },
    ]);
    let expect = json!({ "streamId": format!("{CONTRACT}-0"), "ledger": 5, "fields": fields });
    let next = format!("{CONTRACT}-0");
    assert_eq!(listed, json!({ "driftCount": 2, "drifts": [expect], "next": next }));
    // Entries that nothing proves can be long: a page ends with the one that makes it larger than a mebibyte.
    let long = |number| {
        let theirs = json!("x".repeat(60_000));
        ComparedEntry { fields: vec![DriftedField { theirs, ..field("kind") }], ..drift(number) }
    };
    store.record_comparisons(&(0..40).map(long).collect::<Vec<_>>()).await.unwrap();
    let (mut after, mut lengths) = (String::new(), Vec::new());
    loop {
        let page = server.send(get(&format!("/internal/indexer/drifts?limit=100{after}"))).await;
        assert!(page.text.len() < 1_200_000, "{} bytes", page.text.len());
        lengths.push(page.body["drifts"].as_array().unwrap().len());
        let Some(next) = page.body["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(lengths, [18, 18, 4]);
    let refused = server.send(get("/internal/indexer/drifts?after=1")).await;
    assert_eq!(refused.body["error"]["details"][0]["field"], "after");
    let refused = server.send(get("/internal/indexer/drifts?limit=0")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let anonymous = server.send(TestRequest::get().uri("/internal/indexer/drifts")).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
}
