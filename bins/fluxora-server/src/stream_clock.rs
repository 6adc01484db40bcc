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
            if let Err(error) = self.tick().await {
                tracing::warn!(%error, "the stream clock could not record what has fallen due");
            }
        }
    }

    /// Records everything that has fallen due.
    async fn tick(&mut self) -> Result<(), StoreError> {
        let unreadable = loop {
            let step = self.store.record_due(self.clock.now(), STREAMS_A_STEP).await?;
            let Recorded { streams, events, unreadable, more } = step;
            if streams > 0 {
                tracing::info!(streams, events, "the stream clock recorded what had fallen due");
            }
            if !more {
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
            tracing::error!(table, column, row, reason, "a stored row cannot be read: the stream clock passes it over");
        }
        self.reported = unreadable;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fluxora_store::conformance::Model;
    use std::sync::Mutex;

    struct Still(jiff::Timestamp);

    impl Clock for Still {
        fn now(&self) -> jiff::Timestamp {
            self.0
        }
    }
}
