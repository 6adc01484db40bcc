//! Pages of other origins, as a browser sends their requests.

use crate::envelope;
use crate::http::{Request, Response};
use crate::sample;
use crate::server::{Launch, TestServer};

const APP: &str = "https://app.example";

fn of(origin: &str, request: Request) -> Request {
    request.header("origin", origin)
}

fn preflight(server: &TestServer, path: &str, origin: &str) -> Response {
    let request = Request::new("OPTIONS", path).header("access-control-request-method", "POST");
    server.send(&of(origin, request))
}

#[test]
fn a_page_of_a_listed_origin_creates_a_stream_after_its_preflight_and_reads_errors() {
    let mut server =
        TestServer::launch(Launch::new().set("CORS_ORIGINS", format!("{APP}, http://localhost:5173")));
    for origin in [APP, "http://localhost:5173"] {
        let granted = preflight(&server, "/api/streams", origin);
        assert_eq!((granted.status, granted.body()), (204, &b""[..]));
        assert_eq!(granted.header("access-control-allow-origin"), Some(origin));
        assert_eq!(granted.header("access-control-allow-methods"), Some("GET, HEAD, POST"));
        let created = server.send(&of(origin, Request::create_json(&sample::stream())));
        created.expect(201);
        assert_eq!(created.header("access-control-allow-origin"), Some(origin));
        assert!(created.header("access-control-expose-headers").unwrap().contains("location"));
        let refused = server.send(&of(origin, Request::create("{}")));
        envelope::error(&refused, 400, "VALIDATION_ERROR");
        assert_eq!(refused.header("access-control-allow-origin"), Some(origin));
    }
    let other = server.send(&of("https://other.example", Request::get("/api/streams")));
    assert_eq!((other.status, other.header("access-control-allow-origin")), (200, None));
    envelope::error(&preflight(&server, "/api/streams", "https://other.example"), 405, "METHOD_NOT_ALLOWED");
    server.terminate();
}

#[test]
fn a_star_lets_every_origin_read_and_none_write() {
    let mut server = TestServer::launch(Launch::new().set("CORS_ORIGINS", "*"));
    let read = server.send(&of(APP, Request::get("/api/streams")));
    assert_eq!((read.status, read.header("access-control-allow-origin")), (200, Some("*")));
    assert_eq!(
        preflight(&server, "/api/streams", APP).header("access-control-allow-methods"),
        Some("GET, HEAD")
    );
    let written = server.send(&of(APP, Request::create_json(&sample::stream())));
    assert_eq!(written.header("access-control-allow-origin"), None);
    server.terminate();
}

#[test]
fn a_list_that_names_no_origin_stops_the_start() {
    for list in ["app.example", "https://app.example/path", "https://a.example,,https://b.example"] {
        let ended = Launch::new().set("CORS_ORIGINS", list).ends();
        assert_eq!(ended.code, Some(78), "{list}");
        assert!(ended.stderr.contains("CORS_ORIGINS must be"), "{}", ended.stderr);
    }
}
