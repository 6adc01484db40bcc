//! The same events, pushed in other batches and another order, make the same streams.

use std::collections::BTreeSet;

use serde_json::Value;

use super::oracle::{Scenario, handwritten};
use super::worker::Worker;
use super::{batch, indexing};
use crate::random::Random;
use crate::server::TestServer;

/// After the end of every recording.
const AT: u64 = 4_000_000_000;

/// What a server has made of a scenario.
#[derive(PartialEq, Debug)]
struct Made {
    streams: Vec<Value>,
    events: Vec<Value>,
}

/// Pushes batches, the ledger after the last as the tip, and reads everything; then makes room for the next.
fn pushed(worker: &mut Worker, scenario: &Scenario, batches: &[Vec<Value>]) -> Made {
    for events in batches.iter().filter(|events| !events.is_empty()) {
        worker.push(&batch(events, None));
    }
    let answer = worker.push(&batch(&[], Some(&scenario.tip(scenario.last().sequence + 1))));
    assert_eq!(answer["pendingCount"], 0, "{answer}");
    let made = Made { streams: worker.streams(AT), events: worker.events(1000) };
    worker.rewind(0);
    made
}

fn by_ledger(scenario: &Scenario) -> Vec<Vec<Value>> {
    scenario.ledgers.iter().map(|ledger| ledger.events.clone()).collect()
}

/// A way of batches_of a scenario.
type Telling = fn(&Scenario, &mut Random) -> Vec<Vec<Value>>;

/// Compares the streams of every scenario pushed in random batches with those of the scenario pushed ledger by ledger.
#[track_caller]
fn check(tellings: &[Telling]) {
    let seed = Random::fresh_seed();
    println!("seed {seed}");
    let mut random = Random::seeded(seed);
    let mut server = TestServer::launch(indexing());
    let mut worker = Worker::of(&server);
    for scenario in handwritten() {
        let plain = pushed(&mut worker, &scenario, &by_ledger(&scenario));
        assert!(!plain.streams.is_empty() && plain.events.len() == scenario.events().len());
        for (number, batches_of) in tellings.iter().enumerate() {
            let other = pushed(&mut worker, &scenario, &batches_of(&scenario, &mut random));
            assert_eq!(other, plain, "{}, batches_of {number}", scenario.name);
        }
    }
    server.terminate();
}

fn shuffled(mut events: Vec<Value>, random: &mut Random) -> Vec<Value> {
    for place in (1..events.len()).rev() {
        let other = random.below(u64::try_from(place).unwrap() + 1);
        events.swap(place, usize::try_from(other).unwrap());
    }
    events
}

/// Cuts events into batches of 1 to `most`.
fn cut(mut events: &[Value], most: u64, random: &mut Random) -> Vec<Vec<Value>> {
    let mut batches = Vec::new();
    while !events.is_empty() {
        let length = usize::try_from(1 + random.below(most)).unwrap().min(events.len());
        let (batch, rest) = events.split_at(length);
        batches.push(batch.to_vec());
        events = rest;
    }
    batches
}

#[test]
fn told_twice_backwards_one_by_one_and_all_at_once_the_streams_are_the_same() {
    check(&[
        |scenario, _| [by_ledger(scenario), by_ledger(scenario)].concat(),
        |scenario, _| by_ledger(scenario).into_iter().rev().collect(),
        |scenario, _| scenario.events().into_iter().rev().map(|event| vec![event]).collect(),
        |scenario, _| vec![scenario.events()],
    ]);
}

#[test]
fn told_in_any_order_and_in_any_pieces_the_streams_are_the_same() {
    check(&[
        |scenario, random| cut(&scenario.events(), 5, random),
        |scenario, random| cut(&shuffled(scenario.events(), random), 3, random),
        |scenario, random| {
            let doubled = [scenario.events(), scenario.events()].concat();
            let batches = cut(&shuffled(doubled, random), 30, random);
            batches.into_iter().map(once_each).collect()
        },
    ]);
}

/// An id stands in a batch once.
fn once_each(mut events: Vec<Value>) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    events.retain(|event| seen.insert(event["eventId"].to_string()));
    events
}
