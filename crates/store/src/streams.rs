use std::sync::Arc;

use async_trait::async_trait;
use fluxora_stream::{CancelRefused, Stream, StreamEvent, StreamId, UnixTime};
use jiff::Timestamp;

use crate::{
    ChainStore, Clock, CorruptRow, EventLog, EventPage, IdempotencyStore, KeyedResponse, StoreError,
    StreamFilter, StreamPage, StreamQuery,
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
}

/// What came of a [`CreateStream`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The stream was written.
    Done,
    /// The same request was made before under this key and got this response; nothing was written.
    Replayed(Vec<u8>),
    /// Another request was made before under this key; nothing was written.
    KeyReused,
}

/// What came of asking for a change of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T, R> {
    /// It was made.
    Done(T),
    /// The rules do not allow it; nothing was written.
    Refused(R),
    /// There is no such stream.
    NotFound,
}

/// What one step of the stream clock wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// How many streams changed.
    pub streams: usize,
    /// How many events that took.
    pub events: usize,
    /// Rows that have fallen due but cannot be read; they were passed over.
    pub unreadable: Vec<CorruptRow>,
    /// Whether more had fallen due than the step was to take.
    pub more: bool,
}

/// Streams and their history.
///
/// Each method is one atomic unit: it happens whole or not at all, and what it answered survives a crash. All may fail with
/// [`StoreError::Unavailable`]; those that write also with [`StoreError::Overloaded`].
#[async_trait]
pub trait StreamStore: Send + Sync {
    /// Writes a new stream, its first event and its keyed response.
    ///
    /// Of several requests under one key, running at once or one after the other within
    /// [`IDEMPOTENCY_RETENTION`](crate::IDEMPOTENCY_RETENTION), one is written.
    async fn create_stream(&self, create: CreateStream) -> Result<Created, StoreError>;

    /// Cancels a stream ([`Stream::cancel`]) at the instant at which its row is held, and answers what it has become. What had
    /// streamed while the cancellation waited stays streamed.
    async fn cancel_stream(
        &self,
        id: &StreamId,
        clock: Arc<dyn Clock>,
    ) -> Result<Outcome<Stream, CancelRefused>, StoreError>;

    /// Reads one stream.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if its row cannot be read.
    async fn stream(&self, id: &StreamId) -> Result<Option<Stream>, StoreError>;

    /// Reads a stream as it was at the end of the second `at`: the stored stream from its last event on; before that, an API stream is
    /// replayed from its history and a chain stream is rebuilt from its contract's events. `None` if the stream did not exist then.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a row it is read from cannot be read.
    async fn stream_at(&self, id: &StreamId, at: UnixTime) -> Result<Option<Stream>, StoreError>;

    /// Reads a page of streams, newest first. What is created meanwhile never shifts the pages that follow.
    async fn list_streams(&self, query: &StreamQuery) -> Result<StreamPage, StoreError>;

    /// Counts the streams that a filter means at `at`. May look at all of them.
    async fn count_streams(&self, filter: &StreamFilter, at: UnixTime) -> Result<u64, StoreError>;

    /// Reads up to `limit` events of a stream that come after number `after`, oldest first; `None` if there is no such stream.
    async fn stream_events(
        &self,
        id: &StreamId,
        after: u32,
        limit: u32,
    ) -> Result<Option<EventPage>, StoreError>;

    /// One step of the stream clock: records what has fallen due by `now` ([`Stream::catch_up`]) for up to `limit` streams,
    /// the longest due first. Each transition is recorded once, whoever else takes steps at the same time.
    async fn record_due(&self, now: Timestamp, limit: u32) -> Result<Recorded, StoreError>;
}

/// A whole storage backend.
#[async_trait]
pub trait Store: StreamStore + ChainStore + EventLog + IdempotencyStore {
    /// What it is, for an operator: the engine, and where it keeps its data, without any credentials.
    fn describe(&self) -> String;

    /// Whether it can read and write at this moment.
    ///
    /// # Errors
    /// Why it cannot.
    async fn check(&self) -> Result<(), StoreError>;

    /// How often it has done something again, since it was opened, because the engine had undone it for another's sake. Nobody was
    /// told of these; many of them say that writers are in each other's way.
    fn retries(&self) -> u64 {
        0
    }

    /// Finishes what was taken on and closes. Whatever comes later is refused with [`StoreError::Unavailable`].
    async fn close(&self);
}
