use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fluxora_audit::Entry;
use fluxora_indexer::{Batch, Fence, Ledger, Opaque, Refusal, RewindRefused, Rules};
use fluxora_store::chain::{
    self as steps, ChainState, ComparedEntry, ContractEventPage, ContractEventQuery, ContractReport,
    Coverage, Drifts, EventEvidence, Ingested, Rebuild, RebuildReport, Reorg, Rewind, Rewound,
};
use fluxora_store::delivery::FollowerCache;
use fluxora_store::time_events::Emitted;
use fluxora_store::{
    ChainStore, Clock, CreateStream, Created, EventFilter, EventLog, EventLogPage, EventPage, IdempotencyKey,
    IdempotencyRecord, IdempotencyStore, LeaseStore, Outcome, Recorded, Sequence, Store, StoreError,
    StoreMetrics, StreamCount, StreamFilter, StreamPage, StreamQuery, StreamStore, Work, expired_before,
};
use fluxora_stream::{CancelRefused, Stream, StreamId, UnixTime};
use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::chain::{self, Chain};
use crate::open::OpenError;
use crate::readers::Readers;
use crate::streams::{idempotency, log};
use crate::writer::Writer;
use crate::{Location, Options, leases, open, probe, streams};

/// How many idempotency records one unit deletes at most.
const DELETED_AT_ONCE: u32 = 1_000;

/// The embedded storage backend. A clone is the same store.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    location: Arc<Location>,
    writer: Arc<Writer>,
    /// `None` in memory, where the writer's connection is the only one and reads queue with the writes.
    readers: Option<Arc<Readers>>,
    /// Holds a permit when a commit of this process may have appended events.
    appended: Arc<Notify>,
    /// What a write of this handle leaves in the audit log.
    entry: Option<Arc<Entry>>,
    followers: Arc<FollowerCache>,
}

impl SqliteStore {
    /// Opens a database: makes it if it is not there, checks that it is ours, brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`] says which of these failed; a database that is not ours or is newer is left untouched.
    pub fn open(location: &Location, options: Options) -> Result<Self, OpenError> {
        let opened = open::writer(location, options.lock_wait)?;
        let readers = match (location, &opened.files) {
            (Location::File(path), Some(files)) => {
                Some(Arc::new(Readers::of(path, Arc::clone(&files.shared))))
            }
            _ => None,
        };
        let writer = Arc::new(Writer::start(opened, options).map_err(OpenError::Thread)?);
        let location = Arc::new(location.clone());
        let (appended, followers) = (Arc::default(), Arc::default());
        Ok(Self { location, writer, readers, appended, entry: None, followers })
    }

    /// Runs a unit that may append events, and wakes the reader of the event log once it is committed.
    async fn append<T: Send + 'static>(
        &self,
        unit: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let done = self.writer.run(unit).await?;
        self.announce();
        Ok(done)
    }

    /// The same for a unit that emits what is due: those who wait for events are not woken if nothing was.
    async fn emit(
        &self,
        unit: impl FnMut(&Connection) -> Result<Emitted, StoreError> + Send + 'static,
    ) -> Result<Emitted, StoreError> {
        let emitted = self.writer.run(unit).await?;
        if emitted.events > 0 {
            self.announce();
        }
        Ok(emitted)
    }

    fn announce(&self) {
        self.appended.notify_waiters();
        self.appended.notify_one();
    }

    /// Reads on the calling thread: for what touches a few rows.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.readers {
            Some(readers) => {
                let begun = StoreMetrics::begin();
                let read = readers.read(query);
                self.writer.metrics().finish(Work::Read, begun, &read);
                read
            }
            None => self.writer.run(query).await,
        }
    }

    /// Reads on a blocking thread: for what may look at a whole table.
    async fn scan<T: Send + 'static>(
        &self,
        query: impl FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        match &self.readers {
            Some(readers) => {
                let begun = StoreMetrics::begin();
                let read = readers.scan(query).await;
                self.writer.metrics().finish(Work::Scan, begun, &read);
                read
            }
            None => self.writer.run(query).await,
        }
    }
}

