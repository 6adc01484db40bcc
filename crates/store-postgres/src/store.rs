use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fluxora_audit::Entry;
use fluxora_store::copy::{CopyStore, Section};
use fluxora_store::delivery::FollowerCache;
use fluxora_store::{
    Clock, CreateStream, Created, EventFilter, EventLog, EventLogPage, EventPage, IdempotencyKey,
    IdempotencyRecord, IdempotencyStore, Outcome, PoolUsage, Recorded, Sequence, Store, StoreError,
    StoreMetrics, StreamCount, StreamFilter, StreamPage, StreamQuery, StreamStore, expired_before,
};
use fluxora_stream::{CancelRefused, Stream, StreamId, UnixTime};
use jiff::Timestamp;

use crate::announcer::Announcer;
use crate::connect::Connector;
use crate::pool::Connections;
use crate::streams::{idempotency, log};
use crate::unit::Units;
use crate::writer::Writer;
use crate::{Location, OpenError, Options, Schema, check_schema, migrate, probe, streams};

mod audit;
mod chain;
mod copy;
mod keys;
mod runway;
mod time_events;
mod treasury;
mod webhooks;

/// How many idempotency records one unit deletes at most.
const DELETED_AT_ONCE: u32 = 1_000;

/// The shared storage backend. A clone is the same store.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    location: Arc<Location>,
    connections: Arc<Connections>,
    /// For what changes the chain, one at a time: those who wait for their turn take no connection from the others.
    chain: Arc<Connections>,
    rebuild_timeout: Duration,
    /// See [`Options::callers_time`].
    takes_callers_time: bool,
    units: Arc<Units>,
    writer: Arc<Writer>,
    announcer: Arc<Announcer>,
    /// What a write of this handle leaves in the audit log.
    entry: Option<Arc<Entry>>,
    followers: Arc<FollowerCache>,
}

impl PostgresStore {
    /// Opens a database: connects, checks that it is ours, and brings its schema up to date if it is behind. Where it is current,
    /// a role that may only read and write rows is enough.
    ///
    /// The store's connections live on the runtime that this is called in.
    ///
    /// # Errors
    /// [`OpenError`] says which of these failed; a database that is not ours or is newer is left untouched.
    pub async fn open(location: &Location, options: Options) -> Result<Self, OpenError> {
        if let Schema::Behind(_) = check_schema(location, &options).await? {
            let migrations = migrate(location, &options).await?;
            tracing::info!(?migrations, "the schema of the database was brought up to date");
        }
        let connector = Connector::new(location, &options)?;
        let units = Arc::new(Units::new(options.statement_timeout));
        let for_creates = Connections::new(Connector::for_creates(location, &options)?, 1, &options);
        let writer = Arc::new(Writer::start(connector.runtime(), for_creates, Arc::clone(&units), &options));
        let connections = Arc::new(Connections::new(connector, options.pool, &options));
        let chain = Arc::new(Connections::new(Connector::for_chain(location, &options)?, 1, &options));
        let announcer = Arc::new(Announcer::new(Connector::new(location, &options)?));
        let (rebuild_timeout, takes_callers_time) = (options.rebuild_timeout, options.callers_time);
        let location = Arc::new(location.clone());
        let store = Self {
            location,
            connections,
            chain,
            rebuild_timeout,
            takes_callers_time,
            units,
            writer,
            announcer,
            entry: None,
            followers: Arc::default(),
        };
        store.warn_of_what_is_not_durable().await;
        store.warn_of_repeated_events().await;
        Ok(store)
    }

    /// Says once what would lose acknowledged writes.
    async fn warn_of_what_is_not_durable(&self) {
        let off = self.units.run(&self.connections, |lease| async move { probe::not_durable(&lease).await });
        match off.await.as_deref() {
            Ok([]) => {}
            Ok(settings) => tracing::warn!(
                settings = settings.join(", "),
                "these settings of the database server are off: an acknowledged write may not survive its crash"
            ),
            Err(error) => {
                tracing::warn!(%error, "the durability settings of the database server cannot be read");
            }
        }
    }

    /// Logs how many contract events the migration to unique positions has set aside.
    async fn warn_of_repeated_events(&self) {
        match CopyStore::count(self, Section::RepeatedEvents).await {
            Ok(0) => {}
            Ok(events) => {
                tracing::warn!(
                    events,
                    "contract events are set aside: `fluxora-server reindex --verify` names them"
                );
            }
            Err(error) => tracing::warn!(%error, "the contract events that are set aside cannot be counted"),
        }
    }

    /// A connection as units of work use it.
    #[cfg(test)]
    pub(crate) async fn lease(&self) -> crate::pool::Lease {
        self.connections.lease().await.unwrap()
    }

    /// A connection as it is used to change the chain.
    #[cfg(test)]
    pub(crate) async fn lease_of_chain(&self) -> crate::pool::Lease {
        self.chain.lease().await.unwrap()
    }
}

