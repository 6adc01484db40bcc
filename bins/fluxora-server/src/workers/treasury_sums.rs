use std::sync::Arc;
use std::time::Duration;

use fluxora_store::treasury::Counted;
use fluxora_store::{Clock, CorruptRow, Store};
use fluxora_supervise::{PeriodicTask, ShutdownToken, TickError};

use super::tick_error;

/// How often marked streams are counted. What waits is added by each reading itself.
pub(super) const INTERVAL: Duration = Duration::from_secs(1);
/// Streams per store call. A backlog is split into several calls, so that requests run in between.
const STREAMS_PER_STEP: u32 = 500;

/// Counts changed streams again, so that a summary of a party reads few of them.
#[derive(Clone)]
pub(super) struct TreasurySums {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// The unreadable rows that were logged: each is logged once, not at every tick.
    reported: Vec<CorruptRow>,
}

impl TreasurySums {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, reported: Vec::new() }
    }

    fn report(&mut self, unreadable: Vec<CorruptRow>) {
        for corrupt in unreadable {
            if !self.reported.contains(&corrupt) {
                let CorruptRow { table, column, row, reason } = &corrupt;
                tracing::error!(
                    table,
                    column,
                    row,
                    reason,
                    "a stored row cannot be read: it is in no sum of a treasury"
                );
                self.reported.push(corrupt);
            }
        }
    }
}

impl PeriodicTask for TreasurySums {
    fn name(&self) -> &'static str {
        "treasury_sums"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    /// Counts everything that waits, or stops between two steps when shutdown is requested.
    async fn tick(&mut self, shutdown: &ShutdownToken) -> Result<(), TickError> {
        loop {
            let step = self.store.count_streams_again(self.clock.confirmed_now(), STREAMS_PER_STEP).await;
            let Counted { streams: _, unreadable, more } = step.map_err(tick_error)?;
            self.report(unreadable);
            if !more || shutdown.is_requested() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fluxora_store::TreasuryStore;
    use fluxora_store_sqlite::{Location, Options, SqliteStore};

    use super::*;
    use crate::workers::fixtures::{ManualClock, put};

    #[tokio::test]
    async fn a_tick_counts_every_stream_that_waits() {
        let store = Arc::new(SqliteStore::open(&Location::Memory, Options::default()).unwrap());
        for n in 0..1_200 {
            put(store.as_ref(), n, None).await;
        }
        assert_eq!(store.check_sums().await.unwrap().waiting, 1_200);
        let mut sums = TreasurySums::new(store.clone(), Arc::new(ManualClock::default()));
        sums.tick(&ShutdownToken::pair().1).await.unwrap();
        let report = store.check_sums().await.unwrap();
        assert_eq!((report.streams, report.waiting, report.differences), (1_200, 0, vec![]));
    }

    #[tokio::test]
    async fn an_outage_of_storage_is_not_a_defect() {
        let store = Arc::new(SqliteStore::open(&Location::Memory, Options::default()).unwrap());
        store.close().await;
        let mut sums = TreasurySums::new(store, Arc::new(ManualClock::default()));
        let failed = sums.tick(&ShutdownToken::pair().1).await.unwrap_err();
        assert!(matches!(failed, TickError::Outage(_)), "{failed:?}");
    }
}
