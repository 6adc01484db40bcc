//! Limits of requests, through the settings of an operator.

use crate::envelope;
use crate::http::Request;
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
