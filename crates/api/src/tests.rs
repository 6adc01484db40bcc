//! The API over the model store, with a clock that stands still until it is told to move.

mod broken;
mod documented;
mod indexer;
mod table;

use std::sync::{Arc, Mutex};

use actix_web::dev::Service as _;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::{App, http};
use async_trait::async_trait;
use fluxora_indexer::Rules;
use fluxora_ingest::Ingest;
use fluxora_store::conformance::Model;
use fluxora_store::{
    Clock, CorruptRow, CreateStream, Created, EventPage, IdempotencyKey, Outcome, Recorded, Store,
    StoreError, StreamFilter, StreamPage, StreamQuery, StreamStore,
};
use fluxora_stream::{CancelRefused, Stream, StreamId, UnixTime};
use fluxora_supervise::{WorkerHealth, WorkerState, Workers};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use broken::{Broken, Fault};

use crate::access_log::access_log;
use crate::answer::answer;
use crate::{Api, Ids, Indexer, Lifecycle, LoggedRequests, Parts, Service, Token, Writes, table::configure};

const START: i64 = 1_767_225_600;

/// A clock and a source of ids that do as they are told.
#[derive(Clone)]
struct ManualClock(Arc<Mutex<(Timestamp, u128)>>);

impl ManualClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((Timestamp::from_millisecond(START * 1_000 + 250).unwrap(), 0))))
    }

    fn advance(&self, seconds: i64) {
        self.0.lock().unwrap().0 += SignedDuration::from_secs(seconds);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }
}

impl Ids for ManualClock {
    fn next(&self) -> Uuid {
        let mut hand = self.0.lock().unwrap();
        hand.1 += 1;
        Uuid::from_u128(hand.1)
    }
}

/// Workers that are as they are told.
#[derive(Default)]
struct StubWorkers(Mutex<Vec<WorkerHealth>>);

impl Workers for StubWorkers {
    fn snapshot(&self) -> Vec<WorkerHealth> {
        self.0.lock().unwrap().clone()
    }
}

struct Server {
    hand: ManualClock,
    lifecycle: Lifecycle,
    workers: Arc<StubWorkers>,
    api: Arc<Api>,
}

struct Answered {
    status: StatusCode,
    headers: http::header::HeaderMap,
    body: Value,
}

impl Server {
    fn new() -> Self {
        Self::over(Arc::new(Model::default()), Writes::Open)
    }

    fn over(store: Arc<dyn Store>, writes: Writes) -> Self {
        Self::with(store, writes, None)
    }

    /// Whoever pushes and whoever operates has to send this secret, if there is one.
    fn with(store: Arc<dyn Store>, writes: Writes, secret: Option<&str>) -> Self {
        let (hand, lifecycle, workers) =
            (ManualClock::new(), Lifecycle::default(), Arc::new(StubWorkers::default()));
        let ingest = Ingest::new(store.clone(), Arc::new(hand.clone()), Rules::default());
        let api = Arc::new(Api::new(Parts {
            store,
            clock: Arc::new(hand.clone()),
            ids: Arc::new(hand.clone()),
            service: Service { version: "1.2.3", network_passphrase: "a network".to_owned() },
            writes,
            workers: workers.clone(),
            indexer: secret.map(|secret| Indexer {
                worker_token: Token::new(secret).unwrap(),
                ingest,
                stall_threshold_ms: 300_000,
                since: hand.now(),
            }),
            operator_token: secret.map(|secret| Token::new(secret).unwrap()),
            lifecycle: lifecycle.clone(),
            logged_requests: LoggedRequests::All,
        }));
        Self { hand, lifecycle, workers, api }
    }

