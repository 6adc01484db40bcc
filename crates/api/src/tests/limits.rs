//! Limits of requests: who is counted, and what the answer to one too many is.

use std::net::SocketAddr;
use std::time::Duration;

use fluxora_auth::Role;
use fluxora_auth::jwt::mint;
use fluxora_limit::{Charge, Quota, SharedFailure, SharedLimiter, Verdict};

use super::*;

const TOKEN: &str = "an-operator-token-of-32-characters";

/// A server that allows 3 reads and 2 writes a minute, and trusts the proxies in 10.0.0.0/8.
fn limited() -> Server {
    server_of(limits())
}

fn server_of(limits: Limits) -> Server {
    Server::with_limits(Arc::new(Model::default()), Writes::Open, Some(TOKEN), limits)
}

fn limits() -> Limits {
    Limits::new(Quota::per_minute(3), Quota::per_minute(2), "10.0.0.0/8".parse().unwrap(), RandomState::new())
}

/// A shared count that answers what a test sets, and remembers whom it counted.
struct StubShared {
    answer: Mutex<Result<Verdict, SharedFailure>>,
    counted: Mutex<Vec<(String, u32)>>,
}

impl StubShared {
    fn answering(answer: Result<Verdict, SharedFailure>) -> Arc<Self> {
        Arc::new(Self { answer: Mutex::new(answer), counted: Mutex::default() })
    }

    fn answers(&self, answer: Result<Verdict, SharedFailure>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn counted(&self) -> Vec<(String, u32)> {
        std::mem::take(&mut *self.counted.lock().unwrap())
    }
}

impl SharedLimiter for StubShared {
    fn charge<'a>(&'a self, client: &'a str, quota: Quota) -> Charge<'a> {
        self.counted.lock().unwrap().push((client.to_owned(), quota.requests()));
        let answer = *self.answer.lock().unwrap();
        Box::pin(async move { answer })
    }

    fn is_available(&self) -> bool {
        self.answer.lock().unwrap().is_ok()
    }
}

fn verdict(remaining: u32, retry_after: Option<u64>) -> Verdict {
    let seconds = Duration::from_secs;
    Verdict { remaining, reset_after: seconds(60), retry_after: retry_after.map(seconds) }
}

fn from(address: &str, request: TestRequest) -> TestRequest {
    request.peer_addr(SocketAddr::new(address.parse().unwrap(), 4_000))
}

fn read(address: &str) -> TestRequest {
    from(address, TestRequest::get().uri("/api/streams"))
}

fn header<'a>(answered: &'a Answered, name: &str) -> Option<&'a str> {
    answered.headers.get(name).map(|value| value.to_str().unwrap())
}

impl Server {
    /// How many of ten such requests are not answered with 429.
    async fn allowed_of_ten(&self, request: impl Fn() -> TestRequest) -> usize {
        let mut allowed = 0;
        for _ in 0..10 {
            let status = self.send(request()).await.status;
            allowed += usize::from(status != StatusCode::TOO_MANY_REQUESTS);
        }
        allowed
    }
}

