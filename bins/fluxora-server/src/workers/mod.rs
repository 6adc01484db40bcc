//! The background workers of a server.

mod audit_recorder;
#[cfg(test)]
mod fixtures;
mod retention;
mod stream_clock;
mod treasury_sums;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use fluxora_dispatch::Dispatcher;
use fluxora_feed::Feed;
use fluxora_follower::Follower;
use fluxora_ingest::Ingest;
use fluxora_limit_redis::Connector;
use fluxora_store::{Clock, Store, StoreError};
use fluxora_supervise::{Periodic, Supervisor, TickError};
use fluxora_treasury::Thresholds;

use crate::traces::Exporter;
pub(crate) use audit_recorder::AuditRecorder;
use retention::{Kept, Retention};
use stream_clock::StreamClock;
use treasury_sums::TreasurySums;

/// What workers need.
pub(crate) struct WorkerDeps {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stream_clock_interval: Duration,
    /// The thresholds of runways; `None` if no time events are emitted.
    pub(crate) time_events: Option<Thresholds>,
    /// How long settled webhook deliveries are kept.
    pub(crate) delivery_retention: Duration,
    /// How long rows of the audit log are kept; `None` keeps them for ever.
    pub(crate) audit_retention: Option<Duration>,
    pub(crate) audit_recorder: AuditRecorder,
    /// How long ended API keys are kept.
    pub(crate) key_retention: Duration,
    /// The service of the push endpoint; `None` if contract events are not accepted.
    pub(crate) ingest: Option<Ingest>,
    /// The address that the server listens on.
    pub(crate) address: SocketAddr,
    pub(crate) feed: Arc<Feed>,
    /// `None` if no contract is followed.
    pub(crate) follower: Option<Follower>,
    /// What sends webhooks; `None` if this server does not.
    pub(crate) dispatcher: Option<Dispatcher<dyn Store>>,
    /// What connects to Redis; `None` if each server counts requests by itself.
    pub(crate) redis: Option<Connector>,
    /// What sends traces; `None` if none is recorded.
    pub(crate) exporter: Option<Exporter>,
}

/// Starts all workers of a server. They are stopped in reverse order.
pub(crate) fn start(supervisor: &mut Supervisor, deps: &WorkerDeps) {
    let WorkerDeps {
        store,
        clock,
        stream_clock_interval,
        time_events,
        delivery_retention,
        audit_retention,
        audit_recorder,
        key_retention,
        feed,
        follower,
        dispatcher,
        redis,
        exporter,
        ..
    } = deps;
    // Stopped last: the last requests have spans too.
    if let Some(exporter) = exporter {
        supervisor.start(exporter.clone());
    }
    // The first to start is the last to stop.
    supervisor.start(Periodic(audit_recorder.clone()));
    if let Some(redis) = redis {
        supervisor.start(redis.clone());
    }
    let stream_clock =
        StreamClock::new(Arc::clone(store), Arc::clone(clock), *stream_clock_interval, time_events.clone());
    supervisor.start(Periodic(stream_clock));
    let retention = Retention::new(
        Arc::clone(store),
        Arc::clone(clock),
        Kept { deliveries: *delivery_retention, keys: *key_retention, audit: *audit_retention },
    );
    supervisor.start(Periodic(retention));
    supervisor.start(Periodic(TreasurySums::new(Arc::clone(store), Arc::clone(clock))));
    supervisor.start(feed.reader());
    if let Some(follower) = follower {
        supervisor.start(follower.clone());
    }
    if let Some(dispatcher) = dispatcher {
        supervisor.start(dispatcher.clone());
        supervisor.start(dispatcher.fan_out());
    }
}

/// Only an internal error of the store is a defect. Every other error clears without a restart.
pub(crate) fn tick_error(error: StoreError) -> TickError {
    match error {
        StoreError::Internal { .. } => TickError::Defect(error.into()),
        StoreError::Overloaded | StoreError::Unavailable { .. } | StoreError::Corrupt(_) => {
            TickError::Outage(error.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use fluxora_store::conformance::Model;
    use fluxora_store::{IdempotencyKey, IdempotencyStore, KeyedResponse, StreamStore};
    use fluxora_stream::Status;
    use fluxora_supervise::{PeriodicTask, ShutdownToken};
    use jiff::Timestamp;

    use super::fixtures::{ManualClock, id, put};
    use super::*;
    use crate::clock_guard::GuardedClock;

    /// A year on a wrong clock for six seconds; the stream lasts from second 100 to second 110.
    #[tokio::test]
    async fn a_jump_of_the_clock_ends_no_stream_and_deletes_no_idempotency_record() {
        const YEAR: i64 = 365 * 86_400;
        let (store, system) = (Arc::new(Model::default()), Arc::new(ManualClock::default()));
        let elapsed = Arc::new(Mutex::new(Duration::ZERO));
        let monotonic = Arc::clone(&elapsed);
        let clock = GuardedClock::with(system.clone(), Box::new(move || *monotonic.lock().unwrap()), None);
        let clock: Arc<dyn Clock> = Arc::new(clock);
        let (scope, key) = ("POST /api/streams", IdempotencyKey::parse("key").unwrap());
        let (request, at) = (String::new(), Timestamp::UNIX_EPOCH);
        put(
            store.as_ref(),
            1,
            Some(KeyedResponse {
                scope: scope.to_owned(),
                key: key.clone(),
                request,
                response: Vec::new(),
                at,
                expired_before: at,
            }),
        )
        .await;
        let mut stream_clock = StreamClock::new(
            store.clone(),
            Arc::clone(&clock),
            Duration::from_secs(5),
            Some(Thresholds::default()),
        );
        let kept = Kept { deliveries: Duration::from_hours(1), keys: Duration::from_hours(1), audit: None };
        let mut retention = Retention::new(store.clone(), Arc::clone(&clock), kept);
        for (second, jump, status) in [
            (0, 0, Status::Scheduled),
            (5, YEAR, Status::Scheduled),
            (11, YEAR, Status::Scheduled),
            (12, 0, Status::Scheduled),
            (17, -YEAR, Status::Scheduled),
            (100, 0, Status::Active),
            (110, 0, Status::Completed),
        ] {
            system.set(second + jump);
            *elapsed.lock().unwrap() = Duration::from_secs(second.unsigned_abs());
            stream_clock.tick(&ShutdownToken::pair().1).await.unwrap();
            retention.tick(&ShutdownToken::pair().1).await.unwrap();
            assert_eq!(store.stream(&id(1)).await.unwrap().unwrap().status, status, "at {second}");
            assert_eq!(clock.offset().is_some(), jump != 0);
            assert!(store.idempotency_record(scope, &key, clock.now()).await.unwrap().is_some());
        }
    }
}
