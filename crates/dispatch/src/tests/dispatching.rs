//! The workers over the model store and real sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fluxora_delivery::SCHEDULE;
use fluxora_store::conformance::Model;
use fluxora_store::delivery::DeliveryFigures;
use fluxora_store::{Clock, CreateStream, DeliveryStore as _, EndpointStore as _, StreamStore as _, still};
use fluxora_stream::{AccountId, Stream, StreamId, TermsDraft, UnixTime};
use fluxora_supervise::{ShutdownToken, Stop, Worker as _};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::receiver::{Received, Receiver, status};
use super::{NOW, SECRET, endpoint, sender_at};
use crate::{Dispatcher, Options};

/// How long anything may take. Only a test that fails waits this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A clock that a test moves.
struct ManualClock(Mutex<Timestamp>);

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

impl ManualClock {
    fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(by).unwrap();
    }
}

/// Both workers over a model store.
struct Fixture {
    store: Arc<Model>,
    clock: Arc<ManualClock>,
    stops: Vec<Stop>,
    running: Vec<JoinHandle<()>>,
}

impl Fixture {
    fn start() -> Self {
        let store = Arc::new(Model::default());
        let clock = Arc::new(ManualClock(Mutex::new(NOW)));
        let mut options = Options::new("worker".to_owned());
        options.poll_interval = Duration::from_millis(10);
        let sender = Arc::new(sender_at(clock.clone()));
        let dispatcher = Dispatcher::new(store.clone(), sender, clock.clone(), || 0, options);
        let (stop_dispatcher, first) = ShutdownToken::pair();
        let (stop_fan_out, second) = ShutdownToken::pair();
        let fan_out = dispatcher.fan_out();
        let running = vec![
            tokio::spawn(async move { dispatcher.run(first).await.unwrap() }),
            tokio::spawn(async move { fan_out.run(second).await.unwrap() }),
        ];
        Self { store, clock, stops: vec![stop_dispatcher, stop_fan_out], running }
    }

    async fn add_endpoint(&self, n: u128, receiver: &Receiver) {
        self.store.create_endpoint(endpoint(n, &receiver.url, &[(SECRET, None)]), false, 10).await.unwrap();
    }

    /// One event in the lane of each of these streams.
    async fn create(&self, numbers: impl IntoIterator<Item = u128>) {
        for n in numbers {
            let draft = TermsDraft {
                sender: Some(AccountId::from_public_key([1; 32])),
                recipient: Some(AccountId::from_public_key([2; 32])),
                deposit: Some("10".parse().unwrap()),
                rate: Some("1".parse().unwrap()),
                start: Some(UnixTime::of(NOW)),
                ..TermsDraft::default()
            };
            let (stream, event) = Stream::create(Uuid::from_u128(n), &draft.settle(NOW).unwrap(), NOW);
            self.store.create_stream(CreateStream { stream, event, keyed: None, owner: None }).await.unwrap();
        }
    }

    /// A second event in the lane of each of these streams.
    async fn cancel(&self, numbers: impl IntoIterator<Item = u128>) {
        for n in numbers {
            self.store.cancel_stream(&StreamId::api(Uuid::from_u128(n)), still(NOW)).await.unwrap();
        }
    }

    /// Waits until the figures are as wanted.
    async fn wait_for(&self, wanted: impl Fn(&DeliveryFigures) -> bool) {
        let waiting = async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            while !wanted(&self.store.delivery_figures(self.clock.now()).await.unwrap()) {
                look.tick().await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited in vain: {:?}", self.store.delivery_figures(self.clock.now()).await);
        }
    }

    async fn stop(mut self) -> Arc<Model> {
        self.stops.iter().for_each(Stop::request);
        for running in self.running.drain(..) {
            tokio::time::timeout(Duration::from_secs(2), running).await.expect("it stops in time").unwrap();
        }
        self.store
    }
}

/// The numbers of the events of each stream, in the order of their arrival.
fn lanes(received: &[Received]) -> BTreeMap<String, Vec<u64>> {
    let mut lanes = BTreeMap::<_, Vec<u64>>::new();
    for received in received {
        let body: serde_json::Value = serde_json::from_slice(&received.body).unwrap();
        let stream = body["streamId"].as_str().unwrap().to_owned();
        lanes.entry(stream).or_default().push(body["streamSeq"].as_u64().unwrap());
    }
    lanes
}

