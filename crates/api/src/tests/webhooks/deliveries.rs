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
async fn an_unknown_delivery_is_not_found() {
    let server = Server::new();
    for id in [NOWHERE, "nonsense"] {
        assert_eq!(code(&server.get(&format!("{DELIVERIES}/{id}")).await), (404, "NOT_FOUND"));
        assert_eq!(code(&server.act(&format!("{DELIVERIES}/{id}/replay")).await), (404, "NOT_FOUND"));
    }
}
