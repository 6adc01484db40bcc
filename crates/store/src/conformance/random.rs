use fluxora_stream::{Origin, StatusName, Stream, TermsDraft};
use proptest::option::of as some;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::chain::{contract, push_one};
use super::fixtures::*;
use super::model::Model;
use crate::{Store, StreamFilter, StreamQuery};

/// One thing that can be asked of a store. Times are seconds after the previous step.
#[derive(Clone, Debug)]
enum Step {
    Create {
        key: Option<u8>,
        request: u8,
        sender: u8,
        recipient: u8,
        deposit: u32,
        start: Option<u8>,
    },
    Cancel {
        stream: u8,
    },
    /// A contract emits an event.
    Chain {
        stream: u8,
        what: u8,
    },
    Clock {
        limit: u32,
    },
    Forget {
        age: u8,
    },
    List {
        filter: Filter,
        limit: u32,
        ahead: u8,
    },
    Read {
        stream: u8,
        ago: u8,
    },
}

/// Each condition of a filter; `updated_since` in seconds before the step.
#[derive(Clone, Debug)]
struct Filter {
    status: Option<StatusName>,
    sender: Option<u8>,
    recipient: Option<u8>,
    origin: Option<Origin>,
    /// Whether streams of the contract are asked for, or of one that has none.
    contract: Option<bool>,
    updated_since: Option<u8>,
}

fn filter() -> impl Strategy<Value = Filter> {
    let status = some(proptest::sample::select(StatusName::ALL.as_slice()));
    let origin =
        proptest::option::weighted(0.4, prop_oneof![1 => Just(Origin::Api), 1 => Just(Origin::Chain)]);
    let contract = proptest::option::weighted(0.3, proptest::bool::weighted(0.8));
    (status, some(1..4_u8), some(5..8_u8), origin, contract, some(0..60_u8)).prop_map(
        |(status, sender, recipient, origin, contract, updated_since)| Filter {
            status,
            sender,
            recipient,
            origin,
            contract,
            updated_since,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (some(0..4_u8), 0..2_u8, 1..4_u8, 5..8_u8, 1..80_u32, some(0..60_u8)).prop_map(
            |(key, request, sender, recipient, deposit, start)| {
                Step::Create { key, request, sender, recipient, deposit, start }
            }
        ),
        2 => any::<u8>().prop_map(|stream| Step::Cancel { stream }),
        3 => (0..6_u8, 0..6_u8).prop_map(|(stream, what)| Step::Chain { stream, what }),
        2 => (1..5_u32).prop_map(|limit| Step::Clock { limit }),
        1 => (0..30_u8).prop_map(|age| Step::Forget { age }),
        4 => (filter(), 1..5_u32, 0..40_u8).prop_map(|(filter, limit, ahead)| Step::List { filter, limit, ahead }),
        2 => (any::<u8>(), 0..40_u8).prop_map(|(stream, ago)| Step::Read { stream, ago }),
    ]
}

/// Sixty random steps give the same answers as the model, and leave the same streams and histories.
pub async fn a_random_history_agrees_with_the_model(store: &impl Store, seed: u8) {
    let model = Model::default();
    let steps = draw(seed);
    let mut now = 0;
    let mut made = 0;
    for (i, (wait, step)) in (0..).zip(steps) {
        now += i64::from(wait);
        let context = format!("seed {seed}, step {i} at {now}: {step:?}");
        if matches!(step, Step::Create { .. }) {
            made += 1;
        }
        let expect = run(&model, &step, now, made, i).await;
        assert_eq!(run(store, &step, now, made, i).await, expect, "{context}");
    }
    for n in 1..=made {
        let events = history(store, &stream_id(n)).await;
        assert_eq!(events, history(&model, &stream_id(n)).await, "seed {seed}");
        let stream = store.stream(&stream_id(n)).await.unwrap();
        assert_eq!(Stream::replay(&events).unwrap(), stream, "seed {seed}");
    }
}

fn draw(seed: u8) -> Vec<(u8, Step)> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = proptest::collection::vec((0..12_u8, step()), 60);
    steps.new_tree(&mut runner).unwrap().current()
}

/// Does one step and writes down everything that was answered.
async fn run(store: &impl Store, step: &Step, now: i64, made: u64, i: u32) -> String {
    let nth = |stream: u8| stream_id(1 + u64::from(stream) % made.max(1));
    match *step {
        Step::Create { key, request, sender, recipient, deposit, start } => {
            let draft = TermsDraft {
                sender: Some(account(sender)),
                recipient: Some(account(recipient)),
                deposit: Some(fluxora_decimal::Amount::from_stroops(i128::from(deposit) * 10_000_000)),
                start: start.map(|ahead| second(now - 20 + i64::from(ahead))),
                ..draft()
            };
            let mut create = create(made, &draft, t(now));
            create.keyed = key.and_then(|key| {
                keyed(made, &format!("key-{key}"), &format!("request-{request}"), t(now)).keyed
            });
            format!("{:?}", store.create_stream(create).await)
        }
        Step::Cancel { stream } => format!("{:?}", store.cancel_stream(&nth(stream), still(t(now))).await),
        Step::Chain { stream, what } => format!("{}", push_one(store, 10 + i, stream.into(), what).await),
        Step::Clock { limit } => format!("{:?}", store.record_due(t(now), limit).await),
        Step::Forget { age } => {
            format!("{:?}", store.delete_expired_idempotency_records(t(now - i64::from(age))).await)
        }
        Step::List { ref filter, limit, ahead } => {
            let filter = StreamFilter {
                status: filter.status,
                sender: filter.sender.map(address),
                recipient: filter.recipient.map(address),
                origin: filter.origin,
                contract: filter.contract.map(|ours| match ours {
                    true => contract().to_string(),
                    false => "C1".to_owned(),
                }),
                updated_since: filter.updated_since.map(|ago| t(now - i64::from(ago))),
            };
            let at = second(now + i64::from(ahead));
            let count = store.count_streams(&filter, at).await.unwrap().total().unwrap();
            let query = StreamQuery { filter, at, before: None, limit };
            let first = store.list_streams(&query).await.unwrap();
            let second = store.list_streams(&StreamQuery { before: first.next, ..query }).await.unwrap();
            format!("{count} {:?} {:?}", first.streams, second.streams)
        }
        Step::Read { stream, ago } => {
            let id = nth(stream);
            let events = store.stream_events(&id, u32::from(ago % 3), 2).await;
            let then = store.stream_at(&id, second(now - i64::from(ago))).await;
            format!("{:?} {then:?} {events:?}", store.stream(&id).await)
        }
    }
}
