//! Streams as time goes on: reads, lists and the past.

use super::*;

#[actix_web::test]
async fn a_stream_accrues_with_time_and_completes_at_its_end() {
    let server = Server::new();
    let path = server.create(json!({ "startTime": START + 10 })).await;
    for (advance, status, streamed) in [
        (0, "scheduled", "0"),
        (10, "active", "0"),
        (40, "active", "40"),
        (60, "completed", "100"),
        (9, "completed", "100"),
    ] {
        server.clock.advance(advance);
        let now = server.get(&path).await.body;
        assert_eq!((now["status"].as_str(), now["streamedAmount"].as_str()), (Some(status), Some(streamed)));
    }
}

#[actix_web::test]
async fn a_stream_has_its_phase_and_the_next_one_that_time_brings() {
    let server = Server::new();
    let path = server.create(json!({ "startTime": START + 10 })).await;
    let (start, end) = (START + 10, START + 110);
    for (at, phase, next) in [
        (START, "scheduled", json!(["streaming", start])),
        (start, "streaming", json!(["settled", end])),
        (end - 1, "streaming", json!(["settled", end])),
        (end, "settled", json!([null, null])),
    ] {
        let body = server.get(&format!("{path}?at={at}")).await.body;
        assert_eq!(body["phase"], phase, "at {at}");
        assert_eq!(json!([body["nextPhase"], body["nextPhaseAt"]]), next, "at {at}");
    }
    server.clock.advance(20);
    let cancelled = server.send(TestRequest::delete().uri(&path)).await.body;
    assert_eq!((&cancelled["phase"], &cancelled["nextPhase"]), (&json!("cancelled_claimable"), &json!(null)));
    let listed = server.get("/api/streams").await.body;
    assert_eq!(listed["streams"][0]["phase"], "cancelled_claimable");
}

#[actix_web::test]
async fn the_list_shows_the_present_status() {
    let server = Server::new();
    server.create(json!({ "startTime": START + 10 })).await;
    for (advance, status) in [(0, "scheduled"), (10, "active"), (100, "completed")] {
        server.clock.advance(advance);
        for word in ["scheduled", "active", "paused", "completed", "cancelled"] {
            let page = server.get(&format!("/api/streams?status={word}&includeTotal=true")).await.body;
            assert_eq!(page["total"], u64::from(word == status), "{word} after {advance}");
            assert_eq!(page["streams"].as_array().unwrap().len(), usize::from(word == status));
        }
    }
}

#[actix_web::test]
async fn at_reads_the_history_in_the_past_and_the_terms_in_the_future() {
    let server = Server::new();
    let path = server.create(json!({ "startTime": START - 20 })).await;
    server.clock.advance(30);
    let cancelled = server.send(TestRequest::delete().uri(&path)).await.body;
    assert_eq!((&cancelled["streamedAmount"], &cancelled["refundedAmount"]), (&json!("50"), &json!("50")));
    for (at, expect) in [
        (START - 1, None),
        (START, Some(("active", "20", "80", "0"))),
        (START + 29, Some(("active", "49", "51", "0"))),
        (START + 30, Some(("cancelled", "50", "0", "50"))),
        (START + 1_000, Some(("cancelled", "50", "0", "50"))),
    ] {
        let answered = server.get(&format!("{path}?at={at}")).await;
        let Some((status, streamed, remaining, refunded)) = expect else {
            assert_eq!(answered.status, StatusCode::NOT_FOUND);
            continue;
        };
        let body = answered.body;
        assert_eq!(body["status"], status, "at {at}");
        assert_eq!(body["streamedAmount"], streamed, "at {at}");
        assert_eq!(body["remainingAmount"], remaining, "at {at}");
        assert_eq!(body["refundedAmount"], refunded, "at {at}");
        assert_eq!(body["asOf"], at);
        assert_eq!(body.get("cancelledAt").is_some(), status == "cancelled");
    }
}

#[actix_web::test]
async fn a_clock_that_jumps_back_shows_no_stream_before_its_last_event() {
    let server = Server::new();
    let path = server.create(json!({})).await;
    server.clock.advance(-100);
    let now = server.get(&path).await.body;
    assert_eq!((&now["asOf"], &now["streamedAmount"]), (&json!(START), &json!("0")));
    assert_eq!(server.get("/api/streams").await.body["streams"], json!([now]));
    let cancelled = server.send(TestRequest::delete().uri(&path)).await;
    assert_eq!((cancelled.status, &cancelled.body["refundedAmount"]), (StatusCode::OK, &json!("100")));
}