    async fn send(&self, request: TestRequest) -> Answered {
        let app = App::new()
            .configure(|config| configure(config, &self.api))
            .wrap(from_fn(answer))
            .wrap(access_log());
        let app = init_service(app).await;
        let response = app.call(request.to_request()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(response).await;
        Answered { status, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(TestRequest::get().uri(path)).await
    }

    async fn post(&self, body: &Value) -> Answered {
        self.send(TestRequest::post().uri("/api/streams").set_json(body)).await
    }

    /// Creates a stream of 100 units at 1 a second from now on, with these changes, and hands back its path.
    async fn create(&self, changes: Value) -> String {
        let answered = self.post(&stream(changes)).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{}", answered.body);
        answered.headers.get("location").unwrap().to_str().unwrap().to_owned()
    }
}

fn stream(changes: Value) -> Value {
    let mut body = json!({
        "sender": "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ",
        "recipient": "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H",
        "depositAmount": "100",
        "ratePerSecond": "1",
    });
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    body.as_object_mut().unwrap().extend(changes);
    body
}

#[actix_web::test]
async fn a_stream_flows_as_time_goes_on_and_completes_when_its_end_comes() {
    let server = Server::new();
    let path = server.create(json!({ "startTime": START + 10 })).await;
    for (advance, status, streamed) in [
        (0, "scheduled", "0"),
        (10, "active", "0"),
        (40, "active", "40"),
        (60, "completed", "100"),
        (9, "completed", "100"),
    ] {
        server.hand.advance(advance);
        let now = server.get(&path).await.body;
        assert_eq!((now["status"].as_str(), now["streamedAmount"].as_str()), (Some(status), Some(streamed)));
    }
}

#[actix_web::test]
async fn the_list_shows_the_status_of_this_moment() {
    let server = Server::new();
    server.create(json!({ "startTime": START + 10 })).await;
    for (advance, status) in [(0, "scheduled"), (10, "active"), (100, "completed")] {
        server.hand.advance(advance);
        for word in ["scheduled", "active", "paused", "completed", "cancelled"] {
            let page = server.get(&format!("/api/streams?status={word}&includeTotal=true")).await.body;
            assert_eq!(page["total"], u64::from(word == status), "{word} after {advance}");
            assert_eq!(page["streams"].as_array().unwrap().len(), usize::from(word == status));
        }
    }
}

#[actix_web::test]
async fn the_past_is_what_it_was_and_the_future_what_the_terms_say() {
    let server = Server::new();
    let path = server.create(json!({ "startTime": START - 20 })).await;
    server.hand.advance(30);
    let cancelled = server.send(TestRequest::delete().uri(&path)).await.body;
    assert_eq!((&cancelled["streamedAmount"], &cancelled["refundedAmount"]), (&json!("50"), &json!("50")));
    for (at, expect) in [
        (START - 1, None),
        (START, Some(("active", "20", "80", "0"))),
        (START + 29, Some(("active", "49", "51", "0"))),
        (START + 30, Some(("cancelled", "50", "0", "50"))),
        (START + 1_000, Some(("cancelled", "50", "0", "50"))),
    ] {
        let answered = server.get(&format!("{path}?at={at}")).await;
        let Some((status, streamed, remaining, refunded)) = expect else {
            assert_eq!(answered.status, StatusCode::NOT_FOUND);
            continue;
        };
        let body = answered.body;
        assert_eq!(body["status"], status, "at {at}");
        assert_eq!(body["streamedAmount"], streamed, "at {at}");
        assert_eq!(body["remainingAmount"], remaining, "at {at}");
        assert_eq!(body["refundedAmount"], refunded, "at {at}");
        assert_eq!(body["asOf"], at);
        assert_eq!(body.get("cancelledAt").is_some(), status == "cancelled");
    }
}

#[actix_web::test]
async fn a_clock_that_jumps_back_does_not_show_a_stream_before_it_was() {
    let server = Server::new();
    let path = server.create(json!({})).await;
    server.hand.advance(-100);
    let now = server.get(&path).await.body;
    assert_eq!((&now["asOf"], &now["streamedAmount"]), (&json!(START), &json!("0")));
    assert_eq!(server.get("/api/streams").await.body["streams"], json!([now]));
    let cancelled = server.send(TestRequest::delete().uri(&path)).await;
    assert_eq!((cancelled.status, &cancelled.body["refundedAmount"]), (StatusCode::OK, &json!("100")));
}

#[actix_web::test]
async fn a_key_is_answered_as_before_for_24_hours() {
    let server = Server::new();
    let request = |deposit: &str| {
        let request = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", "k"));
        request.set_json(stream(json!({ "depositAmount": deposit })))
    };
    let first = server.send(request("100")).await;
    assert!(!first.headers.contains_key("idempotency-replayed"));
    server.hand.advance(24 * 60 * 60);
    let again = server.send(request("100")).await;
    assert_eq!((again.status, &again.body), (first.status, &first.body));
    assert_eq!(again.headers.get("idempotency-replayed").unwrap(), "true");
    assert_eq!(again.headers.get("location"), first.headers.get("location"));
    let other = server.send(request("99")).await;
    assert_eq!(other.body["error"]["code"], "IDEMPOTENCY_KEY_REUSED");
    server.hand.advance(1);
    assert_eq!(server.send(request("99")).await.status, StatusCode::CREATED);
}

#[actix_web::test]
async fn a_repetition_is_answered_as_before_also_when_time_has_made_the_request_impossible() {
    let server = Server::new();
    let request = |end: i64| {
        let request = TestRequest::post().uri("/api/streams").insert_header(("idempotency-key", "k"));
        request.set_json(stream(json!({ "endTime": end })))
    };
    let first = server.send(request(START + 2)).await;
    assert_eq!(first.status, StatusCode::CREATED);
    server.hand.advance(60);
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
    server.hand.advance(24 * 60 * 60);
    let forgotten = server.send(request(START + 2)).await;
    assert_eq!(forgotten.body["error"]["details"][0]["code"], "END_NOT_AFTER_START");
}

#[actix_web::test]
async fn where_writes_are_refused_reads_are_not() {
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
async fn a_write_with_a_parameter_it_does_not_take_is_refused_and_writes_nothing() {
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
async fn health_says_when_the_service_is_on_its_way_out() {
    let server = Server::new();
    assert_eq!(server.get("/health").await.body["status"], "ok");
    server.lifecycle.shut_down();
    for path in ["/health", "/health/ready"] {
        let answered = server.get(path).await;
        assert_eq!(answered.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answered.body["status"], "shutting_down");
    }
    assert_eq!(server.get("/health/live").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn health_shows_the_workers_and_is_degraded_and_not_down_while_one_of_them_is_not_at_work() {
    let server = Server::new();
    for (state, word, health) in [
        (WorkerState::Running, "running", "ok"),
        (WorkerState::BackingOff, "backing_off", "degraded"),
        (WorkerState::Failed, "failed", "degraded"),
        (WorkerState::Stopped, "stopped", "ok"),
    ] {
        let well = WorkerHealth { name: "well", state: WorkerState::Running, restarts: 0, last_error: None };
        let other = WorkerHealth { name: "other", state, restarts: 3, last_error: Some("why".to_owned()) };
        *server.workers.0.lock().unwrap() = vec![well, other];
        let answered = server.get("/health").await;
        assert_eq!((answered.status, &answered.body["status"]), (StatusCode::OK, &json!(health)));
        assert_eq!(
            answered.body["workers"],
            json!([
                { "name": "well", "state": "running", "restarts": 0, "lastError": null },
                { "name": "other", "state": word, "restarts": 3, "lastError": "why" },
            ])
        );
        assert_eq!(server.get("/health/ready").await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn each_fault_of_storage_has_its_answer_and_shows_no_internals() {
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
        let server = Server::over(Arc::new(Broken(fault)), Writes::Open);
        let id = "/api/streams/01930000-0000-7000-8000-000000000001";
        for request in [
            TestRequest::get().uri(id),
            TestRequest::get().uri(&format!("{id}/events")),
            TestRequest::get().uri("/api/streams"),
            TestRequest::delete().uri(id),
            TestRequest::post().uri("/api/streams").set_json(stream(json!({}))),
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