#[actix_web::test]
async fn a_client_beyond_its_quota_gets_a_429_that_says_when_to_come_back() {
    let server = limited();
    for (remaining, reset) in [(2, 20), (1, 40), (0, 60)] {
        let answered = server.send(read("192.0.2.1")).await;
        assert_eq!(answered.status, StatusCode::OK);
        assert_eq!(header(&answered, "ratelimit-policy"), Some("\"reads\";q=3;w=60"));
        let limit = format!("\"reads\";r={remaining};t={reset}");
        assert_eq!(header(&answered, "ratelimit"), Some(limit.as_str()));
    }
    let refused = server.send(read("192.0.2.1")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.body["error"]["code"], "RATE_LIMITED");
    assert_eq!(header(&refused, "retry-after"), Some("20"));
    assert_eq!(header(&refused, "ratelimit"), Some("\"reads\";r=0;t=60"));
    server.clock.advance(19);
    assert_eq!(server.send(read("192.0.2.1")).await.status, StatusCode::TOO_MANY_REQUESTS);
    server.clock.advance(1);
    assert_eq!(server.send(read("192.0.2.1")).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn reads_and_writes_have_a_quota_each_and_a_refused_write_changes_nothing() {
    let server = limited();
    let write = || from("192.0.2.1", TestRequest::post().uri("/api/streams").set_json(stream(json!({}))));
    assert_eq!(server.allowed_of_ten(write).await, 2);
    let page = server.send(read("192.0.2.1")).await.body;
    assert_eq!(page["streams"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn clients_are_addresses_and_blocks_behind_trusted_proxies() {
    let server = limited();
    assert_eq!(server.allowed_of_ten(|| read("192.0.2.1")).await, 3);
    assert_eq!(server.allowed_of_ten(|| read("192.0.2.2")).await, 3);
    let spoofed = |n: usize| read("192.0.2.3").insert_header(("x-forwarded-for", format!("198.51.100.{n}")));
    let count = std::cell::Cell::new(0);
    let next = || spoofed(count.replace(count.get() + 1));
    assert_eq!(server.allowed_of_ten(next).await, 3, "an unknown peer cannot choose its address");
    let forwarded =
        |client: &'static str| move || read("10.0.0.1").insert_header(("x-forwarded-for", client));
    assert_eq!(server.allowed_of_ten(forwarded("198.51.100.1")).await, 3);
    assert_eq!(server.allowed_of_ten(forwarded("6.6.6.6, 198.51.100.2, 10.9.9.9")).await, 3);
    assert_eq!(server.allowed_of_ten(forwarded("7.7.7.7, 198.51.100.2")).await, 0);
    assert_eq!(server.allowed_of_ten(forwarded("2001:db8:0:1::1")).await, 3);
    assert_eq!(server.allowed_of_ten(forwarded("2001:db8:0:1::2")).await, 0, "the same /64 block");
}

#[actix_web::test]
async fn loopback_clients_and_probes_are_not_limited() {
    let server = limited();
    assert_eq!(server.allowed_of_ten(|| read("127.0.0.1")).await, 10);
    assert_eq!(server.allowed_of_ten(|| read("::1")).await, 10);
    for probe in ["/health", "/health/live", "/health/ready"] {
        let probe = || from("192.0.2.1", TestRequest::get().uri(probe));
        assert_eq!(server.allowed_of_ten(probe).await, 10);
    }
    let answered = server.send(read("127.0.0.1")).await;
    assert_eq!(header(&answered, "ratelimit"), None);
}

#[actix_web::test]
async fn a_worker_is_not_limited_but_one_that_guesses_tokens_is() {
    let server = limited();
    let list = |token: &'static str| {
        move || {
            let request = TestRequest::get().uri("/internal/indexer/events");
            from("192.0.2.1", request.insert_header(("x-indexer-worker-token", token)))
        }
    };
    assert_eq!(server.allowed_of_ten(list(TOKEN)).await, 10);
    assert_eq!(server.allowed_of_ten(list("a-wrong-token")).await, 3);
    assert_eq!(server.allowed_of_ten(list(TOKEN)).await, 10);
}

#[actix_web::test]
async fn with_a_shared_count_its_verdict_decides() {
    let shared = StubShared::answering(Ok(verdict(1, None)));
    let server = server_of(limits().shared_by(shared.clone()));
    let allowed = server.send(read("192.0.2.1")).await;
    assert_eq!(header(&allowed, "ratelimit"), Some("\"reads\";r=1;t=60"));
    shared.answers(Ok(verdict(0, Some(17))));
    let refused = server.send(read("2001:db8:0:1:a::1")).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&refused, "retry-after"), Some("17"));
    let clients = ["reads:192.0.2.1", "reads:2001:db8:0:1::"].map(|client| (client.to_owned(), 3));
    assert_eq!(shared.counted(), clients);
}

#[actix_web::test]
async fn a_request_that_this_server_refuses_is_not_counted_by_the_others() {
    let shared = StubShared::answering(Ok(verdict(1, None)));
    let server = server_of(limits().shared_by(shared.clone()));
    assert_eq!(server.allowed_of_ten(|| read("192.0.2.1")).await, 3);
    assert_eq!(shared.counted().len(), 3);
}

#[actix_web::test]
async fn where_the_shared_count_fails_each_server_counts_by_itself() {
    for failure in [SharedFailure::Timeout, SharedFailure::Unavailable] {
        let shared = StubShared::answering(Err(failure));
        let limits = limits().shared_by(shared.clone());
        let server = Server::with_limits(Arc::new(Model::default()), Writes::Open, None, limits);
        assert_eq!(server.allowed_of_ten(|| read("192.0.2.1")).await, 3, "{failure}");
        let health = server.send(TestRequest::get().uri("/health")).await.body;
        assert_eq!(health["dependencies"]["redis"]["status"], "unavailable");
        assert_eq!(health["status"], "ok", "{health}");
        shared.answers(Ok(verdict(1, None)));
        let health = server.send(TestRequest::get().uri("/health")).await.body;
        assert_eq!(health["dependencies"]["redis"]["status"], "healthy");
    }
}

const JWT_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// A read of this subject, from this address.
fn read_as(subject: &str, address: &str) -> TestRequest {
    let now = Timestamp::from_second(START).unwrap();
    let token = mint(JWT_SECRET, &subject.parse().unwrap(), Role::Reader, now, 3_600, None, None).unwrap();
    read(address).insert_header(("authorization", format!("Bearer {token}")))
}

#[actix_web::test]
async fn a_caller_with_a_credential_is_counted_by_itself_wherever_it_comes_from() {
    let jwt = Some(JwtVerifier::new(JwtKeys::secret(JWT_SECRET).unwrap(), None, None));
    let credentials = Credentials { operator_token: token(Some(TOKEN)), jwt, ..Credentials::default() };
    let shared = StubShared::answering(Err(SharedFailure::Unavailable));
    let limits = limits().shared_by(shared.clone());
    let (store, policy) = (Arc::new(Model::default()), Some(Policy::default()));
    let server = Server::with_parts(
        store,
        Writes::Open,
        Some(TOKEN),
        limits,
        policy,
        (Cors::default(), Frontend::default()),
        credentials,
    );
    assert_eq!(server.allowed_of_ten(|| read_as("acme", "192.0.2.1")).await, 3);
    assert_eq!(server.allowed_of_ten(|| read_as("acme", "192.0.2.2")).await, 0, "another address");
    assert_eq!(server.allowed_of_ten(|| read_as("zeta", "192.0.2.1")).await, 3, "another subject");
    assert_eq!(shared.counted()[0].0, "reads:jwt:acme");
    assert_eq!(server.allowed_of_ten(|| read("192.0.2.1")).await, 3, "the address has its own quota");
    let forged = || read("192.0.2.3").insert_header(("authorization", "Bearer a.b.c"));
    assert_eq!(server.allowed_of_ten(forged).await, 3, "refused credentials count for their address");
    assert_eq!(server.allowed_of_ten(|| read("192.0.2.3")).await, 3, "and leave its reads to its neighbours");
    let operator = || read("192.0.2.3").insert_header(("x-operator-token", TOKEN));
    assert_eq!(server.allowed_of_ten(operator).await, 10, "an operator is not limited");
}
