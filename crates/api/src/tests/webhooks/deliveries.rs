//! Deliveries: listed, read and sent again.

use super::*;

#[actix_web::test]
async fn a_delivery_is_shown_with_its_body_and_its_attempts() {
    let (server, store) = Server::with_model();
    let endpoint = server.endpoint(json!({})).await;
    let stream = server.create(json!({})).await;
    server.clock.advance(2);
    assert_eq!(server.deliver(&store, OutcomeCode::HttpStatus).await, 1);
    let list = server.get(DELIVERIES).await.body;
    let listed = &list["deliveries"][0];
    let id = listed["id"].as_str().unwrap();
    assert_eq!(
        list,
        json!({
            "deliveries": [{
                "id": id,
                "endpointId": endpoint["id"],
                "owner": null,
                "type": "stream.created",
                "streamId": stream.rsplit('/').next().unwrap(),
                "sequence": 1,
                "status": "dead",
                "reason": "exhausted",
                "attemptCount": 1,
                "createdAt": "2026-01-01T00:00:02.250Z",
                "nextAttemptAt": null,
                "settledAt": "2026-01-01T00:00:02.250Z",
            }],
            "hasMore": false,
        })
    );
    let read = server.get(&format!("{DELIVERIES}/{}", id.to_uppercase())).await.body;
    for (field, value) in listed.as_object().unwrap() {
        assert_eq!(&read[field], value, "{field}");
    }
    assert_eq!(
        read["attempts"],
        json!([{
            "number": 1,
            "outcome": "http_status",
            "status": 418,
            "startedAt": "2026-01-01T00:00:02.250Z",
            "durationMs": 12,
            "responseExcerpt": "short and \u{fffd} stout",
            "worker": "worker",
            "claim": 1,
            "connectionReused": false,
            "phases": { "dnsUs": null, "connectUs": null, "tlsUs": null, "firstByteUs": null },
        }])
    );
    let event = &server.get("/api/events").await.body["events"][0];
    let mut body = read["body"].clone();
    assert_eq!(body.as_object_mut().unwrap().remove("delivery_id").unwrap(), id);
    assert_eq!(&body, event);
}

#[actix_web::test]
async fn filters_leave_in_what_they_name_and_pages_follow_them() {
    let (server, store) = Server::with_model();
    let one = server.endpoint(json!({})).await["id"].as_str().unwrap().to_owned();
    let other = server.endpoint(json!({ "filter": { "types": ["stream.cancelled"] } })).await;
    let other = other["id"].as_str().unwrap();
    let first = server.create(json!({})).await;
    server.clock.advance(10);
    server.create(json!({})).await;
    server.delete(&first).await;
    server.deliver(&store, OutcomeCode::Delivered).await;
    let stream = first.rsplit('/').next().unwrap();
    for (query, expect) in [
        ("", 4),
        (&format!("endpointId={one}"), 3),
        (&format!("endpointId={other}"), 1),
        (&format!("endpointId={NOWHERE}"), 0),
        ("status=delivered", 3),
        ("status=pending", 1),
        ("status=dead", 0),
        ("type=stream.created", 2),
        ("type=stream.cancelled", 2),
        (&format!("streamId={stream}"), 3),
        (&format!("streamId={stream}&type=stream.cancelled&endpointId={other}"), 1),
        ("createdFrom=2026-01-01T00:00:10.250Z", 4),
        ("createdUntil=2026-01-01T00:00:10.250Z", 0),
    ] {
        let (mut path, mut ids) = (format!("{DELIVERIES}?limit=1&{query}"), Vec::new());
        loop {
            let page = server.get(&path).await.body;
            ids.extend(page["deliveries"].as_array().unwrap().iter().map(|one| one["id"].to_string()));
            assert_eq!(page["hasMore"], page.get("nextCursor").is_some());
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            let elsewhere = server.get(&format!("{DELIVERIES}?type=stream.closed&cursor={cursor}")).await;
            assert_eq!(faults(&elsewhere), [("cursor", "INVALID_CURSOR")]);
            path = format!("{DELIVERIES}?limit=1&{query}&cursor={cursor}");
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), expect, "{query}");
    }
}

