//! The log level, read and changed by an operator.

use super::*;

const TOKEN: &str = "an-operator-token-of-32-characters";
const PATH: &str = "/api/admin/log-level";

fn as_operator(request: TestRequest) -> TestRequest {
    request.uri(PATH).insert_header(("x-operator-token", TOKEN))
}

async fn change(server: &Server, body: Value) -> Answered {
    server.send(as_operator(TestRequest::put()).set_json(body)).await
}

#[actix_web::test]
async fn an_operator_changes_the_level_for_a_time_or_for_good() {
    let server = Server::with(Arc::new(Model::default()), Writes::Open, Some(TOKEN));
    let read = || async { server.send(as_operator(TestRequest::get())).await.body };
    assert_eq!(read().await, json!({ "level": "info", "configured": "info", "until": null }));
    let changed = change(&server, json!({ "level": "debug", "forSeconds": 60 })).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let expect = json!({ "level": "debug", "configured": "info", "until": "2026-01-01T00:01:00.000Z" });
    assert_eq!((&changed.body, read().await), (&expect, expect.clone()));
    let changed = change(&server, json!({ "level": "warn" })).await;
    assert_eq!(changed.body, json!({ "level": "warn", "configured": "info", "until": null }));
}

#[actix_web::test]
async fn a_wrong_level_or_time_changes_nothing() {
    let server = Server::with(Arc::new(Model::default()), Writes::Open, Some(TOKEN));
    for (body, field, code) in [
        (json!({}), "level", "REQUIRED"),
        (json!({ "level": "loud" }), "level", "INVALID_VALUE"),
        (json!({ "level": 3 }), "level", "INVALID_TYPE"),
        (json!({ "level": "info", "forSeconds": 0 }), "forSeconds", "OUT_OF_RANGE"),
        (json!({ "level": "info", "forSeconds": 86_401 }), "forSeconds", "OUT_OF_RANGE"),
    ] {
        let refused = change(&server, body).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
        let fault = &refused.body["error"]["details"][0];
        assert_eq!((&fault["field"], &fault["code"]), (&json!(field), &json!(code)), "{}", refused.text);
    }
    let read = server.send(as_operator(TestRequest::get())).await;
    assert_eq!(read.body["level"], "info");
}
