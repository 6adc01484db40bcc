use std::collections::{BTreeMap, BTreeSet};

use fluxora_stream::{LoggedEvent, Sequence, StreamEvent, StreamId, UnixTime};
use jiff::Timestamp;

use super::{InstantChange, StoredInstant, TimeCursor};
use crate::chain::ChainTransaction;
use crate::rows::StreamRow;

/// Streams that were read by their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadStreams {
    /// The rows of those that are stored.
    pub rows: BTreeMap<StreamId, StreamRow>,
    /// Those whose row cannot be decoded. Their instants stay as they are.
    pub unreadable: BTreeSet<StreamId>,
}

/// The steps of a transaction on the table of instants.
///
/// Locks are taken in this order: the cursor, the chain state, rows of streams.
#[expect(async_fn_in_trait, reason = "used with concrete types alone")]
pub trait TimeEventTransaction: ChainTransaction {
    /// Reads the cursor and locks it until this transaction ends. `None` before the first step.
    async fn time_cursor(&mut self) -> Result<Option<TimeCursor>, Self::Fault>;

    /// Writes the cursor.
    async fn save_time_cursor(&mut self, cursor: TimeCursor) -> Result<(), Self::Fault>;

    /// The newest position of the event log.
    async fn log_head(&mut self) -> Result<Sequence, Self::Fault>;

    /// Reads up to `limit` events of the log after a position.
    async fn log_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<LoggedEvent>, Self::Fault>;

    /// Reads those of these streams that are stored, of either origin, and locks them.
    async fn streams_to_change(&mut self, ids: &[StreamId]) -> Result<ReadStreams, Self::Fault>;

    /// Reads the instants of these streams, in any order.
    async fn instants(&mut self, ids: &[StreamId]) -> Result<Vec<StoredInstant>, Self::Fault>;

    /// Writes changes of the instants of streams.
    async fn write_instants(&mut self, changes: &[(StreamId, InstantChange)]) -> Result<(), Self::Fault>;

    /// Reads up to `limit` instants that are due: of API streams up to `clock`, of chain streams up to `ledgers`, in the order of
    /// time.
    async fn due_instants(
        &mut self,
        clock: UnixTime,
        ledgers: Option<UnixTime>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, Self::Fault>;

    /// The close of the newest ledger up to one whose close is known.
    async fn closed_at(&mut self, upto: u32) -> Result<Option<Timestamp>, Self::Fault>;

    /// Appends events of streams, each with the position of its row, and writes how many events each stream has after them.
    async fn append_events(
        &mut self,
        counts: &[(Sequence, StreamId, u32)],
        events: &[StreamEvent],
    ) -> Result<(), Self::Fault>;
}