#[actix_web::test]
async fn a_settled_delivery_is_sent_again_under_its_id() {
    let (server, store) = Server::with_model();
    server.endpoint(json!({})).await;
    server.create(json!({})).await;
    server.deliver(&store, OutcomeCode::HttpStatus).await;
    let id = server.get(DELIVERIES).await.body["deliveries"][0]["id"].as_str().unwrap().to_owned();
    let again = server.act(&format!("{DELIVERIES}/{id}/replay")).await;
    assert_eq!(
        (again.status, &again.body["status"], &again.body["id"]),
        (StatusCode::OK, &json!("pending"), &json!(id))
    );
    assert_eq!(again.body["nextAttemptAt"], "2026-01-01T00:00:00.250Z");
    assert_eq!(code(&server.act(&format!("{DELIVERIES}/{id}/replay")).await), (409, "CONFLICT"));
    server.deliver(&store, OutcomeCode::Delivered).await;
    let read = server.get(&format!("{DELIVERIES}/{id}")).await.body;
    assert_eq!((&read["status"], &read["attemptCount"]), (&json!("delivered"), &json!(2)));
    let numbers: Vec<_> =
        read["attempts"].as_array().unwrap().iter().map(|one| one["number"].clone()).collect();
    assert_eq!(numbers, [1, 2]);
}

#[actix_web::test]
async fn a_delivery_is_sent_again_under_another_id_once_for_each_key() {
    let (server, store) = Server::with_model();
    server.endpoint(json!({})).await;
    server.create(json!({})).await;
    server.deliver(&store, OutcomeCode::Delivered).await;
    let id = server.get(DELIVERIES).await.body["deliveries"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("{DELIVERIES}/{id}/replay");
    let send = async |key: &'static str| {
        let request = TestRequest::post().uri(&path).insert_header(("idempotency-key", key));
        server.send(request.set_json(json!({ "freshId": true }))).await
    };
    let first = send("a").await;
    assert_eq!((first.status, &first.body["replayOf"]), (StatusCode::OK, &json!(id)));
    assert_eq!((&first.body["status"], &first.body["attemptCount"]), (&json!("pending"), &json!(0)));
    let again = send("a").await;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body));
    assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    assert_ne!(send("b").await.body["id"], first.body["id"]);
    let read = server.get(&format!("{DELIVERIES}/{}", first.body["id"].as_str().unwrap())).await.body;
    assert_eq!(read["body"]["delivery_id"], first.body["id"], "the signed body has the new id");
    assert_eq!(server.get(&format!("{DELIVERIES}/{id}")).await.body["status"], "delivered");
    let wrong = server.post_to(&path, &json!({ "freshId": 1, "force": true })).await;
    assert_eq!(faults(&wrong), [("freshId", "INVALID_TYPE"), ("force", "UNKNOWN_FIELD")]);
}

#[actix_web::test]
async fn a_notice_about_an_endpoint_is_a_delivery_without_a_stream() {
    let (server, store) = Server::with_model();
    let held = server.endpoint(json!({})).await["id"].clone();
    let other =
        server.endpoint(json!({ "endpointNotices": true, "filter": { "types": ["stream.closed"] } })).await;
    server.create(json!({})).await;
    let now = server.clock.now();
    store.fan_out(9, now).await.unwrap();
    let (policy, lease) = (DeliveryPolicy::default(), SignedDuration::from_secs(30));
    let claimed = store.claim("worker", 9, lease, &policy, now).await.unwrap().deliveries.remove(0);
    let result = AttemptResult::new(OutcomeCode::HttpStatus, now, SignedDuration::ZERO).with_status(410);
    let settlement = Settlement { fence: claimed.fence, result, jitter: Jitter::NONE };
    store.settle(vec![settlement], &policy, now).await.unwrap();
    store.fan_out(9, now).await.unwrap();
    let notice = server.get(DELIVERIES).await.body["deliveries"][0].clone();
    assert_eq!((&notice["type"], &notice["endpointId"]), (&json!("endpoint.held"), &other["id"]));
    assert_eq!((&notice["streamId"], &notice["sequence"]), (&Value::Null, &Value::Null));
    assert_eq!(notice["aboutEndpointId"], held);
    let read = server.get(&format!("{DELIVERIES}/{}", notice["id"].as_str().unwrap())).await.body;
    assert_eq!(read["body"]["data"]["reason"], "gone");
}

