//! Contract events are listed as they were pushed.

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::chain::{Chain, ChainPosition, FIRST, contract, created, stream_id, withdrawn_to};
use super::worker::{Worker, events, push};
use super::{batch, indexing};
use crate::envelope;
use crate::sample::{self, with};
use crate::server::{Launch, TestServer};

/// Ten ledgers with three events each, pushed.
fn filled() -> (TestServer, Worker, Vec<Value>) {
    let server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let chain = Chain::of(10);
    let mut pushed = Vec::new();
    for ledger in FIRST..=chain.tip() {
        let number = u64::from(ledger - FIRST);
        let noise = json!({ "topic": ["noise"], "value": null });
        for (transaction, event, payload) in
            [(1, 0, created(number, ledger)), (1, 1, withdrawn_to(number, 1)), (2, 0, noise)]
        {
            pushed.push(chain.event(ledger, ChainPosition { transaction, event }, &payload));
        }
        let last = pushed.last_mut().unwrap();
        last["contractId"] = json!(sample::contract(2));
    }
    worker.push(&batch(&pushed, None));
    (server, worker, pushed)
}

#[track_caller]
fn page(worker: &mut Worker, query: &str) -> Value {
    worker.send(&events(query)).expect(200)
}

#[test]
fn events_are_listed_in_the_order_of_the_chain_page_by_page_as_they_were_pushed() {
    let (mut server, mut worker, pushed) = filled();
    // The link to the ledger before belongs to the ledger.
    let expect: Vec<_> =
        pushed.iter().map(|event| with(event.clone(), &json!({ "previousLedgerHash": null }))).collect();
    for limit in [1, 7, 29, 30, 31, 1000] {
        assert_eq!(worker.events(limit), expect, "in pages of {limit}");
    }
    assert_eq!(page(&mut worker, "")["events"].as_array().unwrap().len(), 30);
    server.terminate();
}

