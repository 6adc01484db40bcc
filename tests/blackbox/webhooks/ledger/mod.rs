//! The ledger test: every event reaches every endpoint, although servers are killed and stopped and the receiver fails.
//!
//! `FLUXORA_LEDGER_ROUNDS` says how many rounds are made: 20 unless it is set. Before a release, run it with 200. A run is repeated with
//! the `FLUXORA_LEDGER_SEED` that it prints: the same plan, at instants that the machine chooses.

mod check;
mod libraries;
mod plan;
mod writers;

use std::sync::RwLock;
use std::thread;
use std::time::Duration;

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::{MASTER_KEY, api, check_log_of, events, now};
use crate::indexer::{OPERATOR_TOKEN, WORKER_TOKEN, contract};
use crate::random::Random;
use crate::server::{Launch, TestServer};
use crate::webhooks::receiver::Receiver;
use libraries::Judges;
use plan::Servers;
use writers::Writers;

const REPLICAS: usize = 3;
/// How long it may take until everything is settled: longer than some doubled pauses of a breaker.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);
const STANDARD_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDAAAAAAAAAAA=";

/// An endpoint of the test.
struct Endpoint {
    path: &'static str,
    secret: &'static str,
    id: String,
    /// Whether it gets an event.
    gets: fn(&Value) -> bool,
}

/// The path of an endpoint, its secret, the rest of the request that creates it, and whether it gets an event.
type Specification = (&'static str, &'static str, Value, fn(&Value) -> bool);

fn register(server: &TestServer, receiver: &Receiver) -> Vec<Endpoint> {
    let specifications: [Specification; 4] = [
        ("/everything", super::SECRET, json!({}), |_| true),
        ("/standard", STANDARD_SECRET, json!({ "headerProfile": "standardWebhooks" }), |_| true),
        (
            "/types",
            "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            json!({ "filter": { "types": ["stream.cancelled", "stream.removed", "stream.corrected"] } }),
            |event| {
                let kind = event["type"].as_str().unwrap();
                ["stream.cancelled", "stream.removed", "stream.corrected"].contains(&kind)
            },
        ),
        (
            "/contract",
            "whsec_/////////////////////////////////////////w==",
            json!({ "filter": { "contractId": contract() } }),
            |event| event["streamId"].as_str().unwrap().starts_with(&contract()),
        ),
    ];
    let created = specifications.map(|(path, secret, mut body, gets)| {
        body["url"] = receiver.url_of(path).into();
        body["secret"] = secret.into();
        let created = api::post(server, api::ENDPOINTS, &body);
        Endpoint { path, secret, id: created["id"].as_str().unwrap().to_owned(), gets }
    });
    created.into()
}

fn launch(receiver: &Receiver) -> Launch {
    api::launch(receiver).set("INDEXER_WORKER_TOKEN", WORKER_TOKEN).set("OPERATOR_TOKEN", OPERATOR_TOKEN)
}

/// Runs the plan on the servers that `start` starts, and checks what became of every event.
fn run(start: impl FnOnce(&Receiver) -> Vec<TestServer>) {
    let seed = variable("FLUXORA_LEDGER_SEED").unwrap_or_else(Random::fresh_seed);
    let rounds = variable("FLUXORA_LEDGER_ROUNDS").unwrap_or(20);
    println!("FLUXORA_LEDGER_SEED={seed}");
    let mut random = Random::seeded(seed);
    let (judges, observer) = Judges::start(STANDARD_SECRET);
    let receiver = Receiver::hostile(Random::seeded(random.next()), observer);
    let began = now();
    let servers = start(&receiver);
    let endpoints = register(&servers[0], &receiver);
    let addresses = RwLock::new(servers.iter().map(TestServer::address).collect());
    let mut servers = Servers::new(servers, &addresses);
    thread::scope(|scope| {
        let writers = Writers::start(scope, &addresses, &mut random);
        for _ in 0..rounds {
            servers.round(&mut random, &receiver, &writers);
        }
        servers.resume_all();
        drop(writers);
    });
    // So that no breaker opens again.
    receiver.recover();
    let mut servers = servers.into_inner();
    let server = &servers[0];
    wait_until_settled(server, &receiver);
    let events = events(server);
    let sequences = events.iter().map(|event| event["sequence"].as_u64().unwrap());
    assert!(sequences.eq(1..=u64::try_from(events.len()).unwrap()), "the log has no gap");
    let reorg = events.iter().any(|event| event["data"]["cause"]["type"] == "reorg");
    assert!(reorg || rounds < 20, "the reorg is in the log");
    let arrivals = receiver.close();
    for endpoint in &endpoints {
        let totals = check::check(server, endpoint, &events, &arrivals);
        println!("{}: {totals}", endpoint.path);
    }
    let standard = arrivals.iter().filter(|arrival| arrival.path == "/standard").count();
    let (judged, libraries) = judges.end();
    assert_eq!(judged, standard, "each request was judged");
    let seconds = now().duration_since(began).unwrap().as_secs();
    println!(
        "{rounds} rounds, {} events, {} requests, {judged} judged by {libraries} libraries, {seconds} s",
        events.len(),
        arrivals.len()
    );
    let secrets: Vec<_> = endpoints.iter().map(|endpoint| endpoint.secret).chain([MASTER_KEY]).collect();
    servers.iter().for_each(|server| check_log_of(server, &arrivals, &secrets));
    servers.iter_mut().for_each(TestServer::terminate);
}

#[track_caller]
fn wait_until_settled(server: &TestServer, receiver: &Receiver) {
    let deadline = now() + SETTLED_WITHIN;
    loop {
        let health = server.get("/health").expect(200);
        let webhooks = &health["webhooks"];
        if (&webhooks["pending"], &webhooks["eventsBehind"]) == (&0.into(), &0.into()) {
            return;
        }
        assert!(
            now() < deadline,
            "deliveries are not settled: {webhooks}\n{}",
            server.get(api::ENDPOINTS).expect(200)
        );
        receiver.has_within(receiver.count() + 1, Duration::from_millis(100));
    }
}

#[expect(clippy::disallowed_methods, reason = "the environment sets the length of the test")]
fn variable(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn every_event_is_delivered_and_settled_once_on_sqlite() {
    run(|receiver| vec![TestServer::launch(launch(receiver))]);
}

#[test]
fn every_event_is_delivered_and_settled_once_by_three_servers_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    run(|receiver| {
        let launch = || launch(receiver).set("DATABASE_URL", database.url());
        (0..REPLICAS).map(|_| TestServer::launch(launch())).collect()
    });
}
