//! The example receivers, driven through their frameworks: the same claims for both.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use fluxora_webhook::{MemoryGuard, UnixSeconds, Verifier};

use crate::{SECRET, secret, sign};

#[allow(dead_code, unreachable_pub, reason = "a program of its own, with a main")]
#[path = "../../examples/receive_actix.rs"]
mod receive_actix;
#[allow(dead_code, unreachable_pub, reason = "a program of its own, with a main")]
#[path = "../../examples/receive_axum.rs"]
mod receive_axum;

const PATH: &str = "/webhooks/fluxora";
const BODY: &str = r#"{"id":"evt_01","delivery_id":"dlv_01","type":"stream.updated"}"#;

/// Status, code header and `Retry-After` of an answer.
type Answered = (u16, Option<String>, Option<String>);

struct Request {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

#[expect(clippy::disallowed_methods, reason = "the receivers read the clock themselves")]
fn now() -> UnixSeconds {
    SystemTime::now().into()
}

fn request(body: &str) -> Request {
    let now = now();
    Request {
        headers: vec![
            ("x-fluxora-delivery-id", "dlv_01".to_owned()),
            ("x-fluxora-timestamp", now.to_string()),
            ("x-fluxora-signature", sign(SECRET, now, body.as_bytes())),
            ("x-fluxora-event", "stream.updated".to_owned()),
        ],
        body: body.as_bytes().to_vec(),
    }
}

/// What a service does: fails a given number of times, then counts.
#[derive(Clone, Default)]
struct Handler {
    failures: Arc<AtomicUsize>,
    processed: Arc<AtomicUsize>,
}

impl Handler {
    fn failing(times: usize) -> Self {
        Self { failures: Arc::new(AtomicUsize::new(times)), ..Self::default() }
    }

    fn handle(&self) -> Result<(), String> {
        let fails = |left: usize| left.checked_sub(1);
        if self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err("the database is away".to_owned());
        }
        self.processed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

async fn ask_actix(guard: MemoryGuard, handler: Handler, requests: Vec<Request>) -> Vec<Answered> {
    use actix_web::{App, test, web::Data};
    let app = receive_actix::App {
        verifier: Verifier::new(&secret(SECRET)),
        guard,
        process: Box::new(move |_| handler.handle()),
    };
    let service =
        test::init_service(App::new().app_data(Data::new(app)).configure(receive_actix::routes)).await;
    let mut answers = Vec::new();
    for Request { headers, body } in requests {
        let mut request = test::TestRequest::post().uri(PATH).set_payload(body);
        for header in headers {
            request = request.append_header(header);
        }
        let response = test::call_service(&service, request.to_request()).await;
        let header = |name| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
        answers.push((response.status().as_u16(), header("x-fluxora-code"), header("retry-after")));
    }
    answers
}

async fn ask_axum(guard: MemoryGuard, handler: Handler, requests: Vec<Request>) -> Vec<Answered> {
    use axum::body::Body;
    use tower::ServiceExt as _;
    let app = receive_axum::App {
        verifier: Verifier::new(&secret(SECRET)),
        guard,
        process: Box::new(move |_| handler.handle()),
    };
    let router = receive_axum::router(app);
    let mut answers = Vec::new();
    for Request { headers, body } in requests {
        let mut request = http::Request::post(PATH).header("content-length", body.len());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let header = |name| Some(response.headers().get(name)?.to_str().unwrap().to_owned());
        answers.push((response.status().as_u16(), header("x-fluxora-code"), header("retry-after")));
    }
    answers
}

/// The same requests to both receivers: the same answers, and as many events processed.
#[track_caller]
fn check(
    guard: impl Fn() -> MemoryGuard,
    failures: usize,
    requests: impl Fn() -> Vec<Request>,
    expect: &[(u16, Option<&str>)],
    processed: usize,
) {
    let system = actix_web::rt::System::new();
    for framework in ["actix-web", "axum"] {
        let handler = Handler::failing(failures);
        let answers = system.block_on(async {
            match framework {
                "axum" => ask_axum(guard(), handler.clone(), requests()).await,
                _ => ask_actix(guard(), handler.clone(), requests()).await,
            }
        });
        let answers: Vec<_> = answers.iter().map(|(status, code, _)| (*status, code.as_deref())).collect();
        assert_eq!(answers, expect, "{framework}");
        assert_eq!(handler.processed.load(Ordering::SeqCst), processed, "{framework}");
    }
}

fn roomy() -> MemoryGuard {
    MemoryGuard::new(100)
}

#[test]
fn a_delivery_is_processed_and_its_repetition_acknowledged_without_effect() {
    let requests = || vec![request(BODY), request(BODY)];
    check(roomy, 0, requests, &[(204, None), (200, Some("duplicate_delivery"))], 1);
}

#[test]
fn a_delivery_whose_handler_failed_is_processed_when_it_comes_again() {
    let requests = || vec![request(BODY), request(BODY), request(BODY)];
    let expect = [(500, Some("not_processed")), (204, None), (200, Some("duplicate_delivery"))];
    check(roomy, 1, requests, &expect, 1);
}

#[test]
fn a_store_that_is_down_is_503_and_nothing_is_processed() {
    check(|| MemoryGuard::new(0), 0, || vec![request(BODY)], &[(503, Some("dedupe_unavailable"))], 0);
}

#[test]
fn forgeries_and_faults_are_refused_with_their_codes() {
    let changed = |change: fn(&mut Request)| {
        let mut request = request(BODY);
        change(&mut request);
        request
    };
    let requests = || {
        vec![
            changed(|request| request.body.push(b'\n')),
            changed(|request| request.headers[0].1 = "dlv_02".to_owned()),
            changed(|request| request.headers[3].1 = "stream.cancelled".to_owned()),
            changed(|request| request.headers[1].1 = "soon".to_owned()),
            changed(|request| request.headers[1].1 = "1600000000".to_owned()),
            changed(|request| drop(request.headers.remove(2))),
            changed(|request| request.headers.push(("x-fluxora-timestamp", "1".to_owned()))),
            request("not json"),
            changed(|request| request.body = vec![b'a'; 262_145]),
            request(""),
            changed(|request| request.body.clear()),
        ]
    };
    let expect = [
        (401, Some("signature_mismatch")),
        (401, Some("header_body_mismatch")),
        (401, Some("header_body_mismatch")),
        (400, Some("invalid_timestamp")),
        (401, Some("timestamp_outside_tolerance")),
        (401, Some("missing_signature")),
        (401, Some("missing_timestamp")),
        (400, Some("invalid_body")),
        (413, Some("payload_too_large")),
        (400, Some("invalid_body")),
        (401, Some("signature_mismatch")),
    ];
    check(roomy, 0, requests, &expect, 0);
}

#[test]
fn the_content_type_makes_no_difference() {
    for content_type in [
        "application/json",
        "application/json; charset=utf-8",
        "text/plain",
        "application/octet-stream",
        "no type",
    ] {
        let requests = || {
            let mut request = request(BODY);
            request.headers.push(("content-type", content_type.to_owned()));
            vec![request]
        };
        check(roomy, 0, requests, &[(204, None)], 1);
    }
}

#[test]
fn a_body_of_the_largest_size_is_read() {
    let requests = || {
        let padding = 262_144 - BODY.len();
        vec![request(&format!("{BODY}{}", " ".repeat(padding)))]
    };
    check(roomy, 0, requests, &[(204, None)], 1);
}
