//! A page of any list ends before it takes much memory, with the largest rows that the limits of the API allow.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use fluxora_audit::{Action, Actor, ActorKind, Entry, LONGEST, Outcome as AuditOutcome};
use fluxora_delivery::{
    AttemptOptions, AttemptResult, Endpoint, EndpointId, EndpointState, HeaderProfile, Jitter,
    MAX_EXCERPT_BYTES, OnDead, Ordering, OutcomeCode, Policy as DeliveryPolicy, ReplayFilter, ReplayId,
};
use fluxora_store::delivery::{Settlement, StartReplay, StateChange};
use fluxora_store::{AuditStore, DeliveryStore, EndpointStore, Sequence};
use fluxora_stream::EventFilter;

use super::*;
use crate::page_bytes::MAX_BYTES;
use crate::{Method as RouteMethod, ROUTES};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Rows of each list: more than a page may hold.
const ROWS: u32 = 120;
/// What an answer has beside its items: a cursor and the names of its members, or a delivery with its body.
const FRAME: usize = 512 * 1024;

/// Lists, with the member that holds their items and what each item is known by.
const LISTS: [(&str, &str, &str); 8] = [
    ("/api/streams", "streams", "id"),
    ("/api/streams/{id}/events", "events", "id"),
    ("/api/streams/{id}/segments", "segments", "from"),
    ("/api/webhooks/endpoints", "endpoints", "id"),
    ("/api/webhooks/deliveries", "deliveries", "id"),
    ("/api/webhooks/deliveries/{id}", "attempts", "number"),
    ("/api/webhooks/replays", "replays", "id"),
    ("/api/admin/audit", "rows", "seq"),
];
/// The lists of chain data are walked by `tests/blackbox/indexer/large_pages.rs`, drifts below. A hundred keys have less than 100 KB.
const OTHERS: [&str; 5] = [
    "/api/events",
    "/internal/indexer/events",
    "/internal/indexer/drifts",
    "/compat/backend/api/streams",
    "/api/admin/keys",
];

#[test]
fn every_route_with_a_limit_is_a_list_that_a_test_walks() {
    let limited = ROUTES.iter().filter(|route| {
        let has_limit = route.doc.parameters.iter().any(|parameter| parameter.name == "limit");
        route.method == RouteMethod::Get && has_limit
    });
    let limited: BTreeSet<_> = limited.map(|route| route.path).collect();
    let walked: BTreeSet<_> = LISTS.iter().map(|(path, ..)| *path).chain(OTHERS).collect();
    assert_eq!(limited, walked);
}

/// Characters that JSON writes with six each.
fn longest(characters: usize) -> String {
    "\u{1}".repeat(characters)
}

