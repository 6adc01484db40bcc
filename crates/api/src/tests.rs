//! The API over the model store, with a clock that a test moves.

mod access;
mod audit;
mod compat;
mod cors;
mod documented;
mod errors;
mod failing_store;
mod feed;
mod health;
mod idempotency;
mod indexer;
mod keys;
mod large_pages;
mod limits;
mod log_level;
mod metrics;
mod partners;
mod streams;
mod table;
mod webhooks;

use std::hash::RandomState;
use std::sync::{Arc, Mutex};

use actix_web::dev::Service as _;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, init_service, read_body};
use actix_web::{App, http};
use async_trait::async_trait;
use fluxora_auth::jwt::{JwtKeys, JwtVerifier};
use fluxora_egress::Policy;
use fluxora_feed::Feed;
use fluxora_indexer::Rules;
use fluxora_ingest::Ingest;
use fluxora_limit::TrustedProxies;
use fluxora_store::conformance::Model;
use fluxora_store::{
    Clock, CorruptRow, CreateStream, Created, EventPage, IdempotencyKey, Outcome, Recorded, Store,
    StoreError, StreamFilter, StreamPage, StreamQuery, StreamStore,
};
use fluxora_stream::{CancelRefused, ContractId, Stream, StreamId, UnixTime};
use fluxora_supervise::{WorkerHealth, WorkerState, Workers};
use fluxora_trace::{Sampler, Tracer};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use failing_store::{FailingStore, Fault};

use crate::access_log::access_log;
use crate::answer::answer;
use crate::cors::cors;
use crate::{
    AllowedHosts, Api, Audit, Build, Cors, Credentials, Frontend, HealthDetails, Ids, Indexer, IngestMetrics,
    Lifecycle, Limits, LogLevel, LogLevelState, LogLevels, LoggedRequests, Metrics, Parts, ProcessUsage,
    Reads, RefusedWrites, Service, Token, Tokens, Writes, openapi, table::configure,
};

const START: i64 = 1_767_225_600;
const BUILD: Build = Build {
    version: "1.2.3",
    commit: "abc",
    process: || ProcessUsage { threads: 5, cpu_ns: 1_500_000_000, ..ProcessUsage::default() },
    dropped_log_lines: || 7,
};

/// A clock that stands still until a test advances it, and a source of ids 1, 2, 3….
#[derive(Clone)]
struct ManualClock(Arc<Mutex<(Timestamp, u128)>>, Arc<Mutex<Option<Timestamp>>>);

impl ManualClock {
    fn new() -> Self {
        let now = Timestamp::from_millisecond(START * 1_000 + 250).unwrap();
        Self(Arc::new(Mutex::new((now, 0))), Arc::default())
    }

    /// From here on no later instant is confirmed.
    fn doubt(&self) {
        *self.1.lock().unwrap() = Some(self.now());
    }

    fn set(&self, second: i64) {
        self.0.lock().unwrap().0 = Timestamp::from_second(second).unwrap();
    }

    fn advance_ms(&self, milliseconds: i64) {
        self.0.lock().unwrap().0 += SignedDuration::from_millis(milliseconds);
    }

    fn advance(&self, seconds: i64) {
        self.0.lock().unwrap().0 += SignedDuration::from_secs(seconds);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().0
    }

    fn confirmed_now(&self) -> Timestamp {
        self.1.lock().unwrap().unwrap_or_else(|| self.now())
    }
}

impl Ids for ManualClock {
    fn next(&self) -> Uuid {
        let mut state = self.0.lock().unwrap();
        state.1 += 1;
        Uuid::from_u128(state.1)
    }

    fn secret(&self) -> Option<[u8; 32]> {
        let [a, b] = [self.next(), self.next()].map(Uuid::into_bytes);
        [a, b].concat().try_into().ok()
    }
}

/// Workers whose health a test sets.
#[derive(Default)]
struct StubWorkers(Mutex<Vec<WorkerHealth>>);

