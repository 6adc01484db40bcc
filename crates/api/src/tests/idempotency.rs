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

#[actix_web::test]
async fn a_clock_that_is_not_confirmed_expires_no_stored_response() {
    const YEAR: i64 = 365 * 24 * 60 * 60;
    let server = Server::new();
    let request = |key: &'static str, end: Option<i64>| {
        let request = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", key));
        request.set_json(stream(json!({ "endTime": end })))
    };
    let requests = || [request("open", None), request("ends", Some(START + 2))];
    let mut first = Vec::new();
    for request in requests() {
        first.push(server.send(request).await.body);
    }
    server.clock.doubt();
    server.clock.advance(YEAR);
    for (request, first) in requests().into_iter().zip(&first) {
        let again = server.send(request).await;
        assert_eq!((again.status, &again.body), (StatusCode::CREATED, first));
        assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    }
    // A record of an unconfirmed instant is found after the clock was corrected.
    let late = server.send(request("late", None)).await;
    server.clock.advance(-YEAR);
    assert_eq!(server.send(request("late", None)).await.body, late.body);
}