/// A store with endpoints, deliveries, replays and rows of the audit log, and a delivery with many attempts.
async fn filled(server: &Server, store: &Model) {
    let (now, policy) = (server.clock.now(), DeliveryPolicy::default());
    for n in 0..ROWS {
        let endpoint = Endpoint {
            id: EndpointId::new(Uuid::from_u128(n.into())),
            owner: Some("o".repeat(128)),
            url: format!("https://example.com/{}", "a".repeat(2_028)),
            description: longest(500),
            filter: EventFilter::default(),
            state: EndpointState::Active,
            headers: HeaderProfile::Contract,
            ordering: Ordering::Stream,
            options: AttemptOptions {
                timeout_seconds: Some(30),
                retry_seconds: (n > 0).then(|| vec![86_400; AttemptOptions::MAX_RETRIES]),
                fail_fast: true,
                on_dead: OnDead::Block,
                max_lane_block_seconds: Some(AttemptOptions::MAX_LANE_BLOCK_SECONDS),
                notices: true,
            },
            secrets: Vec::new(),
            custom_headers: Vec::new(),
            rate_limit: NonZeroU32::new(10_000),
            start_sequence: Sequence(0),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let id = endpoint.id;
        store.create_endpoint(endpoint, true, u32::MAX).await.unwrap();
        if n > 0 {
            let pause = StateChange::Pause { reason: longest(500) };
            store.change_endpoint_state(id, pause, now).await.unwrap();
        }
    }
    server.create(json!({})).await;
    store.fan_out(1_000, now).await.unwrap();
    for _ in 0..ROWS {
        server.clock.advance(100_000);
        let now = server.clock.now();
        let claimed = store.claim("w", 1, SignedDuration::from_secs(9), &policy, now).await.unwrap();
        let [claimed] = &claimed.deliveries[..] else { panic!("{claimed:?}") };
        let result = AttemptResult::new(OutcomeCode::HttpStatus, now, SignedDuration::from_millis(12));
        let result = result.with_status(500).with_excerpt(&[1; MAX_EXCERPT_BYTES]);
        let settlement = Settlement { fence: claimed.fence, result, jitter: Jitter::NONE };
        let none = DeliveryPolicy { schedule: Vec::new(), hold_after: None, ..DeliveryPolicy::default() };
        store.settle(vec![settlement], &none, now).await.unwrap();
        store.replay(claimed.delivery.id, None, now).await.unwrap();
    }
    let endpoint = EndpointId::new(Uuid::from_u128(0));
    for n in 0..ROWS {
        let id = ReplayId::new(Uuid::from_u128(n.into()));
        let filter = ReplayFilter::default();
        store.start_replay(StartReplay { id, endpoint, filter, fresh_ids: false }, now).await.unwrap();
    }
    // A quote is a character that JSON and tables write with two; control characters are not kept.
    let text = || Some("\"".repeat(LONGEST));
    let actor = Actor { id: text(), ..Actor::of(ActorKind::Key, "partner") };
    let entry = Entry {
        target: text(),
        request_id: text(),
        client_address: text(),
        ..Entry::new(now, actor, Action::StreamCreate, AuditOutcome::Done)
    };
    store.append_audit(vec![entry; 1_500]).await.unwrap();
}

/// Reads a list to its end with the largest limit. Returns how many items each page has.
async fn walk(server: &Server, path: &str, member: &str, id: &str) -> Vec<usize> {
    let limit = if path == "/api/admin/audit" { 1_000 } else { 100 };
    let (mut lengths, mut seen, mut cursor) = (Vec::new(), BTreeSet::new(), String::new());
    loop {
        let uri = format!("{path}?limit={limit}{cursor}");
        let request = TestRequest::get().uri(&uri).insert_header(("x-operator-token", SECRET));
        let page = server.send(request).await;
        assert_eq!(page.status, StatusCode::OK, "{uri}: {}", page.text);
        assert!(page.text.len() <= MAX_BYTES + FRAME, "{uri}: {} bytes", page.text.len());
        let items = page.body[member].as_array().unwrap();
        lengths.push(items.len());
        for item in items {
            assert!(seen.insert(item[id].to_string()), "{uri}: twice: {}", item[id]);
        }
        if page.body["hasMore"] == false {
            assert_eq!(page.body.get("nextCursor"), None, "{uri}");
            return lengths;
        }
        cursor = format!("&cursor={}", page.body["nextCursor"].as_str().unwrap());
    }
}

#[actix_web::test]
async fn a_page_of_the_largest_rows_ends_with_the_one_that_makes_it_larger_than_a_mebibyte() {
    let store = Arc::new(Model::default());
    let server = Server::with(store.clone(), Writes::Open, Some(SECRET));
    filled(&server, &store).await;
    let stream = server.get("/api/streams").await.body["streams"][0]["id"].as_str().unwrap().to_owned();
    let active = format!("/api/webhooks/deliveries?endpointId={}", Uuid::from_u128(0));
    let of_active = server.get(&active).await.body;
    let deliveries = of_active["deliveries"].as_array().unwrap().iter();
    let delivery = deliveries.max_by_key(|delivery| delivery["attemptCount"].as_u64()).unwrap();
    let delivery = delivery["id"].as_str().unwrap().to_owned();
    for (path, member, id) in LISTS {
        let named = if path.contains("deliveries") { &delivery } else { &stream };
        let lengths = walk(&server, &path.replace("{id}", named), member, id).await;
        let total: usize = lengths.iter().sum();
        let is_cut = lengths.len() > 1 && lengths[0] < 100;
        match path {
            "/api/webhooks/endpoints" => assert_eq!(total, 120, "{lengths:?}"),
            "/api/webhooks/deliveries/{id}" => assert_eq!((total, is_cut), (120, true), "{lengths:?}"),
            "/api/webhooks/replays" => assert_eq!(lengths, [100, 20]),
            "/api/admin/audit" => assert!(total >= 1_500 && lengths[0] < 1_000, "{lengths:?}"),
            _ => assert!(total > 0, "{path}"),
        }
    }
}

/// A table ends where the page of the same rows as JSON does.
#[actix_web::test]
async fn a_table_of_the_largest_rows_is_bounded_too() {
    let store = Arc::new(Model::default());
    let server = Server::with(store.clone(), Writes::Open, Some(SECRET));
    filled(&server, &store).await;
    let (mut lines, mut cursor, mut pages) = (0, String::new(), 0);
    loop {
        let uri = format!("/api/admin/audit?limit=1000{cursor}");
        let request = TestRequest::get().uri(&uri).insert_header(("x-operator-token", SECRET));
        let table = server.send(request.insert_header(("accept", "text/csv"))).await;
        assert!(table.text.len() <= MAX_BYTES + FRAME, "{} bytes", table.text.len());
        lines += table.text.lines().count() - 1;
        pages += 1;
        let Some(next) = table.headers.get("x-next-cursor") else { break };
        cursor = format!("&cursor={}", next.to_str().unwrap());
    }
    assert!(lines >= 1_500 && pages > 2, "{lines} rows in {pages} pages");
}