impl Workers for StubWorkers {
    fn snapshot(&self) -> Vec<WorkerHealth> {
        self.0.lock().unwrap().clone()
    }
}

/// A log level that a test changes.
struct StubLevels(Mutex<LogLevelState>);

impl Default for StubLevels {
    fn default() -> Self {
        let (level, configured) = (LogLevel::Info, LogLevel::Info);
        Self(Mutex::new(LogLevelState { level, configured, until: None }))
    }
}

impl LogLevels for StubLevels {
    fn state(&self) -> LogLevelState {
        *self.0.lock().unwrap()
    }

    fn change(&self, level: LogLevel, for_seconds: Option<u32>, now: UnixTime) -> LogLevelState {
        let mut state = self.0.lock().unwrap();
        state.level = level;
        state.until = for_seconds.map(|seconds| UnixTime::from_seconds(now.seconds() + u64::from(seconds)));
        *state
    }
}

/// A tracer that records what a sender samples.
fn tracer() -> Arc<Tracer> {
    let (tracer, _) = Tracer::new(Sampler::PARENT_BASED_ALWAYS_OFF, RandomState::new());
    Arc::new(tracer)
}

struct Server {
    clock: ManualClock,
    lifecycle: Lifecycle,
    workers: Arc<StubWorkers>,
    feed: Arc<Feed>,
    api: Arc<Api>,
}

struct Answered {
    status: StatusCode,
    headers: http::header::HeaderMap,
    body: Value,
    text: String,
}

impl Server {
    fn new() -> Self {
        Self::over(Arc::new(Model::default()), Writes::Open)
    }

    fn over(store: Arc<dyn Store>, writes: Writes) -> Self {
        Self::with(store, writes, None)
    }

    /// A server with an indexer and operator routes if `secret` is given. It is the token of both.
    fn with(store: Arc<dyn Store>, writes: Writes, secret: Option<&str>) -> Self {
        let unlimited = Limits::new(None, None, TrustedProxies::default(), RandomState::new());
        Self::with_limits(store, writes, secret, unlimited)
    }

    fn with_limits(store: Arc<dyn Store>, writes: Writes, secret: Option<&str>, limits: Limits) -> Self {
        Self::with_webhooks(store, writes, secret, limits, Some(Policy::default()))
    }

    /// A server whose webhooks may be sent to what a policy allows; without one they are off.
    fn with_webhooks(
        store: Arc<dyn Store>,
        writes: Writes,
        secret: Option<&str>,
        limits: Limits,
        policy: Option<Policy>,
    ) -> Self {
        Self::with_cors(store, writes, secret, limits, policy, Cors::default())
    }

    /// A server with an indexer that shows streams to the official front end in this way, to pages of every origin.
    fn with_frontend(store: Arc<dyn Store>, secret: &str, frontend: Frontend) -> Self {
        let unlimited = Limits::new(None, None, TrustedProxies::default(), RandomState::new());
        let cors = Cors::parse("*").unwrap();
        let credentials = Credentials { operator_token: token(Some(secret)), ..Credentials::default() };
        Self::with_parts(store, Writes::Open, Some(secret), unlimited, None, (cors, frontend), credentials)
    }

    fn with_cors(
        store: Arc<dyn Store>,
        writes: Writes,
        secret: Option<&str>,
        limits: Limits,
        policy: Option<Policy>,
        cors: Cors,
    ) -> Self {
        let credentials = Credentials { operator_token: token(secret), ..Credentials::default() };
        Self::with_parts(store, writes, secret, limits, policy, (cors, Frontend::default()), credentials)
    }

    /// A server that verifies JSON Web Tokens if `jwt` is given.
    fn with_credentials(
        store: Arc<dyn Store>,
        writes: Writes,
        secret: Option<&str>,
        reads: Reads,
        jwt: Option<&str>,
    ) -> Self {
        let unlimited = Limits::new(None, None, TrustedProxies::default(), RandomState::new());
        let jwt = jwt.map(|jwt| JwtVerifier::new(JwtKeys::secret(jwt).unwrap(), None, None));
        let credentials = Credentials { operator_token: token(secret), jwt, reads };
        Self::with_parts(
            store,
            writes,
            secret,
            unlimited,
            Some(Policy::default()),
            (Cors::default(), Frontend::default()),
            credentials,
        )
    }

