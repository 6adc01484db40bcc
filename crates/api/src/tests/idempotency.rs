//! Requests with an `Idempotency-Key`.

use super::*;

#[actix_web::test]
async fn a_repeated_key_gets_the_stored_response_for_24_hours() {
    let server = Server::new();
    let request = |deposit: &str| {
        let request = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", "k"));
        request.set_json(stream(json!({ "depositAmount": deposit })))
    };
    let first = server.send(request("100")).await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    server.clock.advance(24 * 60 * 60);
    let again = server.send(request("100")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    assert_eq!(again.headers.get("location"), first.headers.get("location"));
    let other = server.send(request("99")).await;
    assert_eq!(other.body["error"]["code"], "IDEMPOTENCY_KEY_REUSED");
    server.clock.advance(1);
    assert_eq!(server.send(request("99")).await.status, StatusCode::CREATED);
}

#[actix_web::test]
async fn a_repetition_gets_the_stored_response_after_its_times_have_passed() {
    let server = Server::new();
    let request = |end: i64| {
        let request = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", "k"));
        request.set_json(stream(json!({ "endTime": end })))
    };
    let first = server.send(request(START + 2)).await;
    assert_eq!(first.status, StatusCode::CREATED);
    server.clock.advance(60);
    let again = server.send(request(START + 2)).await;
    assert_eq!((again.status, &again.body), (StatusCode::CREATED, &first.body));
    assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    let other = server.send(request(START + 3)).await;
    assert_eq!(other.body["error"]["details"][0]["code"], "END_NOT_AFTER_START");
    for (more, code) in
        [(json!({ "startTime": "soon" }), "INVALID_TYPE"), (json!({ "bogus": 1 }), "UNKNOWN_FIELD")]
    {
        let mut body = stream(json!({ "endTime": START + 2 }));
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let request = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", "k"));
        let malformed = server.send(request.set_json(body)).await;
        assert_eq!(malformed.status, StatusCode::BAD_REQUEST, "no answer for what was never asked");
        assert!(malformed.body.to_string().contains(code), "{}", malformed.body);
    }
    server.clock.advance(24 * 60 * 60);
    let forgotten = server.send(request(START + 2)).await;
    assert_eq!(forgotten.body["error"]["details"][0]["code"], "END_NOT_AFTER_START");
}
