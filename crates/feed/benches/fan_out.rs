//! The cost of a delivered event: one commit, taken by 1,000 live subscribers.
#![allow(clippy::unwrap_used, missing_docs, reason = "a bench that cannot go on fails")]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluxora_feed::{Delivery, Feed, Form, Options, Subscriber};
use fluxora_store::conformance::Model;
use fluxora_store::{CreateStream, EventFilter, Sequence, StreamStore};
use fluxora_stream::{AccountId, Stream, TermsDraft, UnixTime};
use fluxora_supervise::{ShutdownToken, Worker};
use jiff::Timestamp;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use uuid::Uuid;

const SUBSCRIBERS: u64 = 1_000;
const EVENTS: u64 = 100;

async fn create(store: &Model, n: u128) {
    let draft = TermsDraft {
        sender: Some(AccountId::from_public_key([1; 32])),
        recipient: Some(AccountId::from_public_key([2; 32])),
        deposit: Some("10".parse().unwrap()),
        rate: Some("1".parse().unwrap()),
        start: Some(UnixTime::from_seconds(100)),
        ..TermsDraft::default()
    };
    let now = Timestamp::UNIX_EPOCH;
    let (stream, event) = Stream::create(Uuid::from_u128(n), &draft.settle(now).unwrap(), now);
    store.create_stream(CreateStream { stream, event, keyed: None, owner: None }).await.unwrap();
}

/// Takes events up to a position.
async fn take(mut subscriber: Subscriber, upto: Sequence) -> Subscriber {
    while subscriber.cursor() < upto {
        if let Some(Delivery::Bye(bye)) = subscriber.next().await {
            assert!(bye.cursor >= upto, "{bye:?}");
        }
    }
    subscriber
}

fn fan_out(criterion: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
    let store = Arc::new(Model::default());
    let feed = Feed::new(
        store.clone(),
        Options { poll_interval: std::time::Duration::from_millis(1), ..Options::new(|| 0) },
    );
    let (_stop, shutdown) = ShutdownToken::pair();
    runtime.spawn(feed.reader().run(shutdown));
    let subscribe = |_| feed.subscribe(Sequence(0), EventFilter::default(), Form::Stream).unwrap();
    let mut subscribers: Vec<_> = (0..SUBSCRIBERS).map(subscribe).collect();
    let mut head = 0_u64;
    let mut group = criterion.benchmark_group("feed");
    group.sample_size(10).throughput(Throughput::Elements(SUBSCRIBERS * EVENTS));
    group.bench_function("1,000 subscribers take 100 events", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut taking = JoinSet::new();
                let upto = Sequence(head + EVENTS);
                for subscriber in subscribers.drain(..) {
                    taking.spawn(take(subscriber, upto));
                }
                for _ in 0..EVENTS {
                    head += 1;
                    create(&store, head.into()).await;
                }
                subscribers = taking.join_all().await;
            });
        });
    });
    group.finish();
}

criterion_group!(benches, fan_out);
criterion_main!(benches);
