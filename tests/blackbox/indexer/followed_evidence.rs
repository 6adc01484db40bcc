//! What a server keeps of the ledgers that it read: proofs, coverage, and which of several servers reads.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use fluxora_stellar::EventProof;
use fluxora_store_postgres::testing::Cluster;
use serde_json::Value;

use super::followed::{command, run, two_hundred_ledgers, wait};
use super::worker::{Worker, events};
use crate::binary;
use crate::envelope;
use crate::http::Request;
use crate::server::TestServer;

/// A contract without events.
const QUIET: &str = "CA3D5KRYM6CB7OWQ6TWYRR3Z4T7GNZLKERYNZGGA5SOAOPIFY6YQGAXE";

fn proof_of(event: &str) -> Request {
    Request::get(&format!("/api/events/{event}/proof"))
}

#[test]
fn every_followed_event_has_a_proof_that_is_verified_offline() {
    let network = two_hundred_ledgers();
    let launch = network.launch();
    let mut server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    let page = worker.send(&events("limit=1000")).expect(200);
    let ids = network.event_ids();
    assert_eq!(page["provenEventIds"], Value::from(ids.clone()), "{page}");
    let mut last = String::new();
    for (id, listed) in ids.iter().zip(page["events"].as_array().unwrap()) {
        last = worker.send(&proof_of(id)).expect(200).to_string();
        let proven = EventProof::verify_json(&last).unwrap();
        assert_eq!(proven.event.id.as_str(), id);
        assert_eq!(proven.ledger.hash.to_string(), listed["ledgerHash"], "{listed}");
        assert_eq!(serde_json::from_str::<Value>(&proven.event.payload).unwrap(), listed["payload"]);
    }
    let verify = |proof: &str| {
        let mut verifying = std::process::Command::new(binary::server())
            .args(["proof", "verify", "-"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        verifying.stdin.take().unwrap().write_all(proof.as_bytes()).unwrap();
        let ended = verifying.wait_with_output().unwrap();
        (ended.status.code(), String::from_utf8(ended.stdout).unwrap())
    };
    let (code, said) = verify(&last);
    assert_eq!(code, Some(0));
    assert!(said.contains(ids.last().unwrap()), "{said}");
    assert_eq!(verify(&last.replace(ids.last().unwrap(), &ids[0])).0, Some(1));
    server.terminate();
}

#[test]
fn an_event_that_was_only_pushed_has_no_proof_until_its_ledger_is_read() {
    let network = two_hundred_ledgers();
    let mut server = TestServer::launch(network.launch());
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    let listed = worker.send(&events("limit=100")).expect(200);
    let pushed: Vec<_> = listed["events"].as_array().unwrap().last().cloned().into_iter().collect();
    let id = pushed[0]["eventId"].as_str().unwrap();
    network.show(network.first());
    let mut other = TestServer::launch(network.launch());
    let mut pusher = Worker::of(&other);
    network.wait_for(&mut pusher, network.first());
    pusher.push(&super::batch(&pushed, None));
    envelope::error(&pusher.send(&proof_of(id)), 404, "NOT_FOUND");
    envelope::error(&pusher.send(&proof_of("none")), 404, "NOT_FOUND");
    network.show(network.last());
    wait(&mut pusher, "last ledger", |health| health["follower"]["ledger"] == network.last());
    pusher.send(&proof_of(id)).expect(200);
    other.terminate();
    server.terminate();
}

#[test]
fn a_contract_that_is_added_later_is_read_from_the_first_ledger_on() {
    let network = two_hundred_ledgers();
    let contract = network.scenario.contract.clone();
    let covered = |health: &Value, contract: &str| {
        let ranges = health["follower"]["coverage"].as_array().cloned().unwrap_or_default();
        let of = |range: &&Value| range["contract"] == contract;
        let ranges = ranges.iter().filter(of).map(|range| (range["from"].as_u64(), range["to"].as_u64()));
        ranges.collect::<Vec<_>>() == [(Some(network.first().into()), Some(network.last().into()))]
    };
    let mut server = TestServer::launch(network.launch().set("FOLLOW_CONTRACTS", QUIET));
    let mut worker = Worker::of(&server);
    wait(&mut worker, "coverage", |health| covered(health, QUIET));
    assert!(worker.events(100).is_empty());
    server.kill9();
    server.restart_with("FOLLOW_CONTRACTS", &format!("{QUIET},{contract}"));
    let mut worker = Worker::of(&server);
    let both = |health: &Value| covered(health, QUIET) && covered(health, &contract);
    let health = wait(&mut worker, "coverage of both contracts", both);
    assert_eq!(health["follower"]["backfill"]["lastError"], Value::Null, "{health}");
    network.expect_events(&mut worker);
    server.terminate();
}

#[test]
fn of_two_servers_on_postgres_one_follows_and_the_other_takes_over_within_seconds() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let network = two_hundred_ledgers();
    network.show(network.first());
    let launch = || network.launch().set("DATABASE_URL", database.url());
    let mut leader = TestServer::launch(launch());
    network.wait_for(&mut Worker::of(&leader), network.first());
    let mut standby = TestServer::launch(launch());
    let mut worker = Worker::of(&standby);
    wait(&mut worker, "standby", |health| health["follower"]["status"] == "standby");
    let middle = network.first() + (network.last() - network.first()) / 2;
    network.show(middle);
    network.wait_for(&mut worker, middle);
    assert_eq!(worker.get("/health")["follower"]["status"], "standby", "the other one follows");

    leader.kill9();
    #[expect(clippy::disallowed_methods, reason = "measures how long the other server takes")]
    let gone = Instant::now();
    network.show(network.last());
    network.wait_for(&mut worker, network.last());
    assert!(gone.elapsed() < Duration::from_secs(15), "{:?}", gone.elapsed());
    leader.restart();
    let mut back = Worker::of(&leader);
    wait(&mut back, "standby", |health| health["follower"]["status"] == "standby");
    network.expect_events(&mut worker);
    standby.terminate();
    leader.terminate();
}

#[test]
fn a_backfill_that_is_killed_continues_with_the_same_command_and_stores_nothing_twice() {
    let network = two_hundred_ledgers();
    let launch = network.launch();
    let (from, to) = (network.first().to_string(), network.last().to_string());
    let words = ["backfill", "--from", &from, "--to", &to];
    // It waits for ledgers that the source does not show yet, with those below stored.
    for part in 1..=3 {
        network.show(network.first() + (network.last() - network.first()) * part / 4);
        let asked = network.rpc.requests().len();
        let mut running =
            command(&launch, &words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        #[expect(clippy::disallowed_methods, reason = "the wait for a process has a limit")]
        let until = Instant::now() + crate::PATIENCE;
        while network.rpc.requests().len() < asked + 4 {
            #[expect(clippy::disallowed_methods, reason = "the wait for a process has a limit")]
            let now = Instant::now();
            assert!(now < until, "the backfill asks nothing");
            std::thread::yield_now();
        }
        running.kill().unwrap();
        running.wait().unwrap();
    }
    network.show(network.last());
    let said = run(&launch, &words);
    assert!(said.contains("ledgers verified and stored"), "{said}");
    let mut server = TestServer::launch(launch);
    let mut worker = Worker::of(&server);
    network.wait_for(&mut worker, network.last());
    network.expect_events(&mut worker);
    assert_eq!(worker.get("/health")["indexer"]["contracts"]["unusable"], Value::Array(Vec::new()));
    server.terminate();
}
