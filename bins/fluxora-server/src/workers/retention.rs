use std::sync::Arc;
use std::time::Duration;

use fluxora_store::{Clock, Store, expired_before};
use fluxora_supervise::{PeriodicTask, ShutdownToken, TickError};
use jiff::Timestamp;

use super::tick_error;

const INTERVAL: Duration = Duration::from_hours(1);

/// Deletes expired idempotency records, webhook deliveries and API keys that ended long ago, and old rows of the audit log: at the
/// start, and then every hour.
/// Requests ignore an expired record whether or not it is deleted.
#[derive(Clone)]
pub(super) struct Retention {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    kept: Kept,
}

/// How long what has ended is kept.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    /// Settled deliveries.
    pub(super) deliveries: Duration,
    /// API keys that have expired or were revoked.
    pub(super) keys: Duration,
    /// Rows of the audit log; `None` keeps them for ever.
    pub(super) audit: Option<Duration>,
}

impl Retention {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, kept: Kept) -> Self {
        Self { store, clock, kept }
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
        let now = self.clock.confirmed_now();
        let before = expired_before(now);
        self.store.delete_expired_idempotency_records(before).await.map_err(tick_error)?;
        let before = now.saturating_sub(self.kept.deliveries).unwrap_or(Timestamp::MIN);
        self.store.delete_settled_deliveries(before).await.map_err(tick_error)?;
        let before = now.saturating_sub(self.kept.keys).unwrap_or(Timestamp::MIN);
        self.store.delete_ended_keys(before).await.map_err(tick_error)?;
        let Some(kept) = self.kept.audit else { return Ok(()) };
        let before = now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
        self.store.expire_audit(before, now).await.map(drop).map_err(tick_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workers::fixtures::{ManualClock, put};
    use fluxora_audit::{Action, Actor, Entry, Outcome};
    use fluxora_store::conformance::Model;
    use fluxora_store::{
        AuditStore, IDEMPOTENCY_RETENTION, IdempotencyKey, IdempotencyStore, KeyedResponse, Sequence,
    };

    const SCOPE: &str = "POST /api/streams";

    fn key() -> IdempotencyKey {
        IdempotencyKey::parse("key").unwrap()
    }

    #[tokio::test]
    async fn an_idempotency_record_is_deleted_once_it_has_expired() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        let request = String::new();
        let at = Timestamp::UNIX_EPOCH;
        let (scope, expired_before) = (SCOPE.to_owned(), expired_before(at));
        let keyed = KeyedResponse { scope, key: key(), request, response: Vec::new(), at, expired_before };
        put(store.as_ref(), 1, Some(keyed)).await;
        let is_stored =
            async || store.idempotency_record(SCOPE, &key(), Timestamp::UNIX_EPOCH).await.unwrap().is_some();
        let kept = Kept { deliveries: Duration::from_hours(1), keys: Duration::from_hours(1), audit: None };
        let mut retention = Retention::new(store.clone(), clock.clone(), kept);
        let lifetime = IDEMPOTENCY_RETENTION.as_secs();
        for (second, stored) in [(0, true), (lifetime, true), (lifetime + 1, false)] {
            clock.set(second);
            retention.tick(&ShutdownToken::pair().1).await.unwrap();
            assert_eq!(is_stored().await, stored, "at {second}");
        }
    }

    #[tokio::test]
    async fn audit_rows_are_deleted_once_they_are_older_than_they_are_kept() {
        let (store, clock) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        let entry =
            Entry::new(Timestamp::UNIX_EPOCH, Actor::anonymous(), Action::StreamCreate, Outcome::Done);
        store.append_audit(vec![entry]).await.unwrap();
        for (kept, second, rows) in [
            (None, 4_000, &["stream.create"][..]),
            (Some(Duration::from_hours(1)), 3_600, &["stream.create"]),
            (Some(Duration::from_hours(1)), 3_601, &["audit.expire"]),
        ] {
            clock.set(second);
            let hour = Duration::from_hours(1);
            let kept = Kept { deliveries: hour, keys: hour, audit: kept };
            let mut retention = Retention::new(store.clone(), clock.clone(), kept);
            retention.tick(&ShutdownToken::pair().1).await.unwrap();
            let stored = store.audit_rows(Sequence(0), 10).await.unwrap();
            let stored: Vec<_> = stored.into_iter().map(|row| row.action).collect();
            assert_eq!(stored, rows, "at {second}");
        }
    }
}
