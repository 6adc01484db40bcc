//! Refused requests, storage faults and error bodies.

use super::*;

const ENDPOINTS: &str = "/api/webhooks/endpoints";
const UUID: &str = "01930000-0000-7000-8000-000000000001";

#[actix_web::test]
async fn refused_writes_leave_reads_open() {
    let server = Server::over(Arc::new(Model::default()), Writes::Refused);
    let refused = server.post(&stream(json!({}))).await;
    assert_eq!(
        (refused.status, &refused.body["error"]["code"]),
        (StatusCode::FORBIDDEN, &json!("FORBIDDEN"))
    );
    let id = "/api/streams/01930000-0000-7000-8000-000000000001";
    assert_eq!(server.send(TestRequest::delete().uri(id)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(server.get("/api/streams").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_write_with_an_unknown_parameter_is_refused_and_writes_nothing() {
    let server = Server::new();
    let path = server.create(json!({})).await;
    for request in [
        TestRequest::delete().uri(&format!("{path}?at={}", START + 1_000)),
        TestRequest::post().uri("/api/streams?dryRun=true").set_json(stream(json!({}))),
    ] {
        let refused = server.send(request).await;
        assert_eq!(refused.body["error"]["details"][0]["code"], "UNKNOWN_FIELD");
    }
    let page = server.get("/api/streams?includeTotal=true").await.body;
    assert_eq!((&page["total"], &page["streams"][0]["status"]), (&json!(1), &json!("active")));
}

#[actix_web::test]
async fn each_storage_fault_has_its_code_and_shows_no_internals() {
    let unavailable = || StoreError::Unavailable { reason: "disk secret".into(), source: None };
    let corrupt = || {
        let row =
            CorruptRow { table: "streams", column: "rate", row: "7 secret".into(), reason: "secret".into() };
        StoreError::Corrupt(row)
    };
    let internal = || StoreError::Internal { reason: "SQL secret".into(), source: None };
    let overloaded = || StoreError::Overloaded;
    let faults: [(Fault, u16, &str, Option<&str>); 4] = [
        (overloaded, 503, "SERVICE_UNAVAILABLE", Some("1")),
        (unavailable, 503, "SERVICE_UNAVAILABLE", Some("5")),
        (corrupt, 500, "INTERNAL_ERROR", None),
        (internal, 500, "INTERNAL_ERROR", None),
    ];
    for (fault, status, code, retry_after) in faults {
        let server = Server::over(Arc::new(FailingStore::new(fault)), Writes::Open);
        let id = "/api/streams/01930000-0000-7000-8000-000000000001";
        for request in [
            TestRequest::get().uri(id),
            TestRequest::get().uri(&format!("{id}/events")),
            TestRequest::get().uri("/api/streams"),
            TestRequest::delete().uri(id),
            TestRequest::post().uri("/api/streams").set_json(stream(json!({}))),
            TestRequest::get().uri(&format!("{ENDPOINTS}/{UUID}")),
            TestRequest::get().uri(ENDPOINTS),
            TestRequest::post().uri(ENDPOINTS).set_json(json!({ "url": "https://example.com/" })),
            TestRequest::patch().uri(&format!("{ENDPOINTS}/{UUID}")).set_json(json!({})),
            TestRequest::delete().uri(&format!("{ENDPOINTS}/{UUID}")),
            TestRequest::post().uri(&format!("{ENDPOINTS}/{UUID}/secret/rotate")),
            TestRequest::post().uri(&format!("{ENDPOINTS}/{UUID}/test")),
            TestRequest::post().uri(&format!("{ENDPOINTS}/{UUID}/pause")),
            TestRequest::post().uri(&format!("{ENDPOINTS}/{UUID}/resume")),
            TestRequest::get().uri("/api/webhooks/deliveries"),
            TestRequest::get().uri(&format!("/api/webhooks/deliveries/{UUID}")),
            TestRequest::post().uri(&format!("/api/webhooks/deliveries/{UUID}/replay")),
            TestRequest::get().uri("/api/webhooks/replays"),
            TestRequest::post().uri("/api/webhooks/replays").set_json(json!({ "endpointId": UUID })),
            TestRequest::get().uri(&format!("/api/webhooks/replays/{UUID}")),
            TestRequest::post().uri(&format!("/api/webhooks/replays/{UUID}/cancel")),
        ] {
            let answered = server.send(request).await;
            assert_eq!((answered.status.as_u16(), &answered.body["error"]["code"]), (status, &json!(code)));
            let wait = answered.headers.get("retry-after").map(|value| value.to_str().unwrap());
            assert_eq!(wait, retry_after);
            assert!(!answered.body.to_string().contains("secret"), "{}", answered.body);
        }
        assert_eq!(server.get("/health").await.body["status"], "unavailable");
    }
}

#[actix_web::test]
async fn every_error_has_the_request_id_in_header_and_body() {
    let server = Server::new();
    for (method, path, status) in [
        (Method::GET, "/nowhere", 404),
        (Method::GET, "/api/streams/nobody", 404),
        (Method::PATCH, "/api/streams", 405),
        (Method::GET, "/api/streams?limit=0", 400),
    ] {
        let request = TestRequest::default().method(method).uri(path).insert_header(("x-request-id", "mine"));
        let answered = server.send(request).await;
        assert_eq!(answered.status.as_u16(), status);
        assert_eq!(answered.headers.get("x-request-id").unwrap(), "mine");
        assert_eq!(answered.headers.get("x-correlation-id").unwrap(), "mine");
        assert_eq!(answered.body["error"]["requestId"], "mine");
    }
}

#[actix_web::test]
async fn every_error_has_the_trace_of_the_sender_or_a_new_one() {
    let server = Server::new();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for path in ["/nowhere", "/api/streams/nobody", "/api/streams?limit=0"] {
        let request = TestRequest::get().uri(path);
        let sent = request.insert_header(("traceparent", format!("00-{trace}-b7ad6b7169203331-01")));
        assert_eq!(server.send(sent).await.body["error"]["traceId"], trace, "{path}");
        let answers = [server.get(path).await.body, server.get(path).await.body];
        let [one, other] = answers.map(|body| body["error"]["traceId"].as_str().unwrap().to_owned());
        assert!(one.len() == 32 && one != trace && one != other, "{one} {other}");
    }
}