    fn with_parts(
        store: Arc<dyn Store>,
        writes: Writes,
        secret: Option<&str>,
        limits: Limits,
        policy: Option<Policy>,
        (cors, frontend): (Cors, Frontend),
        credentials: Credentials,
    ) -> Self {
        let (clock, lifecycle, workers) =
            (ManualClock::new(), Lifecycle::default(), Arc::new(StubWorkers::default()));
        let feed = Feed::new(store.clone(), feed_options());
        let ingest_metrics = IngestMetrics::default();
        let ingest = Ingest::new(store.clone(), Arc::new(clock.clone()), Rules::default())
            .observed_by(Arc::new(ingest_metrics.clone()));
        let api = Arc::new(Api::new(Parts {
            store,
            clock: Arc::new(clock.clone()),
            ids: Arc::new(clock.clone()),
            service: Service { version: "1.2.3", network_passphrase: "a network".to_owned(), demo: false },
            writes,
            allowed_hosts: AllowedHosts::default(),
            health_details: HealthDetails::Public,
            follower: None,
            workers: workers.clone(),
            indexer: secret.map(|secret| Indexer {
                pushes: true,
                worker_token: token(Some(secret)),
                ingest,
                stall_threshold_ms: 300_000,
                since: clock.now(),
            }),
            webhooks: policy.map(|policy| webhooks::settings(policy, &clock)),
            credentials,
            feed: Arc::clone(&feed),
            tokens: Tokens::default(),
            frontend,
            lifecycle: lifecycle.clone(),
            limits,
            logged_requests: LoggedRequests::All,
            cors,
            metrics: Metrics::new(BUILD, ingest_metrics),
            audit: Audit {
                refused: Arc::new(RefusedWrites::new(RandomState::new())),
                client_addresses: true,
            },
            tracer: tracer(),
            log_levels: Arc::<StubLevels>::default(),
        }));
        Self { clock, lifecycle, workers, feed, api }
    }

    /// Every answer of every test must be one that the OpenAPI document describes.
    async fn send(&self, request: TestRequest) -> Answered {
        let request = request.to_request();
        let (method, path) = (request.method().to_string(), request.path().to_owned());
        let app = App::new()
            .configure(|config| configure(config, &self.api))
            .wrap(from_fn(cors))
            .wrap(from_fn(answer))
            .wrap(access_log());
        let app = init_service(app).await;
        let response = app.call(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = read_body(response).await;
        let text = String::from_utf8_lossy(&body).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let faults = openapi::faults(&method, &path, status.as_u16(), &body);
        assert!(faults.is_empty(), "{method} {path}: {status} {text}\n{faults:#?}");
        Answered { status, headers, body, text }
    }

    async fn get(&self, path: &str) -> Answered {
        self.send(TestRequest::get().uri(path)).await
    }

    async fn post(&self, body: &Value) -> Answered {
        self.send(TestRequest::post().uri("/api/streams").set_json(body)).await
    }

    /// Creates a stream of 100 units at 1 a second from now on, with these changes, and returns its path.
    async fn create(&self, changes: Value) -> String {
        let answered = self.post(&stream(changes)).await;
        assert_eq!(answered.status, StatusCode::CREATED, "{}", answered.body);
        answered.headers.get("location").unwrap().to_str().unwrap().to_owned()
    }
}

fn token(secret: Option<&str>) -> Option<Token> {
    secret.map(|secret| Token::new(secret).unwrap())
}

fn feed_options() -> fluxora_feed::Options {
    fluxora_feed::Options { max_subscribers: 2, ..fluxora_feed::Options::new(|| 0) }
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
