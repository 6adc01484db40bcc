//! The audit log: who did what, in rows that a hash chain connects ([`fluxora_audit`]).

use std::sync::Arc;

use async_trait::async_trait;
use fluxora_audit::{Action, Actor, Entry, Hash, Head, Outcome as AuditOutcome, Row};
use fluxora_delivery::{DeliveryId, Replay};
use jiff::Timestamp;

use crate::chain::{RebuildReport, Rewound};
use crate::delivery::{EndpointCreated, EndpointUpdated, ListedDelivery};
use crate::rows::ReadColumns;
use crate::{Created, KeyRotated, Outcome, Sequence, Store, StoreError, StoredKey};

/// How many rows one page looks through at most. A filter that matches little makes a page short, not slow.
pub const AUDIT_WINDOW: u64 = 20_000;
/// How many rows one step of retention deletes at most.
pub const AUDIT_EXPIRED_AT_ONCE: u64 = 5_000;

/// Rows to read, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// Only rows of this kind of actor, or of the actor with this id.
    pub actor: Option<String>,
    /// Only rows of this action.
    pub action: Option<Action>,
    /// Only rows with this target.
    pub target: Option<String>,
    /// Only rows with this outcome: `done`, `refused` or `failed`.
    pub outcome: Option<String>,
    /// Only rows at or after this instant.
    pub from: Option<Timestamp>,
    /// Only rows before this instant.
    pub to: Option<Timestamp>,
    /// Only rows before this number: the `next` of the previous page.
    pub before: Option<Sequence>,
    /// How many at most; at least 1.
    pub limit: u32,
}

/// A page of rows, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// The rows that match.
    pub rows: Vec<Row>,
    /// Where the next page begins; `None` if this is the last one. A page without rows may have it.
    pub next: Option<Sequence>,
}

/// The audit log.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// This store for one write of a caller: the write and a row with this entry are committed together, or neither is. A write that
    /// changes nothing leaves no row: it was refused, or repeats an earlier one under its key.
    ///
    /// It is for the writes of callers: creating and cancelling streams, everything that changes endpoints and API keys, replays, rewinds and rebuilds. Steps of
    /// workers leave no rows.
    fn audited(&self, entry: Entry) -> Box<dyn Store>;

    /// Appends rows that belong to no write, in this order.
    async fn append_audit(&self, entries: Vec<Entry>) -> Result<(), StoreError>;

    /// Reads a page of rows, looking through [`AUDIT_WINDOW`] rows at most.
    async fn audit_page(&self, query: &AuditQuery) -> Result<AuditPage, StoreError>;

    /// Reads up to `limit` rows after a number, oldest first.
    async fn audit_rows(&self, after: Sequence, limit: u32) -> Result<Vec<Row>, StoreError>;

    /// Deletes the oldest rows, up to the first one that is not older than `before`, in steps, each one transaction. Each step leaves a row
    /// of [`Action::AuditExpire`] that names the last deleted row. Returns how many rows were deleted.
    async fn expire_audit(&self, before: Timestamp, now: Timestamp) -> Result<u64, StoreError>;
}

impl AuditQuery {
    /// Whether a row matches.
    pub fn matches(&self, row: &Row) -> bool {
        let Self { actor, action, target, outcome, from, to, before, limit: _ } = self;
        let is_actor = |actor: &String| row.actor_kind == *actor || row.actor_id.as_ref() == Some(actor);
        actor.as_ref().is_none_or(is_actor)
            && action.is_none_or(|action| row.action == action.as_str())
            && target.as_ref().is_none_or(|target| row.target.as_ref() == Some(target))
            && outcome.as_ref().is_none_or(|outcome| row.outcome == *outcome)
            && from.is_none_or(|from| row.at >= from)
            && to.is_none_or(|to| row.at < to)
            && before.is_none_or(|Sequence(before)| row.seq < before)
    }

    /// The lowest number that a page from this position on looks at. `newest` is the number of the newest row.
    pub fn window(&self, newest: u64) -> u64 {
        let above = self.before.map_or(u64::MAX, |Sequence(before)| before).min(newest.saturating_add(1));
        above.saturating_sub(AUDIT_WINDOW).max(1)
    }

    /// The page of these rows, read with one row more than the limit from a window that begins at `lowest`; `oldest` is the number of
    /// the oldest row, 0 without rows.
    pub fn page(&self, mut rows: Vec<Row>, lowest: u64, oldest: u64) -> AuditPage {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX).max(1);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more {
            rows.last().map(|last| Sequence(last.seq))
        } else {
            Some(Sequence(lowest)).filter(|_| lowest > oldest && oldest > 0)
        };
        AuditPage { rows, next }
    }
}

