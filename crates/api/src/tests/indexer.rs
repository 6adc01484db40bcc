//! The routes of the indexer, and its member of `/health`.

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

#[actix_web::test]
async fn indexer_routes_report_that_storage_is_unavailable() {
    let away: Fault = || StoreError::Unavailable { reason: "disk".into(), source: None };
    let server = indexing(Arc::new(FailingStore(away)));
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
