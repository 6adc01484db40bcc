//! Time events: what happens to a stream although nothing is done with it.
//!
//! A table has the instants of every stream: those to come, and what became of the others. It follows the event log: each
//! event of a stream makes its instants be computed again from its row. An instant that falls due is appended to the event log
//! in the transaction that marks it as emitted, so it is there once.

mod instants;
mod steps;
#[cfg(test)]
mod tests;
mod transaction;

use async_trait::async_trait;
use fluxora_stream::{Cause, Sequence, StreamId, TimeEvent};
use jiff::Timestamp;

use crate::StoreError;

pub use instants::{InstantChange, reschedule};
pub(crate) use steps::{Appended, Clocks};
pub use steps::{begin, record, schedule, settle};
pub use transaction::{ReadStreams, TimeEventTransaction};

/// An instant of a stream in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInstant {
    /// The stream.
    pub stream: StreamId,
    /// What happens when.
    pub event: TimeEvent,
    /// What became of it.
    pub state: InstantState,
}

/// What became of an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstantState {
    /// It is still to come, or its event is to be emitted.
    Due,
    /// Its event was emitted.
    Emitted,
    /// It was over when the table was begun: no event is emitted.
    Passed,
    /// The stream changed after it, before its event was emitted, or could not be read when it was due: the terms at the instant
    /// decide.
    Unproven {
        /// The event of the log that raised the question.
        since: Sequence,
    },
    /// Its event was emitted, and a correction may have taken it back: the terms at the instant decide.
    Disputed {
        /// The event of the log that raised the question.
        since: Sequence,
        /// The cause of the correction.
        cause: Cause,
    },
}

impl StoredInstant {
    /// The event of the log that raised the question; `None` if it is not in question.
    pub const fn since(&self) -> Option<Sequence> {
        match &self.state {
            InstantState::Unproven { since } | InstantState::Disputed { since, .. } => Some(*since),
            InstantState::Due | InstantState::Emitted | InstantState::Passed => None,
        }
    }
}

/// How far the table follows the event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeCursor {
    /// The last event that was read.
    pub read: Sequence,
    /// The newest event when the table was begun. What was over then is not emitted.
    pub quiet: Sequence,
}

/// What one step of following the log did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scheduled {
    /// Events that were read.
    pub events: usize,
    /// Whether there are more.
    pub more: bool,
}

/// What one step of emitting did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emitted {
    /// Events that were emitted.
    pub events: usize,
    /// Whether more may be due.
    pub more: bool,
}

/// The table of instants. Each method is one transaction, except that reads are of one statement.
#[async_trait]
pub trait TimeEventStore: Send + Sync {
    /// Begins the table of instants if the event log is empty. Returns whether it is begun, now or before.
    async fn begin_time_events(&self) -> Result<bool, StoreError>;

    /// Reads up to `limit` events of the log and computes the instants of their streams again.
    async fn schedule_time_events(&self, now: Timestamp, limit: u32) -> Result<Scheduled, StoreError>;

    /// Emits up to `limit` events that are due: those of API streams by `now`, those of chain streams by the close of the newest
    /// safe ledger whose close is known. Nothing is emitted before the log was read up to where the table was begun. Each is
    /// emitted once, also when several replicas take steps at the same time.
    async fn emit_time_events(&self, now: Timestamp, limit: u32) -> Result<Emitted, StoreError>;

    /// Reads up to `limit` instants that are unproven or disputed, after one in the order of (`since`, stream, instant, kind).
    async fn open_instants(
        &self,
        after: Option<&StoredInstant>,
        limit: u32,
    ) -> Result<Vec<StoredInstant>, StoreError>;

    /// Settles an instant that is unproven or disputed: `holds` is whether the terms at the instant have it. `false` if it stays
    /// in question: it was changed since it was read, the row of its stream cannot be read, or it is an unproven one of a chain
    /// stream after the close of the newest safe ledger.
    async fn settle_instant(
        &self,
        instant: &StoredInstant,
        holds: bool,
        now: Timestamp,
    ) -> Result<bool, StoreError>;
}
