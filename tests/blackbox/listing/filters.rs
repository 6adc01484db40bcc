use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::sample;
use crate::server::{Launch, TestServer};
use crate::walk::{ids, walk};

/// One stream of each status that the API can bring about, by its status; of two senders and two recipients.
fn one_of_each(server: &TestServer) -> BTreeMap<&'static str, Value> {
    let now = server.create(&sample::stream_between(9, 9 + 1))["asOf"].as_u64().unwrap();
    let create = |sender, recipient, changes: Value| {
        server.create(&sample::with(sample::stream_between(sender, recipient), &changes))
    };
    let cancelled = create(1, 3, json!({}));
    BTreeMap::from([
        ("active", create(1, 3, json!({}))),
        ("scheduled", create(1, 4, json!({ "startTime": now + 10_000 }))),
        ("completed", create(2, 3, json!({ "startTime": now - 1_000 }))),
        ("cancelled", server.cancel(cancelled["id"].as_str().unwrap())),
    ])
}

#[test]
fn each_filter_leaves_what_it_says_and_filters_add_up() {
    let mut server = TestServer::start();
    let streams = one_of_each(&server);
    let [one, two, three, four] = [1, 2, 3, 4].map(sample::account);
    for (filters, expect) in [
        ("status=scheduled".to_owned(), &["scheduled"][..]),
        ("status=completed".to_owned(), &["completed"]),
        ("status=cancelled".to_owned(), &["cancelled"]),
        ("status=paused".to_owned(), &[]),
        (format!("status=active&sender={one}"), &["active"]),
        (format!("sender={one}"), &["scheduled", "active", "cancelled"]),
        (format!("sender={two}"), &["completed"]),
        (format!("sender={three}"), &[]),
        (format!("recipient={three}"), &["completed", "active", "cancelled"]),
        (format!("recipient={four}"), &["scheduled"]),
        (format!("recipient={four}&sender={one}"), &["scheduled"]),
        (format!("recipient={four}&sender={two}"), &[]),
        (format!("origin=api&recipient={three}&status=completed&sender={two}"), &["completed"]),
        (format!("origin=api&sender={two}"), &["completed"]),
        ("origin=chain".to_owned(), &[]),
        ("contractId=CDLZFC3S".to_owned(), &[]),
        (format!("sender={}", sample::contract(1)), &[]),
    ] {
        let page = server.get(&format!("/api/streams?includeTotal=true&{filters}")).expect(200);
        let found = ids(page["streams"].as_array().unwrap());
        let mut expect: Vec<_> =
            expect.iter().map(|status| streams[status]["id"].as_str().unwrap()).collect();
        expect.sort_unstable_by(|a, b| b.cmp(a));
        assert_eq!(found, expect, "{filters}");
        assert_eq!(page["total"], expect.len(), "{filters}");
        assert_eq!(ids(&walk(&server, &filters, 1, |_| ())), expect, "{filters}, one at a time");
    }
    server.terminate();
}

#[test]
fn a_listed_stream_looks_as_it_does_when_it_is_read() {
    let mut server = TestServer::launch(Launch::new().set("STREAM_CLOCK_INTERVAL_MS", "20"));
    let streams = one_of_each(&server);
    server.wait_for_message("due transitions recorded");
    for listed in walk(&server, "", 100, |_| ()) {
        let (id, at) = (listed["id"].as_str().unwrap(), listed["asOf"].as_u64().unwrap());
        assert_eq!(server.get(&format!("/api/streams/{id}?at={at}")).expect(200), listed);
    }
    assert_eq!(streams.len(), 4);
    server.terminate();
}
