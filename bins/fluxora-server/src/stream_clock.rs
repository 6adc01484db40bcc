use std::sync::Arc;
use std::time::Duration;

use fluxora_api::Clock;
use fluxora_store::{ANSWERS_KEPT, CorruptRow, Recorded, Store, StoreError};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

/// How many streams one step takes; a backlog is worked off step by step, and requests come in between.
const STREAMS_A_STEP: u32 = 200;
/// How often old idempotent answers are dropped.
const TICKS_BETWEEN_CLEANINGS: u32 = 720;

/// The scheduled task that starts and completes streams when they fall due, and drops answers that are no longer kept.
pub(crate) struct StreamClock {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The rows that were unreadable at the last tick: each is reported once, not at every tick.
    reported: Vec<CorruptRow>,
    ticks: u32,
}

impl StreamClock {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, reported: Vec::new(), ticks: 0 }
    }

    /// Ticks every `interval`, from now until `stop` changes. A fault is logged and the next tick tries again.
    pub(crate) async fn run(mut self, interval: Duration, mut stop: watch::Receiver<bool>) {
        let mut interval = tokio::time::interval(interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                _ = interval.tick() => {}
            }
            if let Err(error) = self.tick(&stop).await {
                tracing::warn!(%error, "the stream clock could not record what has fallen due");
            }
        }
    }

    /// Records everything that has fallen due, or as much as there is time for before a stop.
    async fn tick(&mut self, stop: &watch::Receiver<bool>) -> Result<(), StoreError> {
        let unreadable = loop {
            let step = self.store.record_due(self.clock.now(), STREAMS_A_STEP).await?;
            let Recorded { streams, events, unreadable, more } = step;
            if streams > 0 {
                tracing::info!(streams, events, "the stream clock recorded what had fallen due");
            }
            if !more || *stop.borrow() {
                break unreadable;
            }
        };
        self.report(unreadable);
        if self.ticks.is_multiple_of(TICKS_BETWEEN_CLEANINGS) {
            let before = self.clock.now().checked_sub(ANSWERS_KEPT).unwrap_or(jiff::Timestamp::MIN);
            self.store.forget_answers(before).await?;
        }
        self.ticks = self.ticks.wrapping_add(1);
        Ok(())
    }

    fn report(&mut self, unreadable: Vec<CorruptRow>) {
        for row in unreadable.iter().filter(|row| !self.reported.contains(row)) {
            let CorruptRow { table, column, row, reason } = row;
            tracing::error!(
                table,
                column,
                row,
                reason,
                "a stored row cannot be read: the stream clock passes it over"
            );
        }
        self.reported = unreadable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxora_store::conformance::Model;
    use fluxora_store::{CreateStream, StreamStore};
    use fluxora_stream::{AccountId, Status, Stream, StreamId, TermsDraft, UnixTime};
    use jiff::{SignedDuration, Timestamp};
    use std::sync::Mutex;

    #[derive(Default)]
    struct Hand(Mutex<Timestamp>);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    fn id(n: u16) -> StreamId {
        StreamId::api(uuid::Uuid::from_u128(n.into()))
    }

    /// A stream of 10 seconds that starts at second 100.
    async fn put(store: &Model, n: u16) {
        let draft = TermsDraft {
            sender: Some(AccountId::from_public_key([1; 32])),
            recipient: Some(AccountId::from_public_key([2; 32])),
            deposit: Some("10".parse().unwrap()),
            rate: Some("1".parse().unwrap()),
            start: Some(UnixTime::from_seconds(100)),
            ..TermsDraft::default()
        };
        let now = Timestamp::UNIX_EPOCH;
        let (stream, event) = Stream::create(id(n), draft.settle(now).unwrap(), now);
        store.create_stream(CreateStream { stream, event, keyed: None }).await.unwrap();
    }

    #[tokio::test]
    async fn a_tick_works_off_all_that_has_fallen_due() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(Hand::default()));
        for n in 0..450 {
            put(&store, n).await;
        }
        let mut stream_clock = StreamClock::new(store.clone(), clock.clone());
        for (now, expect) in [(99, Status::Scheduled), (100, Status::Active), (110, Status::Completed)] {
            *clock.0.lock().unwrap() = Timestamp::from_second(now).unwrap();
            stream_clock.tick(&watch::channel(false).1).await.unwrap();
            for n in 0..450 {
                assert_eq!(store.stream(&id(n)).await.unwrap().unwrap().status, expect, "{n} at {now}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ticks_at_its_interval_until_it_is_stopped() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(Hand::default()));
        put(&store, 1).await;
        let (stop, stopped) = watch::channel(false);
        let running = StreamClock::new(store.clone(), clock.clone()).run(Duration::from_secs(5), stopped);
        let running = tokio::spawn(running);
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_millis(4_999)).await;
        *clock.0.lock().unwrap() = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100);
        tokio::task::yield_now().await;
        assert_eq!(store.stream(&id(1)).await.unwrap().unwrap().status, Status::Scheduled);
        tokio::time::advance(Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
        assert_eq!(store.stream(&id(1)).await.unwrap().unwrap().status, Status::Active);
        stop.send(true).unwrap();
        running.await.unwrap();
    }
}
