//! What a server has made of a history full of forks is what its events make.

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::history::{History, Kind};
use super::worker::Worker;
use super::{batch, indexing};
use crate::random::Random;
use crate::server::{Launch, TestServer};

const HISTORIES: u32 = 5;
const BATCHES: u32 = 30;
const AT: u64 = 4_000_000_000;

/// Everything that is shown of streams, in the present and at two seconds of the past.
fn shown(worker: &mut Worker, past: [u64; 2]) -> Vec<Value> {
    let ids = worker.stream_ids();
    let mut shown = worker.streams(AT);
    for id in &ids {
        for at in past {
            let target = format!("/api/streams/{id}?at={at}");
            let response = worker.send(&crate::http::Request::get(&target));
            // There may have been no such stream.
            shown.push(if response.status == 404 { json!(null) } else { response.expect(200) });
        }
    }
    shown
}

fn check(launch: impl Fn() -> Launch) {
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let mut forks = 0;
    for number in 0..HISTORIES {
        let mut history = History::new(random.next());
        let mut server = TestServer::launch(launch());
        let mut worker = Worker::of(&server);
        let mut tip = Value::Null;
        for _ in 0..BATCHES {
            let (kind, batch) = history.next();
            forks += u32::from(kind == Kind::Forks);
            tip = worker.push(&batch)["tip"].clone();
        }
        let events = worker.events(1000);
        let (first, last) = (closing(&events[0]), closing(&events[events.len() - 1]));
        let past = [first + (last - first) / 3, first + (last - first) * 2 / 3];

        let mut fresh = TestServer::launch(indexing());
        let mut reference = Worker::of(&fresh);
        events.chunks(100).for_each(|events| _ = reference.push(&batch(events, None)));
        reference.push(&batch(&[], Some(&tip)));
        assert_eq!(reference.events(1000), events, "history {number}");
        assert_eq!(shown(&mut worker, past), shown(&mut reference, past), "history {number}");
        server.terminate();
        fresh.terminate();
    }
    println!("{HISTORIES} histories with {forks} forks");
}

/// When an event's ledger closed, in seconds of the epoch.
fn closing(event: &Value) -> u64 {
    let at = event["happenedAt"].as_str().unwrap().parse().unwrap();
    fluxora_stream::UnixTime::of(at).seconds()
}

#[test]
fn after_any_history_streams_are_those_that_a_fresh_server_makes_of_the_same_events() {
    check(indexing);
}

#[test]
fn and_so_they_are_on_postgres() {
    let Some(cluster) = Cluster::shared() else { return };
    check(|| indexing().set("DATABASE_URL", cluster.database().url()));
}
