//! Requests of pages of other origins.

use super::*;
use crate::Cors;

const APP: &str = "https://app.example";
const OTHER: &str = "https://other.example";

fn server(origins: &str) -> Server {
    let unlimited = Limits::new(None, None, TrustedProxies::default(), RandomState::new());
    let cors = Cors::parse(origins).unwrap();
    Server::with_cors(
        Arc::new(Model::default()),
        Writes::Open,
        None,
        unlimited,
        Some(Policy::default()),
        cors,
    )
}

fn request(method: &str, path: &str, origin: &str) -> TestRequest {
    let method: Method = method.parse().unwrap();
    TestRequest::default().method(method).uri(path).insert_header(("origin", origin))
}

fn preflight(path: &str, origin: &str, method: &str) -> TestRequest {
    request("OPTIONS", path, origin).insert_header(("access-control-request-method", method))
}

fn header<'a>(answered: &'a Answered, name: &str) -> Option<&'a str> {
    answered.headers.get(name).map(|value| value.to_str().unwrap())
}

fn allowed(answered: &Answered) -> Option<&str> {
    header(answered, "access-control-allow-origin")
}

#[actix_web::test]
async fn without_the_setting_no_page_of_another_origin_is_let_in() {
    let server = server("");
    let answered = server.send(request("GET", "/api/streams", APP)).await;
    assert_eq!(
        (answered.status, allowed(&answered), header(&answered, "vary")),
        (StatusCode::OK, None, None)
    );
    let answered = server.send(preflight("/api/streams", APP, "POST")).await;
    assert_eq!((answered.status, allowed(&answered)), (StatusCode::METHOD_NOT_ALLOWED, None));
}

#[actix_web::test]
async fn a_page_of_a_listed_origin_reads_answers_and_errors_with_their_headers() {
    let server = server(APP);
    for (method, path, status) in [
        ("GET", "/api/streams", 200),
        ("GET", "/api/streams?limit=0", 400),
        ("GET", "/nowhere", 404),
        ("PATCH", "/api/streams", 405),
        ("POST", "/api/streams", 400),
        ("POST", "/internal/indexer/contract-events", 503),
    ] {
        let answered = server.send(request(method, path, APP)).await;
        assert_eq!((answered.status.as_u16(), allowed(&answered)), (status, Some(APP)), "{method} {path}");
        let exposed = header(&answered, "access-control-expose-headers").unwrap();
        for name in ["x-request-id", "retry-after", "location", "ratelimit"] {
            assert!(exposed.split(", ").any(|other| other == name), "{exposed}");
        }
        assert!(header(&answered, "vary").unwrap().contains("origin"));
        assert_eq!(header(&answered, "access-control-allow-credentials"), None);
        let answered = server.send(request(method, path, OTHER)).await;
        assert_eq!((answered.status.as_u16(), allowed(&answered)), (status, None), "{method} {path}");
        assert!(header(&answered, "vary").unwrap().contains("origin"));
    }
}

#[actix_web::test]
async fn a_preflight_names_the_methods_of_its_path_and_the_headers_of_requests() {
    let server = server(APP);
    for (path, methods) in [
        ("/api/streams", "GET, HEAD, POST"),
        ("/api/streams/7", "GET, HEAD, DELETE"),
        ("/health", "GET, HEAD"),
    ] {
        let answered = server.send(preflight(path, APP, "POST")).await;
        assert_eq!((answered.status, answered.text.as_str()), (StatusCode::NO_CONTENT, ""), "{path}");
        assert_eq!(
            (allowed(&answered), header(&answered, "access-control-allow-methods")),
            (Some(APP), Some(methods))
        );
        assert!(header(&answered, "access-control-allow-headers").unwrap().contains("idempotency-key"));
        assert_eq!(header(&answered, "access-control-max-age"), Some("600"));
        assert!(header(&answered, "x-request-id").is_some());
        let answered = server.send(preflight(path, OTHER, "GET")).await;
        assert_eq!((answered.status, allowed(&answered)), (StatusCode::METHOD_NOT_ALLOWED, None), "{path}");
    }
    let answered = server.send(preflight("/nowhere", APP, "GET")).await;
    assert_eq!(answered.status, StatusCode::NOT_FOUND);
    let answered = server.send(request("OPTIONS", "/health", APP)).await;
    assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED, "not a preflight");
}

#[actix_web::test]
async fn every_origin_reads_and_only_a_listed_one_writes_where_the_list_has_a_star() {
    let server = server(&format!("*,{APP}"));
    for origin in [OTHER, "null"] {
        let answered = server.send(request("GET", "/api/streams", origin)).await;
        assert_eq!(allowed(&answered), Some("*"));
        let answered = server.send(request("POST", "/api/streams", origin)).await;
        assert_eq!(allowed(&answered), None);
        let answered = server.send(preflight("/api/streams", origin, "POST")).await;
        assert_eq!(header(&answered, "access-control-allow-methods"), Some("GET, HEAD"));
        assert!(!header(&answered, "access-control-allow-headers").unwrap().contains("token"));
    }
    let answered = server.send(preflight("/api/streams", APP, "POST")).await;
    assert_eq!(header(&answered, "access-control-allow-methods"), Some("GET, HEAD, POST"));
    let answered = server.send(request("POST", "/api/streams", APP)).await;
    assert_eq!(allowed(&answered), Some(APP));
}