/// The entry of a step of retention that deleted every row up to this one.
pub fn expiry(deleted: Head, now: Timestamp) -> Entry {
    Entry::new(now, Actor::server(), Action::AuditExpire, AuditOutcome::Done)
        .with_target(&deleted.deletion_target())
}

/// Reads a row of the audit log: every column in the order of the fields of [`Row`].
///
/// # Errors
/// [`StoreError::Corrupt`] if it cannot be read.
pub fn audit_row<'r>(columns: &mut impl ReadColumns<'r>) -> Result<Row, StoreError> {
    let mut row = Row {
        seq: columns.number("seq")?,
        at: columns.instant("at")?,
        actor_kind: columns.text("actor_kind")?.to_owned(),
        actor_id: columns.optional("actor_id", owned)?,
        actor_role: columns.text("actor_role")?.to_owned(),
        action: columns.text("action")?.to_owned(),
        target: columns.optional("target", owned)?,
        outcome: columns.text("outcome")?.to_owned(),
        code: columns.optional("code", owned)?,
        request_id: columns.optional("request_id", owned)?,
        client_address: columns.optional("client_address", owned)?,
        count: columns.number("count")?,
        previous_hash: Hash::ZERO,
        hash: Hash::ZERO,
    };
    row.previous_hash = audit_hash(columns, "previous_hash")?;
    row.hash = audit_hash(columns, "hash")?;
    Ok(row)
}

/// Reads the hash of a row.
///
/// # Errors
/// [`StoreError::Corrupt`] if it has not 32 bytes.
pub fn audit_hash<'r>(columns: &mut impl ReadColumns<'r>, column: &'static str) -> Result<Hash, StoreError> {
    let bytes = columns.bytes(column)?;
    Hash::from_slice(bytes).map_err(|error| columns.corrupt(column, error))
}

fn owned<'r>(columns: &mut impl ReadColumns<'r>, column: &'static str) -> Result<String, StoreError> {
    columns.text(column).map(str::to_owned)
}

/// The outcome of a caller's write.
pub trait Effect {
    /// Whether it changed something, so that it leaves its row in the audit log.
    fn is_done(&self) -> bool;
}

impl Effect for Created {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

impl<T, R> Effect for Outcome<T, R> {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl<R> Effect for Result<Rewound, R> {
    fn is_done(&self) -> bool {
        self.is_ok()
    }
}

/// A rebuild: an operator asked for it, whether anything differed or not. One that only verifies leaves no row.
impl Effect for RebuildReport {
    fn is_done(&self) -> bool {
        true
    }
}

/// Creating an API key.
impl Effect for StoredKey {
    fn is_done(&self) -> bool {
        true
    }
}

/// Revoking an API key.
impl Effect for Option<StoredKey> {
    fn is_done(&self) -> bool {
        self.is_some()
    }
}

impl Effect for KeyRotated {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Effect for EndpointCreated {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

impl Effect for EndpointUpdated {
    fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// Deleting an endpoint.
impl Effect for bool {
    fn is_done(&self) -> bool {
        *self
    }
}

/// Sending a delivery again, where it could be.
impl Effect for Option<(ListedDelivery, bool)> {
    fn is_done(&self) -> bool {
        matches!(self, Some((_, true)))
    }
}

/// Sending a delivery again, as the shared step answers.
impl Effect for Option<(DeliveryId, bool)> {
    fn is_done(&self) -> bool {
        matches!(self, Some((_, true)))
    }
}

/// Letting a lane go on, as the shared step answers.
impl Effect for Option<bool> {
    fn is_done(&self) -> bool {
        *self == Some(true)
    }
}

/// Starting a replay that had not begun.
impl Effect for Option<(Replay, bool)> {
    fn is_done(&self) -> bool {
        matches!(self, Some((_, true)))
    }
}

/// Cancelling a replay.
impl Effect for Option<Replay> {
    fn is_done(&self) -> bool {
        self.is_some()
    }
}

/// The entry that a done write leaves.
pub fn entry_of<'e>(entry: Option<&'e Arc<Entry>>, effect: &impl Effect) -> Option<&'e Entry> {
    entry.map(AsRef::as_ref).filter(|_| effect.is_done())
}
