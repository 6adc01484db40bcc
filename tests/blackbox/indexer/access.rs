//! Who may push, read and rewind.

use serde_json::json;

use super::chain::Chain;
use super::worker::{Worker, events, push, rewind};
use super::{EVENTS, OPERATOR_TOKEN, REWIND, WORKER_TOKEN, batch, indexing};
use crate::envelope;
use crate::http::Request;
use crate::server::{Launch, TestServer};

const LIST: &str = "/internal/indexer/events";

#[test]
fn a_request_without_the_worker_token_is_refused_before_its_body_is_read() {
    let mut server = TestServer::launch(indexing());
    let header = "x-indexer-worker-token";
    for request in [Request::post(EVENTS, "{"), Request::get(LIST), Request::new("HEAD", LIST)] {
        let head = request.is_head();
        let upper = WORKER_TOKEN.to_uppercase();
        let longer = format!("{WORKER_TOKEN}0");
        let wrong = ["", &WORKER_TOKEN[1..], &upper, &longer, OPERATOR_TOKEN, "bearer"];
        let mut refused: Vec<_> = wrong.iter().map(|token| request.clone().header(header, token)).collect();
        refused.push(request.clone());
        refused.push(request.clone().header(header, WORKER_TOKEN).header(header, WORKER_TOKEN));
        let bearer = request.clone().header("authorization", format!("Bearer {WORKER_TOKEN}"));
        let refused = refused.into_iter().map(|request| (request, "UNAUTHORIZED"));
        for (request, code) in refused.chain([(bearer, "CREDENTIALS_INVALID")]) {
            let response = server.send(&request);
            assert_eq!(response.status, 401, "{request:?}");
            if !head {
                envelope::error(&response, 401, code);
            }
        }
    }
    server.terminate();
    let log = server.process().stdout.lines().concat();
    assert!(!log.contains(WORKER_TOKEN) && !log.contains(OPERATOR_TOKEN), "a token is logged");
}

#[test]
fn without_a_worker_token_every_push_is_refused() {
    let off = indexing().set("INDEXER_ENABLED", "false");
    for launch in [Launch::new(), Launch::new().set("OPERATOR_TOKEN", OPERATOR_TOKEN), off] {
        let mut server = TestServer::launch(launch);
        for request in [push("{}"), events("")] {
            envelope::error(&server.send(&request), 503, "INDEXER_NOT_CONFIGURED");
        }
        let health = server.get("/health").expect(200);
        assert_eq!(
            (&health["status"], &health["indexer"]["status"]),
            (&json!("ok"), &json!("not_configured"))
        );
        server.terminate();
    }
}

#[test]
fn only_an_operator_rewinds_and_only_where_that_is_configured() {
    let mut server = TestServer::launch(indexing().unset("OPERATOR_TOKEN"));
    let sound = json!({ "toLedger": 1, "reason": "because" });
    envelope::error(&server.send(&rewind(&sound)), 403, "FORBIDDEN");
    server.terminate();

    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let chain = Chain::of(3);
    worker.push(&batch(&[], Some(&chain.newest())));
    let bare = Request::post(REWIND, sound.to_string());
    let header = "x-operator-token";
    for request in [
        bare.clone(),
        bare.clone().header(header, WORKER_TOKEN),
        bare.clone().header("x-indexer-worker-token", WORKER_TOKEN),
        bare.header(header, OPERATOR_TOKEN).header(header, OPERATOR_TOKEN),
    ] {
        envelope::error(&server.send(&request), 401, "UNAUTHORIZED");
    }
    assert_eq!(server.get("/health").expect(200)["indexer"]["tip"], chain.tip());
    server.terminate();
}

#[test]
fn a_wrong_method_on_the_indexers_paths_is_a_405() {
    let mut server = TestServer::launch(indexing());
    for (path, allow) in [(EVENTS, "POST"), (LIST, "GET, HEAD"), (REWIND, "POST")] {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if !allow.split(", ").any(|allowed| allowed == method) {
                let response = server.send(&Request::new(method, path));
                assert_eq!(
                    (response.status, response.header("allow")),
                    (405, Some(allow)),
                    "{method} {path}"
                );
            }
        }
    }
    let token = |request: Request| request.header("x-indexer-worker-token", WORKER_TOKEN);
    let mut connection = server.connect();
    let head = connection.send(&token(Request::new("HEAD", LIST))).unwrap();
    let get = connection.send(&token(Request::get(LIST))).unwrap();
    assert_eq!((head.status, get.status), (200, 200));
    assert_eq!(head.header("content-length"), get.header("content-length"));
    server.terminate();
}
