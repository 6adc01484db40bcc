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
fn each_filter_selects_its_streams_and_filters_combine() {
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
        (format!("contractId={}", sample::contract(1)), &[]),
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
fn updated_since_selects_streams_changed_at_or_after_an_instant() {
    let mut server = TestServer::start();
    let first = server.create(&sample::stream_between(1, 3));
    let others: Vec<_> = (0..3).map(|_| server.create(&sample::stream_between(1, 4))).collect();
    let cancelled = server.cancel(first["id"].as_str().unwrap());
    let all = ["2026-01-01T00:00:00Z", "1970-01-01t00:00:00z", "0", "1767225600"];
    let none = ["9999-12-31T23:59:59Z", "253402300799", "18446744073709551615"];
    let list = |filters: &str| ids(&walk(&server, filters, 2, |_| ()));
    for since in all {
        assert_eq!(list(&format!("updatedSince={since}")).len(), 4, "{since}");
        assert_eq!(
            list(&format!("updatedSince={since}&recipient={}", sample::account(4))).len(),
            3,
            "{since}"
        );
    }
    for since in none {
        assert_eq!(list(&format!("updatedSince={since}")), Vec::<String>::new(), "{since}");
    }
    let since = |stream: &Value| stream["updatedAt"].as_str().unwrap().to_owned();
    let newest = list(&format!("updatedSince={}", since(&cancelled)));
    assert_eq!(newest.last().map(String::as_str), cancelled["id"].as_str(), "it is the oldest of these");
    let later = since(&cancelled).replace('Z', "9Z");
    assert!(!list(&format!("updatedSince={later}")).contains(&cancelled["id"].as_str().unwrap().to_owned()));
    let last = since(&others[2]);
    assert!(list(&format!("updatedSince={last}&status=cancelled")).len() <= 1);
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