#[async_trait]
impl StreamStore for SqliteStore {
    async fn create_stream(&self, create: CreateStream) -> Result<Created, StoreError> {
        self.append(self.with_entry(move |connection| streams::create(connection, &create))).await
    }

    async fn cancel_stream(
        &self,
        id: &StreamId,
        clock: Arc<dyn Clock>,
    ) -> Result<Outcome<Stream, CancelRefused>, StoreError> {
        let id = *id;
        self.append(self.with_entry(move |connection| streams::cancel(connection, &id, clock.now()))).await
    }

    async fn stream_owner(&self, id: &StreamId) -> Result<Option<String>, StoreError> {
        let id = id.to_string();
        self.read(move |connection| crate::keys::stream_owner(connection, &id)).await
    }

    async fn stream(&self, id: &StreamId) -> Result<Option<Stream>, StoreError> {
        let id = *id;
        self.read(move |connection| Ok(streams::Finder::new(connection)?.find(&id)?.map(|row| row.stream)))
            .await
    }

    async fn stream_at(&self, id: &StreamId, at: UnixTime) -> Result<Option<Stream>, StoreError> {
        let id = *id;
        let stored = self.read(move |connection| streams::stored_or_replayed(connection, &id, at)).await?;
        match stored {
            Some(stream) => Ok(stream),
            // A rebuild reads many rows, all in one state of the database.
            None => {
                let rebuild = move |connection: &Connection| {
                    let read =
                        |connection: &_| chain::run(steps::stream_as_of(&mut Chain(connection), id, at));
                    chain::in_one_snapshot(connection, read)
                };
                self.scan(rebuild).await
            }
        }
    }

    async fn list_streams(&self, query: &StreamQuery) -> Result<StreamPage, StoreError> {
        let may_take_long = streams::intersects(&query.filter);
        let query = query.clone();
        let list = move |connection: &Connection| streams::list(connection, &query);
        if may_take_long { self.scan(list).await } else { self.read(list).await }
    }

    async fn count_streams(&self, filter: &StreamFilter, at: UnixTime) -> Result<StreamCount, StoreError> {
        let filter = filter.clone();
        self.scan(move |connection| streams::count(connection, &filter, at)).await
    }

    async fn stream_events(
        &self,
        id: &StreamId,
        after: u32,
        limit: u32,
    ) -> Result<Option<EventPage>, StoreError> {
        let id = *id;
        self.read(move |connection| streams::events(connection, &id, after, limit)).await
    }

    async fn record_due(&self, now: Timestamp, limit: u32) -> Result<Recorded, StoreError> {
        self.append(move |connection| streams::record_due(connection, now, limit)).await
    }
}

