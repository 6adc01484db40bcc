use std::sync::Arc;
use std::time::Duration;

use fluxora_store::time_events::{Emitted, StoredInstant};
use fluxora_store::{Clock, CorruptRow, Recorded, Store, StoreError};
use fluxora_supervise::{PeriodicTask, ShutdownToken, TickError};
use fluxora_treasury::Thresholds;

use super::tick_error;

/// Streams per store call. A backlog is split into several calls, so that requests run in between.
const STREAMS_PER_STEP: u32 = 200;
/// Events of the log per store call.
const EVENTS_PER_STEP: u32 = 500;

/// Records due transitions, starts and completions of API streams, and emits the time events of all streams.
#[derive(Clone)]
pub(super) struct StreamClock {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    interval: Duration,
    /// The thresholds of runways; `None` if no time events are emitted.
    time_events: Option<Thresholds>,
    /// The unreadable rows of the last tick: each is logged once, not at every tick.
    reported: Vec<CorruptRow>,
}

impl StreamClock {
    pub(super) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        interval: Duration,
        time_events: Option<Thresholds>,
    ) -> Self {
        Self { store, clock, interval, time_events, reported: Vec::new() }
    }

    fn report(&mut self, unreadable: Vec<CorruptRow>) {
        for row in unreadable.iter().filter(|row| !self.reported.contains(row)) {
            let CorruptRow { table, column, row, reason } = row;
            tracing::error!(
                table,
                column,
                row,
                reason,
                "stored row cannot be read: the stream clock skips it"
            );
        }
        self.reported = unreadable;
    }
}

impl StreamClock {
    /// Brings the instants of streams up to the event log, settles those in question, and emits what is due.
    async fn emit_time_events(&self, shutdown: &ShutdownToken) -> Result<(), TickError> {
        let now = self.clock.now();
        while self.store.schedule_time_events(now, EVENTS_PER_STEP).await.map_err(tick_error)?.more {
            if shutdown.is_requested() {
                return Ok(());
            }
        }
        self.settle_instants(shutdown).await?;
        loop {
            let Emitted { events, more } =
                self.store.emit_time_events(self.clock.now(), STREAMS_PER_STEP).await.map_err(tick_error)?;
            if events > 0 {
                tracing::info!(events, "time events emitted");
            }
            if !more || shutdown.is_requested() {
                return Ok(());
            }
        }
    }

    /// Emits an event for each runway that has crossed a threshold.
    async fn emit_low_runways(
        &self,
        thresholds: &Thresholds,
        shutdown: &ShutdownToken,
    ) -> Result<(), TickError> {
        while !thresholds.is_empty() && !shutdown.is_requested() {
            let now = self.clock.now();
            let Emitted { events, more } =
                self.store.emit_low_runways(thresholds, now).await.map_err(tick_error)?;
            if events > 0 {
                tracing::info!(events, "low runways of treasuries emitted");
            }
            if !more {
                break;
            }
        }
        Ok(())
    }

    /// Settles the instants that are in question by the terms that the stream had then.
    async fn settle_instants(&self, shutdown: &ShutdownToken) -> Result<(), TickError> {
        let mut last: Option<StoredInstant> = None;
        while !shutdown.is_requested() {
            let open = self.store.open_instants(last.as_ref(), STREAMS_PER_STEP).await.map_err(tick_error)?;
            let Some(newest) = open.last() else { break };
            last = Some(newest.clone());
            self.settle(&open).await?;
        }
        Ok(())
    }

    async fn settle(&self, open: &[StoredInstant]) -> Result<(), TickError> {
        for instant in open {
            let then = match self.store.stream_at(&instant.stream, instant.event.at).await {
                // Reads report the row. The instant stays in question.
                Err(StoreError::Corrupt(_)) => continue,
                then => then.map_err(tick_error)?,
            };
            let holds = then.is_some_and(|then| then.time_events().contains(&instant.event));
            let now = self.clock.now();
            self.store.settle_instant(instant, holds, now).await.map_err(tick_error)?;
        }
        Ok(())
    }
}

impl PeriodicTask for StreamClock {
    fn name(&self) -> &'static str {
        "stream_clock"
    }

    fn interval(&self) -> Duration {
        self.interval
    }

    /// Records everything that is due, or stops between two steps when shutdown is requested.
    async fn tick(&mut self, shutdown: &ShutdownToken) -> Result<(), TickError> {
        let unreadable = loop {
            let now = self.clock.confirmed_now();
            let step = self.store.record_due(now, STREAMS_PER_STEP).await.map_err(tick_error)?;
            let Recorded { streams, events, unreadable, more } = step;
            if streams > 0 {
                tracing::info!(streams, events, "due transitions recorded");
            }
            if !more || shutdown.is_requested() {
                break unreadable;
            }
        };
        self.report(unreadable);
        let Some(thresholds) = self.time_events.clone() else { return Ok(()) };
        self.emit_time_events(shutdown).await?;
        self.emit_low_runways(&thresholds, shutdown).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::fixtures::{ManualClock, id, put};
    use fluxora_store::StreamStore;
    use fluxora_store::conformance::Model;
    use fluxora_store_sqlite::{Location, Options, SqliteStore};
    use fluxora_stream::Status;

    const INTERVAL: Duration = Duration::from_secs(5);

    #[tokio::test]
    async fn a_tick_records_every_due_transition() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        for n in 0..450 {
            put(store.as_ref(), n, None).await;
        }
        let mut stream_clock =
            StreamClock::new(store.clone(), clock.clone(), INTERVAL, Some(Thresholds::default()));
        for (now, expect) in [(99, Status::Scheduled), (100, Status::Active), (110, Status::Completed)] {
            clock.set(now);
            stream_clock.tick(&ShutdownToken::pair().1).await.unwrap();
            for n in 0..450 {
                assert_eq!(store.stream(&id(n)).await.unwrap().unwrap().status, expect, "{n} at {now}");
            }
        }
    }

    #[tokio::test]
    async fn a_tick_stops_between_two_steps_when_shutdown_is_requested() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        for n in 0..450 {
            put(store.as_ref(), n, None).await;
        }
        clock.set(100);
        let (stop, shutdown) = ShutdownToken::pair();
        stop.request();
        StreamClock::new(store.clone(), clock, INTERVAL, Some(Thresholds::default()))
            .tick(&shutdown)
            .await
            .unwrap();
        let mut active = 0;
        for n in 0..450 {
            active += u32::from(store.stream(&id(n)).await.unwrap().unwrap().status == Status::Active);
        }
        assert_eq!(active, STREAMS_PER_STEP);
    }

    #[tokio::test]
    async fn an_outage_of_storage_is_not_a_defect() {
        let store = Arc::new(SqliteStore::open(&Location::Memory, Options::default()).unwrap());
        store.close().await;
        let mut stream_clock =
            StreamClock::new(store, Arc::new(ManualClock::default()), INTERVAL, Some(Thresholds::default()));
        let failed = stream_clock.tick(&ShutdownToken::pair().1).await.unwrap_err();
        assert!(matches!(failed, TickError::Outage(_)), "{failed:?}");
    }
}
