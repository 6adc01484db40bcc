//! The profile for the SDKs.

use super::*;

const STREAMS: &str = "/compat/backend/api/streams";

fn create(body: &Value, key: &str) -> TestRequest {
    TestRequest::post().uri(STREAMS).insert_header(("idempotency-key", key)).set_json(body)
}

#[actix_web::test]
async fn a_stream_is_created_once_for_a_key_and_a_reused_key_is_a_conflict() {
    let server = Server::new();
    let body = stream(json!({"endTime": 0}));
    let created = server.send(create(&body, "one")).await;
    assert_eq!((created.status, &created.body["success"]), (StatusCode::CREATED, &json!(true)));
    let data = &created.body["data"];
    assert_eq!((&data["status"], &data["endTime"]), (&json!("active"), &json!(START + 100)), "{data}");
    assert_eq!(created.body["meta"]["idempotencyReplayed"], false);
    assert_eq!(created.body["meta"]["requestId"], header(&created, "x-request-id"));

    let again = server.send(create(&body, "one")).await;
    assert_eq!((again.status, &again.body["data"]), (StatusCode::CREATED, data));
    assert_eq!(again.body["meta"]["idempotencyReplayed"], true);
    // The key belongs to the same request at either path.
    let native = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", "one"));
    let native = server.send(native.set_json(stream(json!({})))).await;
    assert_eq!((native.status, header(&native, "idempotency-replayed")), (StatusCode::CREATED, "true"));
    assert_eq!(native.body["id"], data["id"]);

    let other = server.send(create(&stream(json!({"depositAmount": "7"})), "one")).await;
    assert_eq!(
        (other.status, &other.body["error"]["code"]),
        (StatusCode::CONFLICT, &json!("IDEMPOTENCY_CONFLICT"))
    );
    let invalid = server.send(create(&stream(json!({"endTime": 1})), "two")).await;
    assert_eq!(
        (invalid.status, &invalid.body["error"]["code"]),
        (StatusCode::BAD_REQUEST, &json!("VALIDATION_ERROR"))
    );
    assert_eq!(server.get("/api/streams?includeTotal=true").await.body["total"], 1);
}

#[actix_web::test]
async fn a_stream_is_read_under_its_name_and_cancelled_once() {
    let server = Server::new();
    let id = server.create(json!({})).await.rsplit('/').next().unwrap().to_owned();
    let read = server.get(&format!("{STREAMS}/{id}")).await;
    assert_eq!((&read.body["success"], &read.body["data"]["stream"]["id"]), (&json!(true), &json!(id)));
    for path in [format!("{STREAMS}/{id}"), format!("{STREAMS}/{id}/poll")] {
        let cancelled = server.send(TestRequest::delete().uri(&path)).await;
        if cancelled.status == StatusCode::OK {
            assert_eq!(cancelled.body["data"], json!({"message": "Stream cancelled", "id": id}));
        } else {
            assert_eq!(
                (cancelled.status, &cancelled.body["error"]["code"]),
                (StatusCode::CONFLICT, &json!("CONFLICT"))
            );
        }
    }
    let other = server.create(json!({})).await.rsplit('/').next().unwrap().to_owned();
    let cancelled = server.send(TestRequest::delete().uri(&format!("{STREAMS}/{other}/poll"))).await;
    assert_eq!((cancelled.status, &cancelled.body["data"]["id"]), (StatusCode::OK, &json!(other)));
    for id in [&id, &other] {
        assert_eq!(
            server.get(&format!("{STREAMS}/{id}")).await.body["data"]["stream"]["status"],
            "cancelled"
        );
    }
    assert_eq!(server.get(&format!("{STREAMS}/none")).await.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn pages_are_read_to_the_end_in_the_form_of_either_sdk() {
    let server = Server::new();
    for _ in 0..5 {
        server.create(json!({})).await;
    }
    for agent in ["FluxoraTypeScriptSDK/0.1.0", "FluxoraPythonSDK/0.1.0"] {
        let (mut ids, mut cursor) = (Vec::new(), String::new());
        loop {
            let uri = format!("{STREAMS}?limit=2&include_total=true&status=active{cursor}");
            let page = server.send(TestRequest::get().uri(&uri).insert_header(("user-agent", agent))).await;
            assert_eq!(page.status, StatusCode::OK, "{}", page.text);
            assert!(header(&page, "vary").contains("user-agent"));
            let (data, meta) = (&page.body["data"], &page.body["meta"]);
            let streams = if agent.contains("Python") { data } else { &data["streams"] };
            ids.extend(
                streams.as_array().unwrap().iter().map(|stream| stream["id"].as_str().unwrap().to_owned()),
            );
            assert_eq!(meta["total"], 5);
            if !agent.contains("Python") {
                assert_eq!(
                    (&data["total"], &data["has_more"]),
                    (&json!(5), &json!(meta["next_cursor"].is_string()))
                );
                assert_eq!(data["next_cursor"], meta["next_cursor"]);
            }
            match meta["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        ids.dedup();
        assert_eq!(ids.len(), 5, "{agent}");
    }
    let without = server.get(&format!("{STREAMS}?include_total=false")).await;
    assert_eq!(without.body["data"].get("total"), None);
    let refused = server.get(&format!("{STREAMS}?includeTotal=true")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn events_are_polled_from_where_the_answer_before_ended() {
    let server = Server::new();
    let id = server.create(json!({})).await.rsplit('/').next().unwrap().to_owned();
    let poll = |since: &str| format!("{STREAMS}/{id}/poll?timeout=0{since}");
    let first = server.get(&poll("")).await.body["data"].take();
    assert_eq!(
        (first["events"].as_array().unwrap().len(), &first["has_more"]),
        (1, &json!(false)),
        "{first}"
    );
    assert_eq!(first["events"][0]["type"], "stream.created");
    let since = format!("&since={}", first["since"].as_str().unwrap());
    assert_eq!(server.get(&poll(&since)).await.body["data"]["events"], json!([]));
    server.send(TestRequest::delete().uri(&format!("/api/streams/{id}"))).await;
    let next = server.get(&poll(&since)).await.body["data"].take();
    assert_eq!(next["events"][0]["type"], "stream.cancelled", "{next}");
    for (query, status) in [("&since=99", 400), ("&since=x", 400), ("&since=-1", 400)] {
        assert_eq!(server.get(&poll(query)).await.status.as_u16(), status, "{query}");
    }
    assert_eq!(server.get(&format!("{STREAMS}/none/poll")).await.status, StatusCode::NOT_FOUND);
}
