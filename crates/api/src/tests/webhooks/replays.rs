//! Replays: jobs that send settled deliveries again.

use super::*;

#[actix_web::test]
async fn a_replay_sends_what_its_filter_names_and_shows_its_progress() {
    let (server, store) = Server::with_model();
    let endpoint = server.endpoint(json!({})).await["id"].clone();
    let stream = server.create(json!({})).await;
    server.create(json!({})).await;
    server.deliver(&store, OutcomeCode::HttpStatus).await;
    let asked = json!({
        "endpointId": endpoint,
        "statuses": ["dead"],
        "types": ["stream.created"],
        "streamId": stream.rsplit('/').next().unwrap(),
        "createdFrom": "2026-01-01T00:00:00Z",
        "createdUntil": "2026-01-02T00:00:00Z",
        "fromSequence": 1,
        "toSequence": 2,
    });
    let created = server.post_to(REPLAYS, &asked).await;
    let id = created.body["id"].as_str().unwrap();
    let path = format!("{REPLAYS}/{id}");
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    assert_eq!(created.headers.get("location").unwrap(), path.as_str());
    let mut expect = json!({
        "id": id,
        "endpointId": endpoint,
        "status": "running",
        "filter": {
            "statuses": ["dead"],
            "types": ["stream.created"],
            "streamId": asked["streamId"],
            "createdFrom": "2026-01-01T00:00:00.000Z",
            "createdUntil": "2026-01-02T00:00:00.000Z",
            "fromSequence": 1,
            "toSequence": 2,
        },
        "freshIds": false,
        "total": 1,
        "replayed": 0,
        "createdAt": "2026-01-01T00:00:00.250Z",
        "finishedAt": null,
    });
    assert_eq!(created.body, expect);
    assert_eq!(server.get(&path).await.body, expect);
    store.run_replay(100, server.clock.now()).await.unwrap();
    expect["status"] = json!("done");
    expect["replayed"] = json!(1);
    expect["finishedAt"] = json!("2026-01-01T00:00:00.250Z");
    assert_eq!(server.get(&path).await.body, expect);
    assert_eq!(server.get(REPLAYS).await.body, json!({ "replays": [expect], "hasMore": false }));
    let pending = server.get(&format!("{DELIVERIES}?status=pending")).await.body;
    assert_eq!(pending["deliveries"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_replay_of_what_is_missing_shows_how_far_it_has_looked_and_sends_under_new_ids() {
    let (server, store) = Server::with_model();
    server.create(json!({})).await;
    let endpoint = server.endpoint(json!({})).await["id"].clone();
    let asked = json!({ "endpointId": endpoint, "missing": true, "fromSequence": 1, "freshIds": true });
    store.fan_out(9, server.clock.now()).await.unwrap();
    let created = server.post_to(REPLAYS, &asked).await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.body);
    let shown = |replay: &Value| {
        ["filter", "freshIds", "total", "searchedTo", "searchEnd", "replayed"]
            .map(|name| replay[name].clone())
    };
    let filter = json!({ "statuses": [], "types": [], "fromSequence": 1, "missing": true });
    let expect = [filter.clone(), json!(true), Value::Null, json!(0), json!(1), json!(0)];
    assert_eq!(shown(&created.body), expect);
    store.run_replay(100, server.clock.now()).await.unwrap();
    let done = server.get(&format!("{REPLAYS}/{}", created.body["id"].as_str().unwrap())).await.body;
    assert_eq!(shown(&done), [filter, json!(true), Value::Null, json!(1), json!(1), json!(1)]);
    let pending = server.get(&format!("{DELIVERIES}?status=pending")).await.body["deliveries"][0].clone();
    let original = server.get(&format!("{DELIVERIES}?status=cancelled")).await.body["deliveries"][0].clone();
    assert_eq!(pending["replayOf"], original["id"], "the delivery that the event should have had");
}

#[actix_web::test]
async fn a_replay_sends_the_deliveries_that_it_names() {
    let (server, store) = Server::with_model();
    let endpoint = server.endpoint(json!({})).await["id"].clone();
    for _ in 0..3 {
        server.create(json!({})).await;
    }
    server.deliver(&store, OutcomeCode::Delivered).await;
    let listed = server.get(DELIVERIES).await.body;
    let ids = [0, 2].map(|n| listed["deliveries"][n]["id"].as_str().unwrap().to_owned());
    let asked = json!({ "endpointId": endpoint, "deliveryIds": [ids[0].to_uppercase(), ids[1], ids[0]] });
    let created = server.post_to(REPLAYS, &asked).await.body;
    assert_eq!((&created["total"], &created["filter"]["deliveryIds"]), (&json!(2), &json!(ids)));
    store.run_replay(1, server.clock.now()).await.unwrap();
    let pending = server.get(&format!("{DELIVERIES}?status=pending")).await.body;
    let pending: Vec<_> = pending["deliveries"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
    assert_eq!(pending, [&json!(ids[0]), &json!(ids[1])]);
}

#[actix_web::test]
async fn a_cancelled_replay_stays_cancelled_and_one_that_is_done_stays_done() {
    let (server, store) = Server::with_model();
    let endpoint = server.endpoint(json!({})).await["id"].clone();
    let asked = json!({ "endpointId": endpoint });
    let start = async || {
        let created = server.post_to(REPLAYS, &asked).await.body;
        format!("{REPLAYS}/{}", created["id"].as_str().unwrap())
    };
    let first = start().await;
    for _ in 0..2 {
        let cancelled = server.act(&format!("{first}/cancel")).await;
        assert_eq!((cancelled.status, &cancelled.body["status"]), (StatusCode::OK, &json!("cancelled")));
    }
    let second = start().await;
    store.run_replay(1, server.clock.now()).await.unwrap();
    assert_eq!(server.act(&format!("{second}/cancel")).await.body["status"], "done");
}

#[actix_web::test]
async fn replays_are_listed_newest_first_by_endpoint_and_page() {
    let server = Server::new();
    let endpoints =
        [server.endpoint(json!({})).await["id"].clone(), server.endpoint(json!({})).await["id"].clone()];
    let mut ids = Vec::new();
    for endpoint in [&endpoints[0], &endpoints[1], &endpoints[0]] {
        ids.push(server.post_to(REPLAYS, &json!({ "endpointId": endpoint })).await.body["id"].clone());
    }
    for (query, expect) in [
        (String::new(), vec![&ids[2], &ids[1], &ids[0]]),
        (format!("endpointId={}&", endpoints[0].as_str().unwrap()), vec![&ids[2], &ids[0]]),
    ] {
        let (mut path, mut seen) = (format!("{REPLAYS}?{query}limit=1"), Vec::new());
        loop {
            let page = server.get(&path).await.body;
            seen.extend(page["replays"].as_array().unwrap().iter().map(|replay| replay["id"].clone()));
            let Some(cursor) = page["nextCursor"].as_str() else { break };
            path = format!("{REPLAYS}?{query}limit=1&cursor={cursor}");
        }
        assert_eq!(seen.iter().collect::<Vec<_>>(), expect);
    }
}

#[actix_web::test]
async fn a_repeated_replay_starts_nothing() {
    let server = Server::new();
    let endpoint = server.endpoint(json!({})).await["id"].clone();
    let send = async |body: Value| {
        let request = TestRequest::post().uri(REPLAYS).insert_header(("idempotency-key", "k"));
        server.send(request.set_json(body)).await
    };
    let first = send(json!({ "endpointId": endpoint })).await;
    let again = send(json!({ "endpointId": endpoint, "types": [] })).await;
    assert_eq!((first.status, &first.body), (StatusCode::CREATED, &again.body));
    assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    let other = send(json!({ "endpointId": endpoint, "types": ["stream.closed"] })).await;
    assert_eq!(code(&other), (422, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(server.get(REPLAYS).await.body["replays"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn an_unknown_replay_or_endpoint_is_not_found() {
    let server = Server::new();
    for id in [NOWHERE, "nonsense"] {
        assert_eq!(code(&server.get(&format!("{REPLAYS}/{id}")).await), (404, "NOT_FOUND"));
        assert_eq!(code(&server.act(&format!("{REPLAYS}/{id}/cancel")).await), (404, "NOT_FOUND"));
    }
    let unknown = server.post_to(REPLAYS, &json!({ "endpointId": NOWHERE })).await;
    assert_eq!(code(&unknown), (404, "NOT_FOUND"));
}
