//! The event feed: a client that follows the log by cursor misses nothing and sees nothing twice.

mod limits;
mod reader;

use std::sync::{Mutex, RwLock};
use std::thread;

use fluxora_store_postgres::testing::Cluster;
use rustix::process::Signal;
use serde_json::Value;

use super::chain::{Chain, ChainPosition, FIRST, created, stream_id, withdrawn_to};
use super::worker::{Worker, push};
use super::{batch, indexing};
use crate::http::{Connection, EventStream, Request};
use crate::random::Random;
use crate::sample;
use crate::server::{Launch, TestServer};
use reader::Reader;

const STREAMS: u64 = 30;
const LEDGERS: u32 = 20;

/// Everything in the log, page by page.
fn log(server: &TestServer) -> Vec<Value> {
    let (mut events, mut after) = (Vec::new(), 0);
    loop {
        let page = server.get(&format!("/api/events?after={after}&limit=50")).expect(200);
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        after = page["next"].as_u64().unwrap();
        if page["hasMore"] == false {
            return events;
        }
    }
}

/// Creates streams under keys and cancels every other one. A request is sent again until it is answered.
fn write(replicas: &RwLock<Vec<std::net::SocketAddr>>, writer: u64) {
    let send = |request: &Request| loop {
        let address =
            replicas.read().unwrap()[usize::try_from(writer).unwrap() % replicas.read().unwrap().len()];
        let answer = Connection::open(address).and_then(|mut connection| connection.send(request));
        if let Some(answer) = answer.ok().filter(|answer| answer.status != 503) {
            return answer;
        }
    };
    for n in 0..STREAMS {
        let create = Request::create_json(&sample::stream_between(writer, 1_000));
        let stream = send(&create.header("idempotency-key", format!("{writer}-{n}"))).expect(201);
        if n % 2 == 0 {
            let answer = send(&Request::delete(&format!("/api/streams/{}", stream["id"].as_str().unwrap())));
            assert!([200, 409].contains(&answer.status), "{answer:?}");
        }
    }
}

/// Pushes a chain that forks: the streams of the replaced ledgers are corrected or removed.
fn push_and_fork(replicas: &RwLock<Vec<std::net::SocketAddr>>) {
    let send = |body: &Value| loop {
        let address = replicas.read().unwrap()[0];
        let answer =
            Connection::open(address).and_then(|mut connection| connection.send(&push(body.to_string())));
        if let Some(answer) = answer.ok().filter(|answer| answer.status != 503) {
            answer.expect(200);
            return;
        }
    };
    let at = ChainPosition { transaction: 1, event: 0 };
    let mut chain = Chain::of(1);
    let push_ledger = |chain: &Chain, ledger: u32, amount: u32| {
        let number = u64::from(ledger - FIRST) / 2;
        let payload = match ledger.is_multiple_of(2) {
            true => created(number, ledger),
            false => withdrawn_to(number, amount),
        };
        send(&batch(&[chain.event(ledger, at, &payload)], Some(&chain.newest())));
    };
    push_ledger(&chain, FIRST, 1);
    while chain.tip() < FIRST + LEDGERS {
        let ledger = chain.grow();
        push_ledger(&chain, ledger, 1);
    }
    chain.fork(FIRST + LEDGERS / 2);
    push_ledger(&chain, chain.tip(), 2);
    while chain.tip() < FIRST + LEDGERS {
        let ledger = chain.grow();
        push_ledger(&chain, ledger, 2);
    }
}

/// The streams that were made in ledgers which the fork replaced and which were safe by then: all but the newest ledger.
fn replaced_streams() -> Vec<String> {
    let made = (FIRST + LEDGERS / 2..FIRST + LEDGERS).filter(|ledger| ledger.is_multiple_of(2));
    made.map(|ledger| stream_id(u64::from(ledger - FIRST) / 2)).collect()
}

/// What the log has of the reorg, in its order: nothing but removed streams.
fn removed_by_the_reorg(log: &[Value]) -> Vec<String> {
    let of_reorg = log.iter().filter(|event| event["data"]["cause"]["type"] == "reorg");
    let mut removed: Vec<_> = of_reorg
        .map(|event| {
            assert_eq!(event["type"], "stream.removed", "{event}");
            event["streamId"].as_str().unwrap().to_owned()
        })
        .collect();
    removed.sort();
    removed
}

/// Three writers, a reorg and kills, while readers follow: each has the log.
fn readers_have_the_log(replicas: &mut [TestServer], kills: u64) {
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let addresses = RwLock::new(replicas.iter().map(TestServer::address).collect::<Vec<_>>());
    let end = Mutex::new(None);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..6)
            .map(|n| {
                let (name, random) = (format!("reader {n}"), Random::seeded(random.next()));
                let reader = Reader { name, replicas: &addresses, random, end: &end, polls: n % 3 == 2 };
                scope.spawn(move || reader.follow())
            })
            .collect();
        let addresses = &addresses;
        let pusher = scope.spawn(move || push_and_fork(addresses));
        let writers: Vec<_> = (1..=2).map(|n| scope.spawn(move || write(addresses, n))).collect();
        for kill in 0..kills {
            let victim = usize::try_from(random.below(u64::try_from(replicas.len()).unwrap())).unwrap();
            // Not before something was written since the last kill.
            let head =
                |replica: &TestServer| replica.get("/api/events?after=now").expect(200)["head"].as_u64();
            let begin = head(&replicas[victim]);
            let goes_on = || {
                head(&replicas[victim]) > begin || writers.iter().all(thread::ScopedJoinHandle::is_finished)
            };
            while !goes_on() {}
            replicas[victim].kill9();
            replicas[victim].restart();
            addresses.write().unwrap()[victim] = replicas[victim].address();
            println!("kill {kill} after {begin:?}");
        }
        pusher.join().unwrap();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let head = replicas[0].get("/api/events?after=now").expect(200)["head"].as_u64();
        *end.lock().unwrap() = head;
        // A reader that waits at the end is woken by one more event, which it may or may not take.
        replicas[0].create(&sample::stream());
        let expect = log(&replicas[0]);
        let upto = usize::try_from(head.unwrap()).unwrap();
        for (n, event) in (1_u64..).zip(&expect) {
            assert_eq!(event["sequence"], n, "the log has no gap");
        }
        assert_eq!(removed_by_the_reorg(&expect), replaced_streams(), "the reorg is in the log, once");
        for reader in readers {
            let events = reader.join().unwrap();
            assert!(events.len() >= upto && events[..] == expect[..events.len()], "a reader has the log");
        }
    });
    replicas.iter_mut().for_each(TestServer::terminate);
}