#[actix_web::test]
async fn a_dead_delivery_that_blocks_its_stream_is_shown_so_and_can_be_skipped_once() {
    let (server, store) = Server::with_model();
    server.endpoint(json!({ "onDead": "block", "maxLaneBlockSeconds": 3_600, "failFast": true })).await;
    let stream = server.create(json!({})).await;
    server.delete(&stream).await;
    server.deliver(&store, OutcomeCode::HttpStatus).await;
    let list = server.get(DELIVERIES).await.body;
    let [waiting, dead] = [0, 1].map(|n| list["deliveries"][n].clone());
    assert_eq!((&dead["status"], &dead["blocksUntil"]), (&json!("dead"), &json!("2026-01-01T01:00:00.250Z")));
    assert_eq!(waiting["nextAttemptAt"], "2026-01-01T01:00:00.250Z");
    let skip = |delivery: &Value| format!("{DELIVERIES}/{}/skip", delivery["id"].as_str().unwrap());
    let skipped = server.act(&skip(&dead)).await;
    assert_eq!((skipped.status, &skipped.body["status"]), (StatusCode::OK, &json!("dead")));
    assert_eq!(skipped.body.get("blocksUntil"), None);
    assert_eq!(code(&server.act(&skip(&dead)).await), (409, "CONFLICT"));
    let list = server.get(DELIVERIES).await.body;
    assert_eq!(list["deliveries"][0]["nextAttemptAt"], "2026-01-01T00:00:00.250Z");
}

#[actix_web::test]
async fn an_attempt_is_shown_with_its_address_its_phases_and_what_followed() {
    let (server, store) = Server::with_model();
    server.endpoint(json!({})).await;
    server.create(json!({})).await;
    let now = server.clock.now();
    store.fan_out(9, now).await.unwrap();
    let policy = DeliveryPolicy::default();
    let lease = SignedDuration::from_secs(30);
    let claimed = store.claim("host-1", 9, lease, &policy, now).await.unwrap().deliveries.remove(0);
    let microseconds = |n| Some(SignedDuration::from_micros(n));
    let exchange = fluxora_delivery::Exchange {
        address: Some("203.0.113.7:443".parse().unwrap()),
        tls: Some(fluxora_delivery::TlsVersion::V1_3),
        is_reused: true,
        dns: microseconds(1_500),
        connect: microseconds(2_500),
        handshake: microseconds(3_500),
        first_byte: None,
        failed_in: Some(fluxora_delivery::Phase::Head),
        location: None,
    };
    let result = AttemptResult::new(OutcomeCode::Timeout, now, SignedDuration::from_secs(10));
    let result = result.with_exchange(exchange.with_location("https://elsewhere.example/"));
    let settlement = Settlement { fence: claimed.fence, result, jitter: Jitter::NONE };
    store.settle(vec![settlement], &policy, now).await.unwrap();
    let read = server.get(&format!("{DELIVERIES}/{}", claimed.delivery.id)).await.body;
    assert_eq!(
        read["attempts"],
        json!([{
            "number": 1,
            "outcome": "timeout",
            "status": null,
            "startedAt": "2026-01-01T00:00:00.250Z",
            "durationMs": 10_000,
            "worker": "host-1",
            "claim": 1,
            "nextAttemptAt": "2026-01-01T00:00:05.250Z",
            "address": "203.0.113.7:443",
            "tlsVersion": "1.3",
            "connectionReused": true,
            "phases": { "dnsUs": 1_500, "connectUs": 2_500, "tlsUs": 3_500, "firstByteUs": null },
            "failedIn": "head",
            "location": "https://elsewhere.example/",
        }])
    );
}

#[actix_web::test]
async fn an_unknown_delivery_is_not_found() {
    let server = Server::new();
    for id in [NOWHERE, "nonsense"] {
        assert_eq!(code(&server.get(&format!("{DELIVERIES}/{id}")).await), (404, "NOT_FOUND"));
        for action in ["replay", "skip"] {
            assert_eq!(code(&server.act(&format!("{DELIVERIES}/{id}/{action}")).await), (404, "NOT_FOUND"));
        }
    }
}
