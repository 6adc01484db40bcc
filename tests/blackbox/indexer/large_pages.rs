//! A page of any list ends before it takes much memory, however large its items are.

use serde_json::{Value, json};

use super::chain::{Chain, ChainPosition, FIRST, created};
use super::worker::{Worker, events};
use super::{batch, indexing};
use crate::http::Request;
use crate::server::{Launch, TestServer};

const STREAMS: u64 = 12;
/// A page is at most 1 MiB and one item more.
const LARGEST: usize = 1_024 * 1_024 + 300_000;

/// A server with chain streams whose memos have 200 KB each.
fn filled(launch: Launch) -> (TestServer, Worker) {
    let server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    let mut chain = Chain::of(1);
    for number in 0..STREAMS {
        let ledger = if number == 0 { FIRST } else { chain.grow() };
        let mut payload = created(number, ledger);
        payload["value"]["memo"] = json!(format!("0x{}", "ab".repeat(100_000)));
        let at = ChainPosition { transaction: 1, event: 0 };
        worker.push(&batch(&[chain.event(ledger, at, &payload)], None));
    }
    chain.grow();
    worker.push(&batch(&[], Some(&chain.newest())));
    (server, worker)
}

/// Reads a list to its end and returns the items of its pages.
#[track_caller]
fn pages(
    worker: &mut Worker,
    member: &str,
    request: impl Fn(&str) -> Request,
    next: &str,
) -> Vec<Vec<Value>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = worker.send(&request(&cursor)).expect(200);
        assert!(page.to_string().len() < LARGEST, "{} bytes", page.to_string().len());
        pages.push(page[member].as_array().unwrap().clone());
        if page["hasMore"] == false {
            return pages;
        }
        cursor = page[next].as_str().map_or_else(|| page[next].to_string(), str::to_owned);
    }
}

#[track_caller]
fn check(pages: &[Vec<Value>], id: &str) {
    let ids: Vec<_> = pages.iter().flatten().map(|item| item[id].to_string()).collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!((ids.len(), distinct.len()), (12, 12), "each once: {ids:?}");
    let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
    assert!((2..=3).contains(&pages.len()), "{lengths:?}");
}

#[test]
fn every_list_ends_a_page_with_the_item_that_makes_it_larger_than_a_mebibyte() {
    let (mut server, mut worker) = filled(indexing().set("INDEXER_SAFETY_MARGIN", "0"));
    let get = |target: String| Request::get(&target);
    let cursor = |name: &str, cursor: &str| match cursor {
        "" => String::new(),
        cursor => format!("&{name}={cursor}"),
    };
    let streams = |after: &str| get(format!("/api/streams?limit=100{}", cursor("cursor", after)));
    check(&pages(&mut worker, "streams", streams, "nextCursor"), "id");
    let log = |after: &str| get(format!("/api/events?limit=1000{}", cursor("after", after)));
    check(&pages(&mut worker, "events", log, "next"), "id");
    let listed = |after: &str| events(&format!("limit=1000{}", cursor("cursor", after)));
    check(&pages(&mut worker, "events", listed, "nextCursor"), "eventId");
    // A page that is large enough is not cut.
    let page = worker.get("/api/streams?limit=2");
    assert_eq!(page["streams"].as_array().unwrap().len(), 2);
    server.terminate();
}
