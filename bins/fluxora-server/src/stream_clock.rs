use std::sync::Arc;
use std::time::Duration;

use fluxora_api::Clock;
use fluxora_store::{CorruptRow, Recorded, Store, StoreError};
use tokio::time::MissedTickBehavior;

use crate::supervisor::{ShutdownToken, Worker};

/// How many streams one step takes; a backlog is worked off step by step, and requests come in between.
const STREAMS_A_STEP: u32 = 200;

/// The worker that starts and completes streams when they fall due.
#[derive(Clone)]
pub(crate) struct StreamClock {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    interval: Duration,
    /// The rows that were unreadable at the last tick: each is reported once, not at every tick.
    reported: Vec<CorruptRow>,
}

impl Worker for StreamClock {
    fn name(&self) -> &'static str {
        "stream_clock"
    }

    async fn run(mut self, mut shutdown: ShutdownToken) -> anyhow::Result<()> {
        let mut interval = tokio::time::interval(self.interval);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.asked() => return Ok(()),
                _ = interval.tick() => {}
            }
            match self.tick(&shutdown).await {
                Ok(()) => {}
                Err(defect @ StoreError::Internal { .. }) => return Err(defect.into()),
                Err(error) => {
                    tracing::warn!(%error, "the stream clock could not record what has fallen due");
                }
            }
        }
    }
}

impl StreamClock {
    /// A clock that ticks every `interval`.
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, interval: Duration) -> Self {
        Self { store, clock, interval, reported: Vec::new() }
    }

    /// Records everything that has fallen due, or as much as there is time for before a stop.
    async fn tick(&mut self, shutdown: &ShutdownToken) -> Result<(), StoreError> {
        let unreadable = loop {
            let step = self.store.record_due(self.clock.now(), STREAMS_A_STEP).await?;
            let Recorded { streams, events, unreadable, more } = step;
            if streams > 0 {
                tracing::info!(streams, events, "the stream clock recorded what had fallen due");
            }
            if !more || shutdown.is_asked() {
                break unreadable;
            }
        };
        self.report(unreadable);
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
    use crate::fixtures::{ManualClock, id, put};
    use fluxora_store::StreamStore;
    use fluxora_store::conformance::Model;
    use fluxora_store_sqlite::{Location, Options, SqliteStore};
    use fluxora_stream::Status;

    #[tokio::test]
    async fn a_tick_works_off_all_that_has_fallen_due() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        for n in 0..450 {
            put(&store, n, None).await;
        }
        let mut stream_clock = StreamClock::new(store.clone(), clock.clone(), Duration::from_secs(5));
        for (now, expect) in [(99, Status::Scheduled), (100, Status::Active), (110, Status::Completed)] {
            clock.set(now);
            stream_clock.tick(&ShutdownToken::pair().1).await.unwrap();
            for n in 0..450 {
                assert_eq!(store.stream(&id(n)).await.unwrap().unwrap().status, expect, "{n} at {now}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_ticks_at_its_interval_until_it_is_stopped() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        put(&store, 1, None).await;
        let (stop, shutdown) = ShutdownToken::pair();
        let running = StreamClock::new(store.clone(), clock.clone(), Duration::from_secs(5));
        let running = tokio::spawn(running.run(shutdown));
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_millis(4_999)).await;
        clock.set(100);
        tokio::task::yield_now().await;
        assert_eq!(store.stream(&id(1)).await.unwrap().unwrap().status, Status::Scheduled);
        tokio::time::advance(Duration::from_millis(1)).await;
        tokio::task::yield_now().await;
        assert_eq!(store.stream(&id(1)).await.unwrap().unwrap().status, Status::Active);
        stop.ask();
        running.await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_storage_is_no_failure_of_the_clock() {
        let store = Arc::new(SqliteStore::open(&Location::Memory, Options::default()).unwrap());
        store.close().await;
        let (stop, shutdown) = ShutdownToken::pair();
        let interval = Duration::from_secs(5);
        let running = StreamClock::new(store, Arc::new(ManualClock::default()), interval);
        let running = tokio::spawn(running.run(shutdown));
        for _ in 0..100 {
            tokio::time::advance(interval).await;
            assert!(!running.is_finished());
        }
        stop.ask();
        running.await.unwrap().unwrap();
    }
}
