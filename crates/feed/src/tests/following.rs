//! The reader and its subscribers over the model store. Time is paused: it moves when every task waits.

use std::time::Duration;

use fluxora_store::conformance::Model;
use fluxora_store::{CreateStream, StreamStore};
use fluxora_stream::{Stream, TermsDraft, UnixTime};
use fluxora_supervise::{ShutdownToken, Stop, Worker};
use jiff::Timestamp;
use tokio::time::timeout;
use uuid::Uuid;

use super::*;
use crate::{ByeReason, Delivery, Feed, Form, Options, Subscriber, TooManySubscribers};

struct Running {
    store: Arc<Model>,
    feed: Arc<Feed>,
    _stop: Stop,
}

fn start(options: Options) -> Running {
    let store = Arc::new(Model::default());
    let feed = Feed::new(store.clone(), options);
    let (stop, shutdown) = ShutdownToken::pair();
    tokio::spawn(feed.reader().run(shutdown));
    Running { store, feed, _stop: stop }
}

impl Running {
    /// Creates a stream that this account pays.
    async fn create(&self, n: u16, sender: u8) {
        let draft = TermsDraft {
            sender: Some(AccountId::from_public_key([sender; 32])),
            recipient: Some(AccountId::from_public_key([99; 32])),
            deposit: Some("10".parse().unwrap()),
            rate: Some("1".parse().unwrap()),
            start: Some(UnixTime::from_seconds(100)),
            ..TermsDraft::default()
        };
        let now = Timestamp::UNIX_EPOCH;
        let (stream, event) = Stream::create(Uuid::from_u128(n.into()), &draft.settle(now).unwrap(), now);
        self.store.create_stream(CreateStream { stream, event, keyed: None, owner: None }).await.unwrap();
    }

    fn subscribe(&self, after: u64, filter: EventFilter) -> Subscriber {
        self.feed.subscribe(Sequence(after), filter, Form::Stream).unwrap()
    }
}

/// The positions of the next events; heartbeats and progress are passed over.
async fn next(subscriber: &mut Subscriber) -> Vec<u64> {
    loop {
        match timeout(Duration::from_secs(3_600), subscriber.next()).await.expect("something comes") {
            Some(Delivery::Events(events)) => return events.iter().map(|event| event.sequence.0).collect(),
            Some(Delivery::Bye(_)) | None => panic!("the stream has ended"),
            Some(_) => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn subscribers_get_the_history_from_their_position_and_then_each_commit() {
    let running = start(Options::new(|| 0));
    running.create(1, 1).await;
    running.create(2, 2).await;
    let mut all = running.subscribe(0, EventFilter::default());
    let mut later = running.subscribe(1, EventFilter::default());
    assert_eq!((next(&mut all).await, next(&mut later).await), (vec![1, 2], vec![2]));
    for n in 3..=20 {
        running.create(n, 1).await;
        let expect = vec![u64::from(n)];
        assert_eq!((next(&mut all).await, next(&mut later).await), (expect.clone(), expect));
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_with_an_address_gets_the_events_of_its_streams_live() {
    let running = start(Options::new(|| 0));
    running.create(1, 1).await;
    let filter = EventFilter { sender: Some(address(1)), ..EventFilter::default() };
    let mut of_sender = running.subscribe(0, filter);
    assert_eq!(next(&mut of_sender).await, [1]);
    for n in 1..=5 {
        running.create(2 * n, 2).await;
        running.create(2 * n + 1, 1).await;
        assert_eq!(next(&mut of_sender).await, [u64::from(2 * n + 1)]);
    }
    running.store.record_due(Timestamp::from_second(100).unwrap(), 100).await.unwrap();
    let mut started = Vec::new();
    while started.len() < 6 {
        started.extend(next(&mut of_sender).await);
    }
    let expect: Vec<_> = started.iter().map(|n| n + 1).collect();
    assert!(started.is_sorted() && started.iter().all(|n| *n > 11) && expect.len() == 6, "{started:?}");
}

#[tokio::test(start_paused = true)]
async fn a_poll_takes_the_first_events_that_match_or_ends_without_any() {
    let running = start(Options::new(|| 0));
    let poll = Form::Poll { wait: Duration::from_secs(25), limit: 2 };
    let mut waiting = running.feed.subscribe(Sequence(0), EventFilter::default(), poll).unwrap();
    let began = tokio::time::Instant::now();
    assert!(matches!(waiting.next().await, Some(Delivery::Bye(bye)) if bye.reason == ByeReason::Lifetime));
    assert_eq!(began.elapsed(), Duration::from_secs(25));
    assert!(waiting.next().await.is_none());
    for n in 1..=3 {
        running.create(n, 1).await;
    }
    let mut waiting = running.feed.subscribe(Sequence(0), EventFilter::default(), poll).unwrap();
    assert_eq!(next(&mut waiting).await, [1, 2]);
    assert_eq!(waiting.cursor(), Sequence(2));
}

#[tokio::test(start_paused = true)]
async fn one_subscriber_too_many_is_refused_until_another_leaves() {
    let running = start(Options { max_subscribers: 2, ..Options::new(|| 0) });
    let first = running.subscribe(0, EventFilter::default());
    let _second = running.subscribe(0, EventFilter::default());
    let third = || running.feed.subscribe(Sequence(0), EventFilter::default(), Form::Stream);
    assert_eq!(third().err(), Some(TooManySubscribers(2)));
    drop(first);
    assert!(third().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_every_stream_with_its_position_and_a_time_to_come_back() {
    let running = start(Options::new(|| u32::MAX / 2));
    running.create(1, 1).await;
    let mut subscriber = running.subscribe(0, EventFilter::default());
    assert_eq!(next(&mut subscriber).await, [1]);
    let ended = tokio::spawn(async move { (subscriber.next().await, subscriber.next().await) });
    tokio::task::yield_now().await;
    running.feed.stop();
    let (bye, nothing) = ended.await.unwrap();
    let Some(Delivery::Bye(bye)) = bye else { panic!("{bye:?}") };
    assert_eq!((bye.reason, bye.cursor), (ByeReason::Restart, Sequence(1)));
    assert!(bye.retry > Duration::from_secs(3) && nothing.is_none());
    let late = running.subscribe(1, EventFilter::default()).next().await;
    assert!(matches!(late, Some(Delivery::Bye(_))), "a stream that begins during the stop ends too");
}

#[tokio::test(start_paused = true)]
async fn the_reader_forgets_its_events_when_the_last_subscriber_leaves_and_starts_again_for_the_next() {
    let running = start(Options::new(|| 0));
    for round in 0..3 {
        let mut subscriber = running.subscribe(round, EventFilter::default());
        running.create(u16::try_from(round).unwrap() + 1, 1).await;
        assert_eq!(next(&mut subscriber).await, [round + 1]);
        drop(subscriber);
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(running.feed.tail().after(Sequence(u64::MAX)).is_none(), "nothing is kept");
    }
}
