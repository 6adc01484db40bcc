//! A server of the previous version and one of this version on one database.

use fluxora_store_postgres::testing::Cluster;
use serde_json::Value;

use super::chain::{Chain, ChainPosition, FIRST, created, paused, withdrawn_to};
use super::worker::Worker;
use super::{batch, indexing};
use crate::http::Request;
use crate::server::TestServer;
use crate::upgrade::differences;
use crate::{binary, sample};

const AT: u64 = 4_000_000_000;

/// A ledger with the creation of a stream, in every third ledger its pause, and a withdrawal from the stream before it unless that
/// is paused. The two versions agree on a chain that the contract can make.
fn ledger(chain: &Chain, sequence: u32) -> Value {
    let number = u64::from(sequence - FIRST);
    let event =
        |event, payload: Value| chain.event(sequence, ChainPosition { transaction: 1, event }, &payload);
    let mut events = vec![event(0, created(number, sequence))];
    if sequence.is_multiple_of(3) {
        events.push(event(1, paused(number)));
    }
    if let Some(before) = number.checked_sub(1).filter(|_| !(sequence - 1).is_multiple_of(3)) {
        events.push(event(2, withdrawn_to(before, 1 + number)));
    }
    batch(&events, Some(&chain.newest()))
}

/// What a server shows: streams of both origins at one instant, their histories, the event log, and stored contract events.
fn shown(server: &TestServer) -> Vec<Value> {
    let mut worker = Worker::of(server);
    let list = worker.get("/api/streams?limit=100");
    let mut shown = vec![worker.get("/api/events?limit=500"), Value::Array(worker.events(1_000))];
    for stream in list["streams"].as_array().unwrap() {
        let id = stream["id"].as_str().unwrap();
        shown.push(worker.get(&format!("/api/streams/{id}/events")));
        shown.push(worker.stream(id, AT));
    }
    shown
}

/// Every value that `previous` shows is shown by `current`.
#[track_caller]
fn agree(previous: &[Value], current: &[Value]) {
    assert_eq!(previous.len(), current.len());
    for (previous, current) in previous.iter().zip(current) {
        assert_eq!(differences(previous, current), [""; 0]);
    }
}

#[track_caller]
fn write(server: &TestServer, chain: &mut Chain) {
    for _ in 0..2 {
        let kept = server.create(&sample::stream());
        server.create(&sample::stream());
        server.cancel(kept["id"].as_str().unwrap());
        let sequence = chain.grow();
        Worker::of(server).push(&ledger(chain, sequence));
    }
}

/// Replaces the last two ledgers by three others.
#[track_caller]
fn fork(server: &TestServer, chain: &mut Chain) {
    let from = chain.tip() - 1;
    chain.fork(from);
    chain.grow();
    let other: Vec<Value> = (from..=chain.tip())
        .map(|sequence| {
            let number = u64::from(sequence - FIRST);
            chain.event(sequence, ChainPosition { transaction: 1, event: 0 }, &created(number, sequence))
        })
        .collect();
    Worker::of(server).push(&batch(&other, Some(&chain.newest())));
}

#[test]
fn on_postgres_the_previous_version_goes_on_after_the_migration_and_both_versions_show_the_same() {
    let Some(previous) = binary::previous_server() else { return };
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let launch = || indexing().set("DATABASE_URL", database.url());
    let mut chain = Chain::of(1);
    let mut before = TestServer::launch(launch().binary(previous));
    write(&before, &mut chain);
    let mut after = TestServer::launch(launch());
    write(&after, &mut chain);
    write(&before, &mut chain);
    fork(&before, &mut chain);
    agree(&shown(&before), &shown(&after));
    write(&after, &mut chain);
    fork(&after, &mut chain);
    write(&before, &mut chain);
    agree(&shown(&before), &shown(&after));
    let endpoints = "/api/webhooks/endpoints";
    let url = r#"{"url":"https://example.com/hook"}"#;
    before.send(&Request::post(endpoints, url)).expect(201);
    assert_eq!(differences(&before.get(endpoints).expect(200), &after.get(endpoints).expect(200)), [""; 0]);
    before.terminate();
    super::verified(&database.url());
    after.terminate();
}

#[test]
fn a_sqlite_database_of_the_previous_version_shows_the_same_after_the_upgrade() {
    let Some(previous) = binary::previous_server() else { return };
    let mut chain = Chain::of(1);
    let mut server = TestServer::launch(indexing().binary(previous));
    write(&server, &mut chain);
    fork(&server, &mut chain);
    write(&server, &mut chain);
    let before = shown(&server);
    server.upgrade();
    agree(&before, &shown(&server));
    write(&server, &mut chain);
    fork(&server, &mut chain);
    let url = format!("sqlite://{}", server.database().display());
    server.terminate();
    super::verified(&url);
}
