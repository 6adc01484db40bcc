//! Chain streams among API streams.

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::chain::{
    Chain, ChainPosition, FIRST, close_time, contract, created, named, paused, stream_id, withdrawn_to,
};
use super::worker::Worker;
use super::{batch, indexing};
use crate::envelope;
use crate::http::Request;
use crate::sample;
use crate::server::{Launch, TestServer};

fn on_both(check: impl Fn(Launch)) {
    check(indexing());
    if let Some(cluster) = Cluster::shared() {
        check(indexing().set("DATABASE_URL", cluster.database().url()));
    }
}

/// Pushes these into one ledger, and makes it safe.
fn push_payloads(worker: &mut Worker, payloads: &[Value]) {
    let chain = Chain::of(2);
    let events: Vec<_> = (0..)
        .zip(payloads)
        .map(|(event, payload)| chain.event(FIRST, ChainPosition { transaction: 1, event }, payload))
        .collect();
    worker.push(&batch(&events, Some(&chain.newest())));
}

#[test]
fn a_stream_is_listed_under_the_status_and_the_parties_that_it_shows() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch.set("STREAM_CLOCK_INTERVAL_MS", "10"));
        let mut worker = Worker::of(&server);
        let ended = sample::with(sample::stream(), &json!({ "startTime": 1_000 }));
        server.create(&ended);
        server.create(&sample::stream());
        // All of them have reached their end, of which the contract has said nothing.
        let all: Vec<_> = (0..4).map(|number| created(number, FIRST)).collect();
        let more =
            [paused(1), named("cancelled", "StreamCancelled", 2), named("completed", "StreamCompleted", 3)];
        push_payloads(&mut worker, &[all.as_slice(), &more].concat());
        for (filter, expect) in [
            ("status=active", vec![stream_id(0)]),
            ("status=paused", vec![stream_id(1)]),
            ("status=cancelled", vec![stream_id(2)]),
            ("status=completed", vec![stream_id(3)]),
            ("status=scheduled", vec![]),
            ("limit=100", (0..4).map(stream_id).collect()),
        ] {
            let query = format!("/api/streams?includeTotal=true&origin=chain&{filter}");
            let page = worker.get(&query);
            let mut found = crate::walk::ids(page["streams"].as_array().unwrap());
            found.sort_unstable();
            assert_eq!((&found, &page["total"]), (&expect, &json!(expect.len())), "{filter}: {page}");
        }
        let total = |worker: &mut Worker, filter: &str| {
            worker.get(&format!("/api/streams?includeTotal=true&{filter}"))["total"].clone()
        };
        assert_eq!(total(&mut worker, "limit=1"), 6);
        assert_eq!(total(&mut worker, "origin=api"), 2);
        assert_eq!(total(&mut worker, &format!("contractId={}", contract())), 4);
        assert_eq!(total(&mut worker, &format!("contractId={}", sample::contract(9))), 0);
        assert_eq!(total(&mut worker, &format!("sender={}", sample::account(1))), 6);
        server.terminate();
    });
}

#[test]
fn a_stream_is_found_by_its_exact_id_alone_and_from_its_ledger_on() {
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    push_payloads(&mut worker, &[created(7, FIRST), created(u64::MAX, FIRST)]);
    for number in [7, u64::MAX] {
        let stream = worker.stream(&stream_id(number), close_time(FIRST));
        assert_eq!(
            (&stream["id"], &stream["chain"]["streamId"]),
            (&json!(stream_id(number)), &json!(number.to_string()))
        );
        let history = worker.get(&format!("/api/streams/{}/events", stream_id(number)));
        let event = &history["events"][0];
        assert_eq!(
            (&event["type"], &event["data"]["cause"]["topic"]),
            (&json!("stream.created"), &json!("created"))
        );
        assert!((8..=64).contains(&event["id"].as_str().unwrap().len()), "{event}");
    }
    let contract = contract();
    for id in [
        format!("{contract}-07"),
        format!("{contract}-+7"),
        format!("{contract}-8"),
        format!("{contract}-18446744073709551616"),
        format!("{contract}-"),
        format!("{contract}7"),
        contract.clone(),
        format!("{}-7", contract.to_lowercase()),
        format!("{}-7", sample::contract(2)),
        format!("{}-7", sample::account(1)),
    ] {
        envelope::error(&server.get(&format!("/api/streams/{id}")), 404, "NOT_FOUND");
    }
    let before = format!("/api/streams/{}?at={}", stream_id(7), close_time(FIRST) - 1);
    envelope::error(&worker.send(&Request::get(&before)), 404, "NOT_FOUND");
    server.terminate();
}

#[test]
fn the_first_and_the_last_ledger_that_there_can_be_are_taken() {
    on_both(|launch| {
        let mut server = TestServer::launch(launch.set("INDEXER_MAX_TIP_JUMP", "4294967295"));
        let mut worker = Worker::of(&server);
        let sound = Chain::of(1).event(
            FIRST,
            ChainPosition { transaction: u32::MAX, event: u32::MAX },
            &created(0, FIRST),
        );
        let at = |ledger: u32, id: &str| {
            let place =
                json!({ "ledger": ledger, "ledgerHash": id, "previousLedgerHash": null, "eventId": id });
            sample::with(sound.clone(), &place)
        };
        worker.push(&batch(&[at(0, "first")], None));
        let last = json!({ "ledger": u32::MAX, "ledgerHash": "last" });
        let paid = sample::with(
            at(u32::MAX, "last"),
            &json!({ "payload": withdrawn_to(0, 1), "topic": "wdraw_to" }),
        );
        let answer = worker.push(&batch(&[paid], Some(&last)));
        assert_eq!((&answer["lastSafeLedger"], &answer["pendingCount"]), (&json!(u32::MAX - 1), &json!(1)));
        assert_eq!(worker.stream(&stream_id(0), 4_000_000_000)["chain"]["createdLedger"], 0);
        let places: Vec<_> = worker.events(1).iter().map(|event| event["txIndex"].clone()).collect();
        assert_eq!(places, [json!(u32::MAX), json!(u32::MAX)]);
        worker.rewind(0);
        worker.push(&batch(
            &[],
            Some(&json!({ "ledger": 1, "ledgerHash": "second", "previousLedgerHash": "first" })),
        ));
        assert_eq!(worker.stream(&stream_id(0), 4_000_000_000)["withdrawnAmount"], "0.0000000");
        server.terminate();
    });
}
