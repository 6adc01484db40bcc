use std::sync::Arc;
use std::time::Duration;

use fluxora_api::Clock;
use fluxora_store::{Store, StoreError, forgotten_before};
use tokio::time::MissedTickBehavior;

use crate::supervisor::{Stopping, Worker};

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

    async fn run(self, mut stopping: Stopping) -> anyhow::Result<()> {
        let mut interval = tokio::time::interval(INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopping.asked() => return Ok(()),
                _ = interval.tick() => {}
            }
            match self.store.forget_answers(forgotten_before(self.clock.now())).await {
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
    use crate::fixtures::{Hand, put};
    use fluxora_store::conformance::Model;
    use fluxora_store::{ANSWERS_KEPT, Answer, IdempotencyKey, KeyedAnswer, StreamStore};
    use jiff::Timestamp;

    const SCOPE: &str = "POST /api/streams";

    fn key() -> IdempotencyKey {
        IdempotencyKey::parse("key").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_no_longer_kept_is_dropped_within_an_hour() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(Hand::default()));
        let answer = Answer { status: 201, location: String::new(), body: String::new() };
        let request = String::new();
        let keyed = KeyedAnswer { scope: SCOPE, key: key(), request, answer, at: Timestamp::UNIX_EPOCH };
        put(&store, 1, Some(keyed)).await;
        let is_kept =
            async || store.kept_answer(SCOPE, &key(), Timestamp::UNIX_EPOCH).await.unwrap().is_some();
        let (stop, stopping) = Stopping::when_asked();
        let running = tokio::spawn(Retention::new(store.clone(), clock.clone()).run(stopping));
        for (second, kept) in [(0, true), (ANSWERS_KEPT.as_secs(), true), (ANSWERS_KEPT.as_secs() + 1, false)]
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