#[async_trait]
impl StreamStore for PostgresStore {
    async fn create_stream(&self, create: CreateStream) -> Result<Created, StoreError> {
        self.announcer.announce(self.writer.create(create, self.entry.clone()).await)
    }

    async fn cancel_stream(
        &self,
        id: &StreamId,
        clock: Arc<dyn Clock>,
    ) -> Result<Outcome<Stream, CancelRefused>, StoreError> {
        let cancelled = self
            .units
            .run(&self.connections, |lease| async {
                let lease = lease;
                streams::cancel(&lease, id, clock.as_ref(), self.entry.as_deref()).await
            })
            .await;
        self.announcer.announce(cancelled)
    }

    async fn stream_owner(&self, id: &StreamId) -> Result<Option<String>, StoreError> {
        let id = &id.to_string();
        self.units
            .run(&self.connections, |lease| async move { crate::keys::stream_owner(&lease, id).await })
            .await
    }

    async fn stream(&self, id: &StreamId) -> Result<Option<Stream>, StoreError> {
        self.units.run(&self.connections, |lease| async move { streams::find(&lease, id).await }).await
    }

    async fn stream_at(&self, id: &StreamId, at: UnixTime) -> Result<Option<Stream>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { crate::chain::stream_at(lease, id, at).await })
            .await
    }

    async fn list_streams(&self, query: &StreamQuery) -> Result<StreamPage, StoreError> {
        self.units.run(&self.connections, |lease| async move { streams::list(&lease, query).await }).await
    }

    async fn count_streams(&self, filter: &StreamFilter, at: UnixTime) -> Result<StreamCount, StoreError> {
        self.units
            .run(
                &self.connections,
                |lease| async move { streams::count(&lease, filter, at, streams::MOST).await },
            )
            .await
    }

    async fn stream_events(
        &self,
        id: &StreamId,
        after: u32,
        limit: u32,
    ) -> Result<Option<EventPage>, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { streams::events(&lease, id, after, limit).await })
            .await
    }

    async fn record_due(&self, now: Timestamp, limit: u32) -> Result<Recorded, StoreError> {
        let recorded = self
            .units
            .run(&self.connections, |lease| async move { streams::record_due(&lease, now, limit).await })
            .await?;
        // The stream clock finds nothing due in most of its steps.
        if recorded == Recorded::default() { Ok(recorded) } else { self.announcer.announce(Ok(recorded)) }
    }
}

#[async_trait]
impl EventLog for PostgresStore {
    async fn events_after(
        &self,
        after: Sequence,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<EventLogPage, StoreError> {
        self.units
            .run(&self.connections, |lease| async move { log::after(&lease, after, filter, limit).await })
            .await
    }

    async fn head(&self) -> Result<Sequence, StoreError> {
        self.units.run(&self.connections, |lease| async move { log::head(&lease).await }).await
    }

    async fn oldest(&self) -> Result<Sequence, StoreError> {
        self.units.run(&self.connections, |lease| async move { log::oldest(&lease).await }).await
    }

    async fn appended(&self) {
        self.announcer.appended().await;
    }
}

#[async_trait]
impl IdempotencyStore for PostgresStore {
    async fn idempotency_record(
        &self,
        scope: &str,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let found = self
            .units
            .run(&self.connections, |lease| async move {
                idempotency::find(&lease, &[(scope, key.as_str())]).await
            })
            .await?;
        let found = found.into_values().next().transpose()?;
        Ok(found.filter(|record| record.at >= expired_before(now)))
    }

    async fn delete_expired_idempotency_records(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0_u64;
        loop {
            // In steps, so that no transaction is long.
            let step = self
                .units
                .run(&self.connections, |lease| async move {
                    idempotency::delete_expired(&lease, before, DELETED_AT_ONCE).await
                })
                .await?;
            deleted = deleted.saturating_add(step);
            if step < DELETED_AT_ONCE.into() {
                return Ok(deleted);
            }
        }
    }
}

#[async_trait]
impl Store for PostgresStore {
    fn describe(&self) -> String {
        self.location.to_string()
    }

    async fn check(&self) -> Result<(), StoreError> {
        let doubt = self.units.doubt();
        self.units.run(&self.connections, |lease| async move { probe::read(&lease).await }).await?;
        // A commit that writes nothing succeeds on a full disk too, so only a proof ends the doubt that a outage has cast.
        if let Some(doubt) = doubt {
            self.units.run(&self.connections, |lease| async move { probe::write(&lease).await }).await?;
            self.units.prove(doubt);
        }
        Ok(())
    }

    fn retries(&self) -> u64 {
        self.units.repeated()
    }

    fn metrics(&self) -> Option<&StoreMetrics> {
        Some(self.units.metrics())
    }

    fn pool(&self) -> PoolUsage {
        self.connections.usage()
    }

    async fn close(&self) {
        self.announcer.close();
        self.writer.close().await;
        self.chain.close();
        self.connections.close();
    }
}
