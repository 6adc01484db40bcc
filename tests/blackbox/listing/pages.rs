use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::Value;

use crate::http::Request;
use crate::sample;
use crate::server::TestServer;
use crate::walk::{ids, walk};

const STREAMS: u64 = 1_000;
const CONNECTIONS: u64 = 10;

/// Creates many streams, a few at a time, with these senders in turn. Gives their ids.
fn create_many(server: &TestServer, senders: u64) -> BTreeSet<String> {
    let create = |from: u64| {
        let mut connection = server.connect();
        let mut create = |number: u64| {
            let terms = sample::stream_between(number % senders, 100);
            connection.send(&Request::create_json(&terms)).unwrap().expect(201)
        };
        let made: Vec<Value> =
            (from..STREAMS).step_by(usize::try_from(CONNECTIONS).unwrap()).map(&mut create).collect();
        ids(&made)
    };
    thread::scope(|scope| {
        let creating: Vec<_> = (0..CONNECTIONS).map(|from| scope.spawn(move || create(from))).collect();
        creating.into_iter().flat_map(|creating| creating.join().unwrap()).collect()
    })
}

#[test]
fn a_walk_over_a_thousand_streams_misses_none_and_repeats_none_while_others_are_created() {
    let mut server = TestServer::start();
    let old = create_many(&server, 4);
    assert_eq!(old.len(), 1_000);
    let walking = AtomicBool::new(true);
    let (walked, of_one_sender) = thread::scope(|scope| {
        scope.spawn(|| {
            let mut connection = server.connect();
            while walking.load(Ordering::Relaxed) {
                connection.send(&Request::create_json(&sample::stream_between(1, 100))).unwrap().expect(201);
            }
        });
        // One is created for certain between every two pages.
        let another = |connection: &mut crate::http::Connection| {
            connection.send(&Request::create_json(&sample::stream_between(1, 100))).unwrap().expect(201);
        };
        let walked = walk(&server, "", 37, another);
        let of_one_sender = walk(&server, &format!("sender={}", sample::account(1)), 23, another);
        walking.store(false, Ordering::Relaxed);
        (walked, of_one_sender)
    });

    let seen = ids(&walked);
    let distinct: BTreeSet<_> = seen.iter().cloned().collect();
    assert_eq!(distinct.len(), seen.len(), "streams are repeated");
    assert_eq!(old.difference(&distinct).collect::<Vec<_>>(), [""; 0], "streams are missed");
    assert!(seen.len() < 1_000 + 37, "{} streams: later ones slip into later pages", seen.len());

    let expect: BTreeSet<_> = walked
        .iter()
        .filter(|stream| stream["sender"] == sample::account(1).as_str())
        .map(|stream| stream["id"].as_str().unwrap().to_owned())
        .filter(|id| old.contains(id))
        .collect();
    assert_eq!(expect.len(), 250);
    let filtered = ids(&of_one_sender);
    let distinct: BTreeSet<_> = filtered.iter().cloned().collect();
    assert_eq!(distinct.len(), filtered.len(), "streams of the sender are repeated");
    assert!(distinct.is_superset(&expect), "streams of the sender are missed");
    server.terminate();
}

#[test]
fn the_newest_comes_first_and_every_size_of_page_shows_the_same() {
    let mut server = TestServer::start();
    let mut made: Vec<_> = (0..12).map(|_| server.create(&sample::stream())).collect();
    made.reverse();
    for limit in [1, 2, 3, 4, 5, 6, 11, 12, 13, 100] {
        assert_eq!(ids(&walk(&server, "", limit, |_| ())), ids(&made), "{limit} at a time");
    }
    server.terminate();
}

#[test]
fn an_empty_list_is_a_page_without_a_next_one() {
    let mut server = TestServer::start();
    let page = server.get("/api/streams").expect(200);
    assert_eq!(page, serde_json::json!({ "streams": [], "hasMore": false }));
    server.terminate();
}
