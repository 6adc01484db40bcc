use std::sync::Arc;

use async_trait::async_trait;
use fluxora_auth::Name;
use fluxora_stream::{CancelRefused, Stream, StreamEvent, StreamId, UnixTime};
use jiff::Timestamp;

use crate::{
    AuditStore, ChainStore, Clock, CorruptRow, DeliveryStore, EndpointStore, EventLog, EventPage,
    IdempotencyStore, KeyStore, KeyedResponse, LeaseStore, PoolUsage, RunwayStore, StoreError, StoreMetrics,
    StreamCount, StreamFilter, StreamPage, StreamQuery, TimeEventStore, TreasuryStore,
};

/// A stream to be written, with its first event and, for a keyed request, the response to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateStream {
    /// The stream.
    pub stream: Stream,
    /// The event that made it.
    pub event: StreamEvent,
    /// For a keyed request: the response that its repetitions get.
    pub keyed: Option<KeyedResponse>,
    /// The partner that creates it; `None` for every other caller.
    pub owner: Option<Name>,
}

/// The outcome of a [`CreateStream`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The stream was written.
    Done,
    /// The same request was made before under this key and got this response; nothing was written.
    Replayed(Vec<u8>),
    /// Another request was made before under this key; nothing was written.
    KeyReused,
}

/// The outcome of a change of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T, R> {
    /// The change was made.
    Done(T),
    /// The rules do not allow it; nothing was written.
    Refused(R),
    /// There is no such stream.
    NotFound,
}

/// The outcome of one step of the stream clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Streams that changed.
    pub streams: usize,
    /// Events that were written.
    pub events: usize,
    /// Rows that have fallen due and cannot be read; they were skipped.
    pub unreadable: Vec<CorruptRow>,
    /// Whether more streams had fallen due than the limit.
    pub more: bool,
}

/// Streams and their history.
///
/// Each method is one transaction, and an acknowledged write survives a crash. All methods may fail with [`StoreError::Unavailable`], writes
/// also with [`StoreError::Overloaded`].
#[async_trait]
pub trait StreamStore: Send + Sync {
    /// Writes a new stream, its first event, its owner and its keyed response.
    ///
    /// Of several requests under one key, running at once or one after the other within
    /// [`IDEMPOTENCY_RETENTION`](crate::IDEMPOTENCY_RETENTION), one is written.
    async fn create_stream(&self, create: CreateStream) -> Result<Created, StoreError>;

    /// Cancels a stream ([`Stream::cancel`]) at the instant at which its row is locked, and returns it. The amount that streamed during the
    /// wait for the lock stays streamed.
    async fn cancel_stream(
        &self,
        id: &StreamId,
        clock: Arc<dyn Clock>,
    ) -> Result<Outcome<Stream, CancelRefused>, StoreError>;

    /// Reads the partner that created a stream; `None` if no partner did, or there is no such stream.
    async fn stream_owner(&self, id: &StreamId) -> Result<Option<String>, StoreError>;

    /// Reads one stream.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if its row cannot be read.
    async fn stream(&self, id: &StreamId) -> Result<Option<Stream>, StoreError>;

    /// Reads the state of a stream at the end of the second `at`: the stored stream from its last event on; before that, an API stream is
    /// replayed from its history and a chain stream is rebuilt from its contract's events. `None` if the stream did not exist then.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a row it is read from cannot be read.
    async fn stream_at(&self, id: &StreamId, at: UnixTime) -> Result<Option<Stream>, StoreError>;

    /// Reads a page of streams, newest first. Streams created between two pages do not shift the next one.
    async fn list_streams(&self, query: &StreamQuery) -> Result<StreamPage, StoreError>;

    /// Counts the streams that match a filter at `at`. With one condition or none it looks at [`COUNTED_BY_INDEX`] streams
    /// at most. With several it looks at those that one of the conditions finds, if these are not more than
    /// [`COUNTED_BY_ROW`], or else at so many of the newest that the first condition finds: of recipient, sender, contract,
    /// `updated_since`, status, origin.
    ///
    /// [`COUNTED_BY_INDEX`]: crate::COUNTED_BY_INDEX
    /// [`COUNTED_BY_ROW`]: crate::COUNTED_BY_ROW
    async fn count_streams(&self, filter: &StreamFilter, at: UnixTime) -> Result<StreamCount, StoreError>;

    /// Reads up to `limit` events of a stream that come after number `after`, oldest first; `None` if there is no such stream.
    async fn stream_events(
        &self,
        id: &StreamId,
        after: u32,
        limit: u32,
    ) -> Result<Option<EventPage>, StoreError>;

    /// One step of the stream clock: records what has fallen due by `now` ([`Stream::catch_up`]) for up to `limit` streams,
    /// the longest due first. Each transition is recorded once, also when several replicas take steps at the same time.
    async fn record_due(&self, now: Timestamp, limit: u32) -> Result<Recorded, StoreError>;
}

/// A whole storage backend.
#[async_trait]
pub trait Store:
    StreamStore
    + ChainStore
    + EventLog
    + IdempotencyStore
    + LeaseStore
    + EndpointStore
    + DeliveryStore
    + AuditStore
    + TreasuryStore
    + KeyStore
    + TimeEventStore
    + RunwayStore
{
    /// Names the engine and the location of the data for an operator, without credentials.
    fn describe(&self) -> String;

    /// Checks that reads and writes work.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] with the reason if they do not.
    async fn check(&self) -> Result<(), StoreError>;

    /// Transactions retried after a deadlock or serialization failure since the store was opened. Callers do not see them; hundreds per
    /// minute indicate a competing writer.
    fn retries(&self) -> u64 {
        0
    }

    /// What it has measured since it was opened; `None` if it measures nothing.
    fn metrics(&self) -> Option<&StoreMetrics> {
        None
    }

    /// Its connection pool; zeros if it has none.
    fn pool(&self) -> PoolUsage {
        PoolUsage::default()
    }

    /// Finishes accepted work and closes. Later calls are refused with [`StoreError::Unavailable`].
    async fn close(&self);
}
