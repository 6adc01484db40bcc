use std::sync::Arc;
use std::time::Duration;

use fluxora_api::Clock;
use fluxora_store::{Store, StoreError, expired_before};
use tokio::time::MissedTickBehavior;

use crate::supervisor::{ShutdownToken, Worker};

/// How often old answers are dropped. None is given out after its time, dropped or not.
const INTERVAL: Duration = Duration::from_hours(1);

/// The worker that drops the answers of idempotent requests that are no longer kept: at once, and then every hour.
#[derive(Clone)]
pub(crate) struct Retention {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

impl Retention {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }
}

impl Worker for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    async fn run(self, mut shutdown: ShutdownToken) -> anyhow::Result<()> {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.asked() => return Ok(()),
                _ = interval.tick() => {}
            }
            match self.store.delete_expired_idempotency_records(expired_before(self.clock.now())).await {
                Ok(_) => {}
                Err(defect @ StoreError::Internal { .. }) => return Err(defect.into()),
                Err(error) => tracing::warn!(%error, "answers that are no longer kept could not be dropped"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ManualClock, put};
    use fluxora_store::conformance::Model;
    use fluxora_store::{Answer, IDEMPOTENCY_RETENTION, IdempotencyKey, KeyedResponse, StreamStore};
    use jiff::Timestamp;

    const SCOPE: &str = "POST /api/streams";

    fn key() -> IdempotencyKey {
        IdempotencyKey::parse("key").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_no_longer_kept_is_dropped_within_an_hour() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        let answer = Answer { status: 201, location: String::new(), body: String::new() };
        let request = String::new();
        let keyed = KeyedResponse { scope: SCOPE, key: key(), request, answer, at: Timestamp::UNIX_EPOCH };
        put(&store, 1, Some(keyed)).await;
        let is_kept =
            async || store.idempotency_record(SCOPE, &key(), Timestamp::UNIX_EPOCH).await.unwrap().is_some();
        let (stop, shutdown) = ShutdownToken::pair();
        let running = tokio::spawn(Retention::new(store.clone(), clock.clone()).run(shutdown));
        for (second, kept) in
            [(0, true), (IDEMPOTENCY_RETENTION.as_secs(), true), (IDEMPOTENCY_RETENTION.as_secs() + 1, false)]
        {
            clock.set(second);
            tokio::task::yield_now().await;
            assert_eq!(is_kept().await, kept, "at {second}");
            tokio::time::advance(INTERVAL).await;
        }
        stop.ask();
        running.await.unwrap().unwrap();
    }
}