#[async_trait]
impl EventLog for SqliteStore {
    async fn events_after(
        &self,
        after: Sequence,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<EventLogPage, StoreError> {
        let scans = *filter != EventFilter::default();
        let filter = filter.clone();
        let read = move |connection: &Connection| log::after(connection, after, &filter, limit);
        if scans { self.scan(read).await } else { self.read(read).await }
    }

    async fn head(&self) -> Result<Sequence, StoreError> {
        self.read(log::head).await
    }

    async fn oldest(&self) -> Result<Sequence, StoreError> {
        self.read(log::oldest).await
    }

    async fn appended(&self) {
        self.appended.notified().await;
    }
}

#[async_trait]
impl IdempotencyStore for SqliteStore {
    async fn idempotency_record(
        &self,
        scope: &str,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<IdempotencyRecord>, StoreError> {
        let (scope, key) = (scope.to_owned(), key.clone());
        let oldest = expired_before(now);
        self.read(move |connection| idempotency::find(connection, &scope, &key, oldest)).await
    }

    async fn delete_expired_idempotency_records(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut deleted = 0_u64;
        loop {
            // In steps, so that other writes are committed in between.
            let delete = move |connection: &Connection| {
                idempotency::delete_expired(connection, before, DELETED_AT_ONCE)
            };
            let step = self.writer.run(delete).await?;
            deleted = deleted.saturating_add(step.into());
            if step < DELETED_AT_ONCE {
                return Ok(deleted);
            }
        }
    }
}

#[async_trait]
impl ChainStore for SqliteStore {
    async fn ingest(
        &self,
        batch: Arc<Batch>,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Ingested, Refusal>, StoreError> {
        let unit = move |connection: &Connection| {
            chain::run(steps::ingest(&mut Chain(connection), &batch, rules, now))
        };
        self.append(unit).await
    }

    async fn rewind(
        &self,
        rewind: Rewind,
        rules: Rules,
        now: Timestamp,
    ) -> Result<Result<Rewound, RewindRefused>, StoreError> {
        let unit = move |connection: &Connection| {
            chain::run(steps::rewind(&mut Chain(connection), &rewind, rules, now))
        };
        self.append(self.with_entry(unit)).await
    }

    async fn chain_state(&self) -> Result<ChainState, StoreError> {
        self.read(|connection| chain::in_one_snapshot(connection, chain::state)).await
    }

    async fn ledgers(&self, range: RangeInclusive<u32>) -> Result<Vec<Ledger>, StoreError> {
        self.read(move |connection| chain::ledgers::between(connection, &range)).await
    }

    async fn coverage(&self) -> Result<Vec<Coverage>, StoreError> {
        self.read(chain::evidence::coverage).await
    }

    async fn record_comparisons(&self, compared: &[ComparedEntry]) -> Result<(), StoreError> {
        let compared = compared.to_vec();
        self.writer.run(move |connection| chain::drifts::record(connection, &compared)).await
    }

    async fn drifts(&self, after: Option<&StreamId>, limit: u32) -> Result<Drifts, StoreError> {
        let after = after.copied();
        let read = move |connection: &Connection| chain::drifts::read(connection, after, limit);
        self.read(move |connection| chain::in_one_snapshot(connection, read)).await
    }

    async fn contract_event(&self, id: &Opaque) -> Result<Option<EventEvidence>, StoreError> {
        let id = id.clone();
        let read = move |connection: &Connection| chain::evidence::event(connection, &id);
        self.read(move |connection| chain::in_one_snapshot(connection, &read)).await
    }

    async fn contract_events(&self, query: &ContractEventQuery) -> Result<ContractEventPage, StoreError> {
        let query = query.clone();
        self.scan(move |connection| chain::list(connection, &query)).await
    }

    async fn reorgs(&self, limit: u32) -> Result<Vec<Reorg>, StoreError> {
        self.read(move |connection| chain::reorgs(connection, limit)).await
    }

    async fn contracts(&self, limit: u32) -> Result<Vec<ContractReport>, StoreError> {
        let read = move |connection: &Connection| chain::contracts::reports(connection, limit);
        self.scan(move |connection| chain::in_one_snapshot(connection, read)).await
    }

    async fn rebuild(&self, rebuild: Rebuild, now: Timestamp) -> Result<RebuildReport, StoreError> {
        let verifies = rebuild.verify_only;
        let unit =
            move |connection: &Connection| chain::run(steps::rebuild(&mut Chain(connection), &rebuild, now));
        if verifies { self.append(unit).await } else { self.append(self.with_entry(unit)).await }
    }
}

#[async_trait]
impl LeaseStore for SqliteStore {
    async fn acquire_lease(
        &self,
        lease: &'static str,
        holder: &str,
        term: Duration,
        now: Timestamp,
    ) -> Result<Option<Fence>, StoreError> {
        let holder = holder.to_owned();
        self.writer.run(move |connection| leases::acquire(connection, lease, &holder, term, now)).await
    }

    async fn release_lease(&self, lease: &'static str, holder: &str) -> Result<(), StoreError> {
        let holder = holder.to_owned();
        self.writer.run(move |connection| leases::release(connection, lease, &holder)).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn describe(&self) -> String {
        self.location.to_string()
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.read(probe::read).await?;
        self.writer.check().await
    }

    fn metrics(&self) -> Option<&StoreMetrics> {
        Some(self.writer.metrics())
    }

    async fn close(&self) {
        // The readers first: the last connection to go takes the write-ahead log with it, and only the writer's can.
        if let Some(readers) = &self.readers {
            readers.close();
        }
        self.writer.close().await;
    }
}

mod audit;
mod copy;
mod keys;
mod runway;
mod time_events;
mod treasury;
mod webhooks;

#[cfg(test)]
mod tests;
