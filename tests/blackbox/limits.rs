//! Limits of requests, through the settings of an operator.

use std::thread;
use std::time::{Duration, Instant};

use fluxora_limit_redis::testing::RedisServer;

use crate::PATIENCE;
use crate::envelope;
use crate::http::{Request, Response};
use crate::sample;
use crate::server::{Launch, TestServer};

fn launch() -> Launch {
    let launch = Launch::new().set("RATE_LIMIT_READS", "2").set("RATE_LIMIT_WRITES", "1");
    launch.set("TRUSTED_PROXIES", "127.0.0.1")
}

fn through_proxy(request: Request, client: &str) -> Request {
    request.header("x-forwarded-for", client)
}

#[test]
fn a_client_behind_a_trusted_proxy_is_limited_and_its_neighbour_is_not() {
    let mut server = TestServer::launch(launch());
    let read = |client| server.send(&through_proxy(Request::get("/api/streams"), client));
    let create = |client| server.send(&through_proxy(Request::create_json(&sample::stream()), client));
    create("203.0.113.7").expect(201);
    let refused = create("203.0.113.7");
    envelope::error(&refused, 429, "RATE_LIMITED");
    assert_eq!(refused.header("ratelimit-policy"), Some("\"writes\";q=1;w=60"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    for _ in 0..2 {
        read("203.0.113.7").expect(200);
    }
    envelope::error(&read("203.0.113.7"), 429, "RATE_LIMITED");
    read("203.0.113.8").expect(200);
    server.get("/api/streams").expect(200);
    server.terminate();
}

#[test]
fn an_address_in_a_header_is_ignored_where_no_proxy_is_trusted() {
    let mut server = TestServer::launch(launch().unset("TRUSTED_PROXIES"));
    for _ in 0..10 {
        let request = through_proxy(Request::get("/api/streams"), "203.0.113.7");
        let answered = server.send(&request);
        answered.expect(200);
        assert_eq!(answered.header("ratelimit"), None, "a loopback client is not limited");
    }
    server.terminate();
}

/// A proxy adds the address that called it at the end. What stands before it, and every other header, is the client's word.
#[test]
fn a_client_behind_a_proxy_cannot_name_another_address() {
    let mut server = TestServer::launch(launch());
    for spoofed in ["198.51.100.1", "127.0.0.1", "127.0.0.1, ::1", "unknown", "\"[::1]:443\"", "10.0.0.1,,"] {
        let request = through_proxy(Request::get("/api/streams"), &format!("{spoofed}, 203.0.113.9"));
        let answered = server.send(
            &request
                .header("forwarded", "for=127.0.0.1")
                .header("x-real-ip", "127.0.0.1")
                .header("cf-connecting-ip", spoofed)
                .header("true-client-ip", spoofed)
                .header("x-client-ip", spoofed),
        );
        assert!(answered.header("ratelimit").is_some(), "{spoofed}: counted as the machine itself");
    }
    envelope::error(&server.send(&through_proxy(Request::get("/"), "203.0.113.9")), 429, "RATE_LIMITED");
    server.terminate();
}

const OPERATOR_TOKEN: &str = "fedcba9876543210fedcba9876543210";

fn shared(redis: &RedisServer) -> TestServer {
    let launch = launch().set("RATE_LIMIT_READS", "4").set("REDIS_URL", redis.url());
    // Longer than any pause of a busy machine.
    TestServer::launch(launch.set("REDIS_TIMEOUT_MS", "500").set("OPERATOR_TOKEN", OPERATOR_TOKEN))
}

fn read(server: &TestServer, client: &str) -> Response {
    server.send(&through_proxy(Request::get("/api/streams"), client))
}

/// How many of ten reads are allowed.
fn allowed(server: &TestServer, client: &str) -> usize {
    (0..10).filter(|_| read(server, client).status == 200).count()
}

/// Waits until `/health` shows this state of Redis, and that nothing else depends on it.
#[track_caller]
fn wait_for_redis(server: &TestServer, status: &str) {
    let deadline = now() + PATIENCE;
    loop {
        let health = server.get("/health").expect(200);
        assert_eq!(health["status"], "ok", "{health}");
        if health["dependencies"]["redis"]["status"] == status {
            return;
        }
        assert!(now() < deadline, "{health}");
        thread::yield_now();
    }
}

fn metric(server: &TestServer, name: &str) -> u64 {
    let page = server.send(&Request::get("/metrics").header("x-operator-token", OPERATOR_TOKEN));
    let page = String::from_utf8(page.body().to_vec()).unwrap();
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} is not in {page}")).parse().unwrap()
}

/// Waits until a message has been logged so often, and that it was not logged more often.
#[track_caller]
fn wait_for_lines(server: &TestServer, message: &str, expect: usize) {
    let deadline = now() + PATIENCE;
    loop {
        let lines = server.log().iter().filter(|line| line["message"] == message).count();
        assert!(lines <= expect && now() < deadline, "{lines} of {expect}: {message}");
        if lines == expect {
            return;
        }
        thread::yield_now();
    }
}

#[test]
fn two_servers_share_the_quota_of_a_client_through_redis() {
    let Some(redis) = RedisServer::start() else { return };
    let mut servers = [shared(&redis), shared(&redis)];
    servers.iter().for_each(|server| wait_for_redis(server, "healthy"));
    let allowed = servers.each_ref().map(|server| allowed(server, "203.0.113.7"));
    assert_eq!(allowed, [4, 0]);
    read(&servers[1], "203.0.113.8").expect(200);
    assert_eq!(metric(&servers[0], "fluxora_rate_limit_redis_requests_total{outcome=\"counted\"}"), 4);
    assert_eq!(metric(&servers[0], "fluxora_rate_limit_redis_up"), 1);
    servers.iter_mut().for_each(TestServer::terminate);
}

/// A change of a server's state.
const fn change(change: fn(&RedisServer)) -> fn(&RedisServer) {
    change
}

#[expect(clippy::disallowed_methods, reason = "a test waits for a limited time")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn while_redis_is_frozen_or_gone_requests_are_answered_and_each_server_counts_by_itself() {
    let Some(redis) = RedisServer::start() else { return };
    let mut server = shared(&redis);
    for (outage, client, lose, regain) in [
        (1, "203.0.113.1", change(RedisServer::freeze), change(RedisServer::thaw)),
        (2, "203.0.113.2", change(RedisServer::kill), change(RedisServer::restart)),
    ] {
        wait_for_redis(&server, "healthy");
        lose(&redis);
        // Five clients beside one another, as the time limit of five requests may pass.
        thread::scope(|scope| {
            for other in 10..15 {
                let server = &server;
                scope.spawn(move || assert_eq!(allowed(server, &format!("{client}{other}")), 4));
            }
        });
        wait_for_redis(&server, "unavailable");
        let began = now();
        assert_eq!(allowed(&server, client), 4);
        assert!(
            began.elapsed() < Duration::from_secs(4),
            "no request waits for Redis: {:?}",
            began.elapsed()
        );
        assert_eq!(metric(&server, "fluxora_rate_limit_redis_up"), 0);
        regain(&redis);
        wait_for_redis(&server, "healthy");
        wait_for_lines(&server, "Redis counts requests again", outage);
    }
    let lost = metric(&server, "fluxora_rate_limit_redis_requests_total{outcome=\"unavailable\"}");
    assert!(lost >= 8, "{lost}");
    wait_for_lines(&server, "Redis does not count requests: each server counts them by itself", 2);
    server.terminate();
}

#[test]
fn a_server_starts_and_counts_by_itself_where_redis_never_answers() {
    let mut server = TestServer::launch(launch().set("REDIS_URL", "redis://127.0.0.1:9"));
    server.wait_for_message("Redis does not count requests: each server counts them by itself");
    assert_eq!(allowed(&server, "203.0.113.7"), 2);
    server.terminate();
}