#[tokio::test]
async fn every_event_is_sent_once_and_each_stream_in_order() {
    let receiver = Receiver::start(|_, _| status(204)).await;
    let fixture = Fixture::start();
    fixture.add_endpoint(1, &receiver).await;
    fixture.create(1..=50).await;
    fixture.cancel(1..=50).await;
    fixture.wait_for(|figures| figures.delivered == 100).await;
    let lanes = lanes(&receiver.received());
    assert_eq!(lanes.len(), 50);
    assert!(lanes.values().all(|numbers| *numbers == [1, 2]), "{lanes:?}");
    fixture.stop().await;
}

#[tokio::test]
async fn a_failed_attempt_is_repeated_after_its_delay_and_its_lane_waits() {
    let receiver = Receiver::start(|number, _| status(if number == 0 { 500 } else { 200 })).await;
    let fixture = Fixture::start();
    fixture.add_endpoint(1, &receiver).await;
    fixture.create([1]).await;
    fixture.cancel([1]).await;
    fixture
        .wait_for(|figures| figures.in_flight == 0 && figures.pending == 2 && figures.oldest_due.is_none())
        .await;
    assert_eq!(receiver.received().len(), 1);
    fixture.clock.advance(SignedDuration::from_secs(SCHEDULE[0]));
    fixture.wait_for(|figures| figures.delivered == 2).await;
    let received = receiver.received();
    assert_eq!(lanes(&received).into_values().collect::<Vec<_>>(), [[1, 1, 2]]);
    let [first, second, _] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(first.body, second.body);
    let header = |name: &str| (first.headers[name].as_str(), second.headers[name].as_str());
    let (id, again) = header("x-fluxora-delivery-id");
    assert_eq!(id, again);
    assert_eq!(header("x-fluxora-attempt"), ("1", "2"));
    let (signature, later) = header("x-fluxora-signature");
    assert_ne!(signature, later, "each attempt is signed when it is made");
    fixture.stop().await;
}

#[tokio::test]
async fn an_endpoint_that_hangs_does_not_hold_up_another() {
    let (hanging, working) = (Receiver::start(|_, _| None).await, Receiver::start(|_, _| status(200)).await);
    let fixture = Fixture::start();
    fixture.add_endpoint(1, &hanging).await;
    fixture.add_endpoint(2, &working).await;
    fixture.create(1..=200).await;
    fixture.wait_for(|figures| figures.delivered == 200).await;
    assert_eq!(working.received().len(), 200);
    assert!(hanging.received().len() <= 16);
    fixture.stop().await;
}

#[tokio::test]
async fn a_stop_gives_claims_back_in_time() {
    let receiver = Receiver::start(|_, _| None).await;
    let fixture = Fixture::start();
    fixture.add_endpoint(1, &receiver).await;
    fixture.create(1..=5).await;
    fixture.wait_for(|figures| figures.in_flight == 5).await;
    let now = fixture.clock.now();
    let figures = fixture.stop().await.delivery_figures(now).await.unwrap();
    assert_eq!((figures.in_flight, figures.pending), (0, 5));
    assert!(figures.oldest_due.is_some_and(|due| due <= now), "they are due at once");
}

#[tokio::test]
async fn a_stop_without_work_is_immediate() {
    let fixture = Fixture::start();
    fixture.wait_for(|figures| figures.pending == 0).await;
    let began = tokio::time::Instant::now();
    fixture.stop().await;
    assert!(began.elapsed() < Duration::from_millis(500));
}

#[tokio::test]
async fn a_stop_waits_for_attempts_that_end_soon() {
    let receiver = Receiver::start(|_, _| status(200)).await;
    let fixture = Fixture::start();
    fixture.add_endpoint(1, &receiver).await;
    fixture.create(1..=20).await;
    fixture.wait_for(|figures| figures.in_flight + figures.delivered > 0).await;
    let now = fixture.clock.now();
    let sent = receiver.received().len();
    let figures = fixture.stop().await.delivery_figures(now).await.unwrap();
    assert_eq!(figures.in_flight, 0);
    assert!(figures.delivered >= u64::try_from(sent).unwrap().min(20), "{figures:?} after {sent}");
}
