//! `fluxora-server demo`: what its simulated contract answers, and what the server answers about it.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_simulation::{Chain, Contract, ROUND};
use fluxora_stream::UnixTime;
use fluxora_stream::vesting::Units;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::http::Request;
use crate::server::{Launch, TestServer};

/// The seed of the demo.
const SEED: u64 = 1;

fn demo() -> Launch {
    // The demo writes a guide and a log for people.
    Launch::new().arguments(&["demo"]).set("LOG_FORMAT", "pretty")
}

/// The streams of the first answer, oldest first.
fn streams(server: &TestServer) -> Vec<Value> {
    let page = server.get("/api/streams?limit=100").expect(200);
    page["streams"].as_array().unwrap().iter().rev().cloned().collect()
}

/// The simulated contract after each second of the first round, on the branch that the chain keeps.
fn simulated(start: UnixTime) -> (Chain, BTreeMap<u64, Contract>) {
    let mut chain = Chain::new(SEED, start).unwrap();
    let end = start.saturating_add(ROUND.into());
    let mut seconds = BTreeMap::new();
    while chain.close(end).unwrap().is_some() {
        seconds.insert(chain.close_time().seconds(), chain.contract().clone());
    }
    (chain, seconds)
}

/// The second before the first stream was created: the demo began then.
fn start(streams: &[Value]) -> UnixTime {
    let created: Timestamp = streams[0]["createdAt"].as_str().unwrap().parse().unwrap();
    UnixTime::from_seconds(UnixTime::of(created).seconds() - 1)
}

#[test]
fn the_demo_shows_at_any_second_what_its_contract_answers() {
    let mut server = TestServer::launch(demo());
    let streams = streams(&server);
    let (chain, seconds) = simulated(start(&streams));
    let mut connection = server.connect();
    let mut compared = 0;
    // The last ledger of the round is not safe until the next one has closed.
    for (at, contract) in seconds.iter().rev().skip(1) {
        let now = UnixTime::from_seconds(*at);
        for (number, simulated) in contract.streams().iter().enumerate() {
            let target = format!("/api/streams/{}-{number}?at={at}", chain.address());
            let answer = connection.send(&Request::get(&target)).unwrap().expect(200);
            let amount = |amount: i128| Units(amount).with_decimals(7);
            let expect = json!({
                "sender": simulated.sender,
                "recipient": simulated.recipient,
                "status": simulated.status.as_str(),
                "deposited": simulated.schedule.deposited.to_string(),
                "streamedAmount": amount(simulated.schedule.vested(now)),
                "withdrawnAmount": amount(simulated.withdrawn),
                "withdrawableAmount": amount(simulated.withdrawable(now)),
                "remainingAmount": amount(simulated.schedule.refundable(now)),
                "endTime": simulated.schedule.end.seconds(),
                "token": {"contract": chain.token().to_string(), "code": "DEMO", "decimals": 7},
                "uncertain": false,
            });
            let ours = expect.as_object().unwrap().keys().map(|name| {
                let value = answer.get(name).unwrap_or(&answer["chain"][name]);
                (name.clone(), value.clone())
            });
            assert_eq!(Value::Object(ours.collect()), expect, "{target}: {answer}");
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared} answers");
    server.terminate();
}

#[test]
fn the_first_answers_have_every_status_every_event_and_a_reorg() {
    let mut server = TestServer::launch(demo());
    let streams = streams(&server);
    let statuses: BTreeSet<_> = streams.iter().map(|stream| stream["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, BTreeSet::from(["active", "cancelled", "depleted", "paused"]));
    let contract = streams[0]["chain"]["contractId"].as_str().unwrap();
    let events = |number: u32| {
        let page = server.get(&format!("/api/streams/{contract}-{number}/events?limit=100")).expect(200);
        let events = page["events"].as_array().unwrap().clone();
        events.into_iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let types: BTreeSet<_> = (0..4).flat_map(events).collect();
    let expect =
        ["cancelled", "corrected", "created", "depleted", "paused", "resumed", "updated", "withdrawn"];
    assert_eq!(types, expect.map(|name| format!("stream.{name}")).into());

    assert_eq!(server.get("/").expect(200)["demo"], true);
    let health = server.get("/health").expect(200);
    assert_eq!((&health["demo"], &health["status"]), (&json!(true), &json!("ok")), "{health}");
    assert_eq!(health["indexer"]["lastReorg"]["forkLedger"], 1_040, "{health}");
    assert_eq!(health["indexer"]["lastReorg"]["number"], 1, "{health}");

    // The reorg removed stream 4. The next round uses its number again: its first ledger is safe when the third closes.
    server.process().stdout.wait_for("the third ledger of the next round", |line| {
        (line.contains("simulated contract event") && line.contains("ledger=1063")).then_some(())
    });
    assert_eq!(events(4), ["stream.created", "stream.removed", "stream.created"]);
    server.terminate();
}

#[test]
fn the_guide_names_addresses_that_answer() {
    let mut server = TestServer::launch(demo());
    let lines = server.process().stdout.lines();
    let urls: Vec<_> = lines.iter().filter_map(|line| Some(line.split_once("  http://")?.1)).collect();
    assert_eq!(urls.len(), 4, "{lines:?}");
    for url in urls {
        let (host, path) = url.split_at(url.find('/').unwrap());
        assert_eq!(host, server.address().to_string());
        server.get(path).expect(200);
    }
    assert!(!server.database().exists(), "it opens no database");
    server.terminate();
}

#[test]
fn the_demo_refuses_a_database() {
    for (launch, name) in [
        (demo().set("DATABASE_URL", "sqlite:mine.db"), "DATABASE_URL"),
        (demo().set("DATABASE_URL", "nonsense"), "DATABASE_URL"),
        (demo().set("DATABASE_URL_FILE", "url"), "DATABASE_URL_FILE"),
        (Launch::new().arguments(&["--database-url=postgres://localhost/mine", "demo"]), "DATABASE_URL"),
    ] {
        std::fs::write(launch.folder().join("url"), "sqlite:mine.db").unwrap();
        let ended = launch.ends();
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(78), ""), "{}", ended.stderr);
        let reason = format!("{name} must not be set for demo");
        assert!(ended.stderr.contains(&reason), "{}", ended.stderr);
        assert_eq!(std::fs::read_dir(launch.folder()).unwrap().count(), 1, "no file is created");
    }
}

#[test]
fn the_demo_refuses_a_database_that_the_file_env_names() {
    let launch = demo();
    std::fs::write(launch.folder().join(".env"), "DATABASE_URL=sqlite://data/fluxora.db\n").unwrap();
    let ended = launch.ends();
    assert_eq!(ended.code, Some(78), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("remove it from the command line, the environment and .env"),
        "{}",
        ended.stderr
    );
}