#[test]
fn the_list_is_followed_past_its_end() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let empty = page(&mut worker, "");
    let lists = ["events", "provenEventIds", "provenInvocations", "authorizedInvocations"];
    assert!(lists.iter().all(|list| empty[list] == json!([])) && empty["hasMore"] == false, "{empty}");
    assert_eq!(empty.get("nextCursor"), None);
    let chain = Chain::of(2);
    let event = |ledger| chain.event(ledger, ChainPosition { transaction: 1, event: 0 }, &created(0, ledger));
    let [first, second] = [event(FIRST), event(FIRST + 1)];
    let ids = |page: &Value| {
        let events = page["events"].as_array().unwrap().iter();
        events.map(|event| event["eventId"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    worker.push(&batch(std::slice::from_ref(&first), None));
    let last = page(&mut worker, "");
    assert_eq!((ids(&last).len(), &last["hasMore"]), (1, &json!(false)));
    let after = format!("cursor={}", last["nextCursor"].as_str().unwrap());
    let nothing = page(&mut worker, &after);
    assert_eq!((ids(&nothing).len(), &nothing["nextCursor"]), (0, &last["nextCursor"]));
    worker.push(&batch(std::slice::from_ref(&second), None));
    assert_eq!(ids(&page(&mut worker, &after)), [second["eventId"].as_str().unwrap()]);
    server.terminate();
}

#[test]
fn events_are_filtered_by_ledger_contract_and_topic() {
    let (mut server, mut worker, _) = filled();
    let mut count = |query: &str| page(&mut worker, query)["events"].as_array().unwrap().len();
    let [from, to] = [FIRST + 3, FIRST + 5];
    assert_eq!(count(&format!("fromLedger={from}")), 21);
    assert_eq!(count(&format!("toLedger={to}")), 18);
    assert_eq!(count(&format!("fromLedger={from}&toLedger={to}")), 9);
    assert_eq!(count(&format!("fromLedger={to}&toLedger={from}")), 0);
    assert_eq!(count(&format!("contractId={}", contract())), 20);
    assert_eq!(count(&format!("contractId={}", sample::contract(9))), 0);
    assert_eq!(count("topic=created"), 10);
    assert_eq!(count(&format!("topic=noise&contractId={}", sample::contract(2))), 10);
    assert_eq!(count(&format!("topic=noise&contractId={}&toLedger={FIRST}", sample::contract(2))), 1);
    assert_eq!(count(&format!("topic=created&contractId={}", sample::contract(2))), 0);
    server.terminate();
}

#[test]
fn a_cursor_belongs_to_its_list() {
    let (mut server, mut worker, pushed) = filled();
    let cursor = page(&mut worker, "limit=4")["nextCursor"].as_str().unwrap().to_owned();
    let next = page(&mut worker, &format!("limit=2&cursor={cursor}"));
    assert_eq!(next["events"][0]["eventId"], pushed[4]["eventId"], "another limit is the same list");
    let of_streams = "10000000000000001cbf29ce484222325";
    for query in [
        format!("topic=created&cursor={cursor}"),
        format!("fromLedger=0&cursor={cursor}"),
        format!("cursor={}", &cursor[..cursor.len() - 1]),
        format!("cursor={}", &cursor[..66]),
        format!("cursor={cursor}0"),
        format!("cursor={}", cursor.replace('1', "2")),
        format!("cursor={of_streams}"),
        "cursor=".to_owned(),
        "cursor=x".to_owned(),
        "cursor=%00%ff".to_owned(),
    ] {
        let response = worker.send(&events(&query));
        assert_eq!(response.status, 400, "{query}: {}", response.everything());
        envelope::error(&response, 400, "VALIDATION_ERROR");
    }
    let foreign = worker.send(&events(&format!("topic=created&cursor={cursor}")));
    envelope::invalid(&foreign, &[("cursor", "INVALID_CURSOR")]);
    server.terminate();
}

#[test]
fn each_parameter_of_the_list_is_checked() {
    let mut server = TestServer::launch(indexing());
    let long = format!("topic={}", "x".repeat(129));
    for (query, field, code) in [
        ("limit=0", "limit", "INVALID_VALUE"),
        ("limit=1001", "limit", "INVALID_VALUE"),
        ("limit=ten", "limit", "INVALID_VALUE"),
        ("fromLedger=-1", "fromLedger", "INVALID_VALUE"),
        ("fromLedger=%2B1", "fromLedger", "INVALID_VALUE"),
        ("toLedger=4294967296", "toLedger", "INVALID_VALUE"),
        ("toLedger=", "toLedger", "INVALID_VALUE"),
        ("contractId=", "contractId", "INVALID_ADDRESS"),
        ("contractId=unknown", "contractId", "INVALID_ADDRESS"),
        ("order=newest", "order", "INVALID_VALUE"),
        ("topic=%0a", "topic", "INVALID_VALUE"),
        (&long, "topic", "INVALID_VALUE"),
        ("topic=a&topic=b", "topic", "DUPLICATE_FIELD"),
        ("ledger=5", "query", "UNKNOWN_FIELD"),
    ] {
        envelope::invalid(&server.send(&events(query)), &[(field, code)]);
    }
    server.terminate();
}

#[test]
fn a_payload_is_kept_and_given_back_byte_for_byte() {
    is_kept(indexing());
    if let Some(cluster) = Cluster::shared() {
        is_kept(indexing().set("DATABASE_URL", cluster.database().url()));
    }
}

fn is_kept(launch: Launch) {
    let mut server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    let chain = Chain::of(2);
    let payloads = [
        r#"{ "b" :1,"a":  [ 1.50, 1e3 ,-0 ] }"#,
        r#"{"big":123456789012345678901234567890123456789012345678901234567890,"tiny":1e-400,"huge":1e400}"#,
        r#"{"é":"\u00e9\ud83d\ude00\/","twice":1,"twice":2}"#,
        r#"{"nothing":"\u0000","half":"\ud83d","\u0000":[]}"#,
        "{\n\t\"lines\": \"kept\"\r\n}",
        r#"{"topic":["created","0"],"value":{"stream_id":0}}"#,
        "{}",
    ];
    for (index, payload) in (0..).zip(payloads) {
        let position = ChainPosition { transaction: 1, event: index };
        let mut event = chain.event(FIRST, position, &json!({ "topic": ["created"] }));
        event["payload"] = json!("HERE");
        let body = batch(&[event], None).to_string().replace("\"HERE\"", payload);
        assert_eq!(worker.send(&push(body.clone())).expect(200)["insertedCount"], 1, "{payload}");
        // The same once more is a duplicate, however it is spaced.
        let spaced = body.replace("\"events\":", " \"events\" : ");
        assert_eq!(worker.send(&push(spaced)).expect(200)["duplicateCount"], 1, "{payload}");
    }
    worker.push(&batch(&[], Some(&chain.newest())));
    let response = worker.send(&events(""));
    let listed = String::from_utf8(response.body().to_vec()).unwrap();
    for payload in payloads {
        assert!(listed.contains(&format!("\"payload\":{payload}")), "{payload} is not in {listed}");
    }
    let health = worker.get("/health")["indexer"].clone();
    assert_eq!((&health["unknownEvents"], &health["unreadableEvents"]), (&json!(6), &json!(1)), "{health}");
    assert_eq!(worker.stream_ids(), [""; 0]);
    server.wait_for_line("the unreadable event", |line| {
        line["level"] == "WARN" && line["stream"] == stream_id(0).as_str() && line["reason"].is_string()
    });
    server.terminate();
}

#[test]
fn an_event_that_cannot_be_read_is_kept_and_makes_its_stream_uncertain_and_blocks_nothing() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    let chain = Chain::of(3);
    let event =
        |ledger, event, payload| chain.event(ledger, ChainPosition { transaction: 1, event }, payload);
    let unreadable = json!({ "topic": ["wdraw_to", "0"], "value": { "stream_id": "0", "amount": "many" } });
    worker.push(&batch(
        &[
            event(FIRST, 0, &created(0, FIRST)),
            event(FIRST, 1, &created(1, FIRST)),
            event(FIRST + 1, 0, &unreadable),
            event(FIRST + 1, 1, &withdrawn_to(0, 3)),
            event(FIRST + 1, 2, &withdrawn_to(1, 4)),
        ],
        Some(&chain.newest()),
    ));
    let [first, second] = [0, 1].map(|number| worker.stream(&stream_id(number), 4_000_000_000));
    let seen = |stream: &Value| {
        let chain = &stream["chain"];
        (chain["uncertain"].clone(), chain["unprojectedEvents"].clone(), stream["withdrawnAmount"].clone())
    };
    assert_eq!(seen(&first), (json!(true), json!(1), json!("0.0000003")));
    assert_eq!(seen(&second), (json!(false), json!(0), json!("0.0000004")));
    assert_eq!(worker.events(10).len(), 5);
    server.terminate();
}

#[test]
fn in_the_order_of_arrival_a_late_event_and_a_replaced_one_come_last() {
    let check = |launch: Launch| {
        let mut server = TestServer::launch(launch);
        let mut worker = Worker::of(&server);
        let mut chain = Chain::of(4);
        let at = ChainPosition { transaction: 1, event: 0 };
        let event = |chain: &Chain, ledger: u32| chain.event(ledger, at, &created(u64::from(ledger), ledger));
        let hashes = |page: &Value| -> Vec<String> {
            let events = page["events"].as_array().unwrap().iter();
            events.map(|event| event["ledgerHash"].as_str().unwrap().to_owned()).collect()
        };
        let follow = |worker: &mut Worker, last: &Value| {
            page(worker, &format!("order=arrival&cursor={}", last["nextCursor"].as_str().unwrap()))
        };
        let hash =
            |chain: &Chain, ledger: u32| event(chain, ledger)["ledgerHash"].as_str().unwrap().to_owned();
        let empty = page(&mut worker, "order=arrival");
        assert_eq!(hashes(&empty), [""; 0]);
        worker.push(&batch(&[event(&chain, FIRST), event(&chain, FIRST + 2)], Some(&chain.newest())));
        let read = follow(&mut worker, &empty);
        assert_eq!(hashes(&read), [hash(&chain, FIRST), hash(&chain, FIRST + 2)]);
        worker.push(&batch(&[event(&chain, FIRST + 1)], None));
        let late = follow(&mut worker, &read);
        assert_eq!(hashes(&late), [hash(&chain, FIRST + 1)], "it lies before what was read");
        chain.fork(FIRST + 2);
        worker.push(&batch(&[event(&chain, FIRST + 2)], Some(&chain.newest())));
        let again = follow(&mut worker, &late);
        assert_eq!(hashes(&again), [hash(&chain, FIRST + 2)], "the same id on the new branch");
        assert_eq!(hashes(&follow(&mut worker, &again)), [""; 0]);
        let whole = page(&mut worker, "order=arrival");
        assert_eq!(hashes(&whole), [FIRST, FIRST + 1, FIRST + 2].map(|ledger| hash(&chain, ledger)));
        let other = format!("cursor={}", again["nextCursor"].as_str().unwrap());
        envelope::invalid(&worker.send(&events(&other)), &[("cursor", "INVALID_CURSOR")]);
        server.terminate();
    };
    check(indexing());
    if let Some(cluster) = Cluster::shared() {
        check(indexing().set("DATABASE_URL", cluster.database().url()));
    }
}
