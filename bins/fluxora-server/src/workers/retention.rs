use std::sync::Arc;
use std::time::Duration;

use fluxora_store::{Clock, Store, expired_before};
use fluxora_supervise::{PeriodicTask, ShutdownToken, TickError};
use jiff::Timestamp;

use super::tick_error;

const INTERVAL: Duration = Duration::from_hours(1);

/// Deletes expired idempotency records and webhook deliveries that were settled long ago: at the start, and then every hour.
/// Requests ignore an expired record whether or not it is deleted.
#[derive(Clone)]
pub(super) struct Retention {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// How long settled deliveries are kept.
    deliveries: Duration,
}

impl Retention {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, deliveries: Duration) -> Self {
        Self { store, clock, deliveries }
    }
}

impl PeriodicTask for Retention {
    fn name(&self) -> &'static str {
        "retention"
    }

    fn interval(&self) -> Duration {
        INTERVAL
    }

    async fn tick(&mut self, _: &ShutdownToken) -> Result<(), TickError> {
        let now = self.clock.now();
        let before = expired_before(now);
        self.store.delete_expired_idempotency_records(before).await.map_err(tick_error)?;
        let before = now.saturating_sub(self.deliveries).unwrap_or(Timestamp::MIN);
        self.store.delete_settled_deliveries(before).await.map(drop).map_err(tick_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::fixtures::{ManualClock, put};
    use fluxora_store::conformance::Model;
    use fluxora_store::{IDEMPOTENCY_RETENTION, IdempotencyKey, IdempotencyStore, KeyedResponse};

    const SCOPE: &str = "POST /api/streams";

    fn key() -> IdempotencyKey {
        IdempotencyKey::parse("key").unwrap()
    }

    #[tokio::test]
    async fn an_idempotency_record_is_deleted_once_it_has_expired() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        let request = String::new();
        let at = Timestamp::UNIX_EPOCH;
        let keyed = KeyedResponse { scope: SCOPE, key: key(), request, response: Vec::new(), at };
        put(&store, 1, Some(keyed)).await;
        let is_stored =
            async || store.idempotency_record(SCOPE, &key(), Timestamp::UNIX_EPOCH).await.unwrap().is_some();
        let mut retention = Retention::new(store.clone(), clock.clone(), Duration::from_hours(1));
        let lifetime = IDEMPOTENCY_RETENTION.as_secs();
        for (second, stored) in [(0, true), (lifetime, true), (lifetime + 1, false)] {
            clock.set(second);
            retention.tick(&ShutdownToken::pair().1).await.unwrap();
            assert_eq!(is_stored().await, stored, "at {second}");
        }
    }
}