#[test]
fn readers_miss_nothing_and_see_nothing_twice_when_the_server_is_killed() {
    readers_have_the_log(&mut [TestServer::launch(indexing())], 5);
}

#[test]
fn readers_miss_nothing_and_see_nothing_twice_across_replicas_that_are_killed() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let on = || TestServer::launch(indexing().set("DATABASE_URL", database.url()));
    readers_have_the_log(&mut [on(), on()], 5);
}

#[test]
fn a_stream_of_one_replica_shows_what_another_commits() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let on = || TestServer::launch(Launch::new().set("DATABASE_URL", database.url()));
    let mut replicas = [on(), on()];
    let mut stream = EventStream::open(replicas[0].address(), Request::get("/api/events")).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().name, "hello");
    for n in 1..=20 {
        let id = replicas[1].create(&sample::stream())["id"].clone();
        let frame = stream.next().unwrap().unwrap();
        assert_eq!((frame.name.as_str(), frame.id), ("message", Some(n)));
        assert_eq!(serde_json::from_str::<Value>(&frame.data).unwrap()["streamId"], id);
    }
    replicas.iter_mut().for_each(TestServer::terminate);
}

#[test]
fn a_stream_has_heartbeats_says_how_far_it_is_and_ends_after_its_lifetime() {
    let launch = Launch::new().set("FEED_HEARTBEAT_SECONDS", "1").set("FEED_LIFETIME_SECONDS", "4");
    let mut server = TestServer::launch(launch);
    let request = Request::get("/api/events?type=stream.cancelled");
    let mut stream = EventStream::open(server.address(), request).unwrap();
    let hello = stream.next().unwrap().unwrap();
    assert_eq!((hello.name.as_str(), hello.id, hello.retry), ("hello", Some(0), Some(3_000)));
    server.create(&sample::stream());
    let progress = stream.next().unwrap().unwrap();
    assert_eq!((progress.name.as_str(), progress.id), ("progress", Some(1)));
    let bye = stream.next().unwrap().unwrap();
    assert_eq!((bye.name.as_str(), bye.id), ("bye", Some(1)));
    assert_eq!(serde_json::from_str::<Value>(&bye.data).unwrap()["reason"], "lifetime");
    assert!(bye.retry.is_some_and(|retry| (1_000..=6_000).contains(&retry)), "{bye:?}");
    assert_eq!(stream.next().unwrap(), None, "the response ends in order");
    server.terminate();
}

#[test]
fn a_stop_ends_streams_and_long_polls_at_once() {
    let mut server = TestServer::launch(Launch::new().set("FEED_MAX_CLIENTS", "2"));
    let mut stream = EventStream::open(server.address(), Request::get("/api/events")).unwrap();
    assert_eq!(stream.next().unwrap().unwrap().name, "hello");
    let mut poll = server.connect();
    poll.write(&Request::get("/api/events?wait=30").head()).unwrap();
    // The poll is served once no place is left. If this other poll, of one second, took its place, it was refused.
    while server.get("/api/events?wait=1").status != 503 {
        poll.read().unwrap().expect(503);
        poll.write(&Request::get("/api/events?wait=30").head()).unwrap();
    }
    server.signal(Signal::TERM);
    let page = poll.read().unwrap().expect(200);
    assert_eq!((&page["next"], &page["hasMore"]), (&0.into(), &false.into()));
    let bye = stream.next().unwrap().unwrap();
    assert_eq!(bye.name, "bye");
    assert_eq!(serde_json::from_str::<Value>(&bye.data).unwrap()["reason"], "restart");
    assert_eq!(stream.next().unwrap(), None);
    server.has_stopped();
}

#[test]
fn the_events_of_one_stream_are_followed_by_their_position() {
    let mut server = TestServer::launch(indexing());
    let id = server.create(&sample::stream())["id"].as_str().unwrap().to_owned();
    server.create(&sample::stream());
    let path = format!("/api/streams/{id}/events");
    let mut stream = EventStream::open(server.address(), Request::get(&format!("{path}?after=0"))).unwrap();
    let names = ["hello", "message"].map(|_| stream.next().unwrap().unwrap().name);
    assert_eq!(names, ["hello", "message"]);
    server.cancel(&id);
    let frame = stream.next().unwrap().unwrap();
    let event: Value = serde_json::from_str(&frame.data).unwrap();
    assert_eq!((&event["type"], frame.id), (&"stream.cancelled".into(), Some(3)));
    let history = Worker::of(&server).get(&path);
    assert_eq!(history["events"][1], event, "one shape in every form");
    drop(stream);
    server.terminate();
}
