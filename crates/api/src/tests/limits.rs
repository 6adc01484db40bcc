//! Limits of requests: who is counted, and what the answer to one too many is.

use std::net::SocketAddr;

use fluxora_limit::Quota;

use super::*;

const TOKEN: &str = "an-operator-token-of-32-characters";

/// A server that allows 3 reads and 2 writes a minute, and trusts the proxies in 10.0.0.0/8.
fn limited() -> Server {
    let limits = Limits::new(
        Quota::per_minute(3),
        Quota::per_minute(2),
        "10.0.0.0/8".parse().unwrap(),
        RandomState::new(),
    );
    Server::with_limits(Arc::new(Model::default()), Writes::Open, Some(TOKEN), limits)
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
