//! Several workers push at once: to several servers on one PostgreSQL, or to one on SQLite.

use std::collections::BTreeMap;
use std::thread;

use fluxora_store_postgres::testing::Cluster;
use serde_json::{Value, json};

use super::chain::{Chain, ChainPosition, FIRST, created, withdrawn_to};
use super::worker::{Worker, push};
use super::{batch, indexing};
use crate::random::Random;
use crate::server::TestServer;

const REPLICAS: u64 = 3;
const LEDGERS: u32 = 40;
const STREAMS: u64 = 5;
const AT: u64 = 4_000_000_000;

/// A chain's events, in its order.
fn events(chain: &Chain) -> Vec<Value> {
    let mut random = Random::seeded(7);
    let mut events = Vec::new();
    for ledger in FIRST..chain.tip() {
        for event in 0..u32::try_from(1 + random.below(5)).unwrap() {
            let number = u64::from(ledger - FIRST).min(random.below(STREAMS));
            let payload = match u64::from(ledger - FIRST) < STREAMS && event == 0 {
                true => created(u64::from(ledger - FIRST), ledger),
                false => withdrawn_to(number, 1 + random.below(1_000)),
            };
            events.push(chain.event(ledger, ChainPosition { transaction: 1, event }, &payload));
        }
    }
    events
}

/// Batches of a few events each, of one ledger or of several, in an order of their own.
fn batches(events: &[Value], random: &mut Random) -> Vec<Value> {
    let mut rest = events;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let length = usize::try_from(1 + random.below(8)).unwrap().min(rest.len());
        let (now, later) = rest.split_at(length);
        batches.push(batch(now, None));
        rest = later;
    }
    for place in (1..batches.len()).rev() {
        let other = usize::try_from(random.below(u64::try_from(place).unwrap() + 1)).unwrap();
        batches.swap(place, other);
    }
    batches
}

fn ids(answer: &Value, name: &str) -> Vec<String> {
    answer[name].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn three_servers_that_are_pushed_the_same_at_once_make_what_one_makes() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let on = || TestServer::launch(indexing().set("DATABASE_URL", database.url()));
    let mut replicas: Vec<_> = (0..REPLICAS).map(|_| on()).collect();
    make_what_one_makes(&replicas.iter().collect::<Vec<_>>());
    replicas.iter_mut().for_each(TestServer::terminate);
}

#[test]
fn a_server_that_three_workers_push_the_same_to_at_once_makes_what_one_makes() {
    let mut server = TestServer::launch(indexing());
    make_what_one_makes(&[&server; 3]);
    server.terminate();
}

/// Pushes the same events to each of these at once, cut and shuffled in different ways.
fn make_what_one_makes(replicas: &[&TestServer]) {
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let chain = Chain::of(LEDGERS);
    let events = events(&chain);

    let answers: Vec<Value> = thread::scope(|scope| {
        let pushers: Vec<_> = replicas
            .iter()
            .map(|replica| (Worker::of(replica), batches(&events, &mut random)))
            .map(|(mut worker, batches)| {
                scope.spawn(move || batches.iter().map(|batch| worker.push(batch)).collect::<Vec<_>>())
            })
            .collect();
        pushers.into_iter().flat_map(|pusher| pusher.join().unwrap()).collect()
    });

    let mut inserted = BTreeMap::<String, usize>::new();
    let mut duplicates = 0;
    for answer in &answers {
        assert_eq!(answer.get("reorg"), None, "{answer}");
        ids(answer, "insertedEventIds").into_iter().for_each(|id| *inserted.entry(id).or_default() += 1);
        duplicates += ids(answer, "duplicateEventIds").len();
    }
    assert_eq!(inserted.len(), events.len());
    assert!(inserted.values().all(|times| *times == 1), "an event was written twice: {inserted:?}");
    assert_eq!(duplicates, 2 * events.len());

    let mut alone = TestServer::launch(indexing());
    let mut reference = Worker::of(&alone);
    events.chunks(100).for_each(|events| _ = reference.push(&batch(events, None)));
    let tip = batch(&[], Some(&chain.newest()));
    reference.push(&tip);
    let expect = (reference.streams(AT), reference.events(1000));
    assert_eq!(expect.0.len(), usize::try_from(STREAMS).unwrap());
    // The tip is pushed to one server; every server shows the ledgers that became safe.
    replicas[1].send(&push(tip.to_string())).expect(200);
    for replica in replicas {
        let mut worker = Worker::of(replica);
        assert_eq!((worker.streams(AT), worker.events(1000)), expect);
        let chain = worker.get("/health")["indexer"].clone();
        assert_eq!((&chain["pendingEvents"], &chain["reorgDetected"]), (&json!(0), &json!(false)), "{chain}");
    }
    alone.terminate();
}

#[test]
fn of_two_ways_that_are_pushed_to_different_servers_at_once_one_is_kept_whole() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let on = || TestServer::launch(indexing().set("DATABASE_URL", database.url()));
    let mut replicas: Vec<_> = (0..REPLICAS).map(|_| on()).collect();
    let trunk = Chain::of(5);
    let mut first = Worker::of(&replicas[0]);
    let common = batch(&events(&trunk), Some(&trunk.newest()));
    first.push(&common);
    let fork = FIRST + 2;
    let ways: Vec<_> = (0..REPLICAS)
        .scan(trunk.clone(), |way, number| {
            way.fork(fork);
            (0..=number).for_each(|_| _ = way.grow());
            Some(way.clone())
        })
        .collect();
    let way_of = |way: &Chain| {
        let events = events(way).into_iter().filter(|event| event["ledger"].as_u64() >= Some(fork.into()));
        batch(&events.collect::<Vec<_>>(), Some(&way.newest()))
    };
    thread::scope(|scope| {
        for (replica, way) in replicas.iter().zip(&ways) {
            scope.spawn(move || {
                let mut worker = Worker::of(replica);
                for _ in 0..10 {
                    worker.push(&way_of(way));
                }
            });
        }
    });
    let tip = first.get("/health")["indexer"]["tip"].as_u64().unwrap();
    let won = ways.iter().find(|way| u64::from(way.tip()) == tip).expect("the tip is that of one way");
    let mut alone = TestServer::launch(indexing());
    let mut reference = Worker::of(&alone);
    reference.push(&common);
    reference.push(&way_of(won));
    let expect = (reference.streams(AT), reference.events(1000));
    for replica in &mut replicas {
        let mut worker = Worker::of(replica);
        assert_eq!((worker.streams(AT), worker.events(1000)), expect);
        replica.terminate();
    }
    alone.terminate();
}
