//! Runways of treasuries: a table has what is remembered of each, and when it must be checked.
//!
//! Sums that are written mark the runway of their treasury: a trigger sets `check_at` to 0. A check sets it to the instant at which
//! time makes the runway cross the next threshold. So a step reads the runways that are marked or due, and no other.

mod steps;

use async_trait::async_trait;
use fluxora_stream::{Address, UnixTime};
use fluxora_treasury::{Asset, Runway, Thresholds, Watch};
use jiff::Timestamp;

use crate::StoreError;
use crate::time_events::{Emitted, TimeEventTransaction};

pub use steps::{emit, of_sums};

/// The most runways of one step.
pub const RUNWAYS_PER_STEP: u32 = 100;

/// A runway in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRunway {
    /// The sender.
    pub treasury: Address,
    /// The asset.
    pub asset: Asset,
    /// What is remembered of it.
    pub watch: Watch,
}

/// A checked runway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunwayCheck {
    /// The runway, with what is remembered of it.
    pub runway: StoredRunway,
    /// When it must be checked next; `None` if it crosses nothing by time.
    pub next: Option<UnixTime>,
}

/// The runways of treasuries.
#[async_trait]
pub trait RunwayStore: Send + Sync {
    /// Checks up to [`RUNWAYS_PER_STEP`] runways that are marked or due, those of chain assets at the close of the last safe ledger,
    /// and emits an event for each that has crossed a threshold. One transaction; each crossing is emitted once, also when several
    /// replicas take steps at the same time. Does nothing before every stream was counted.
    async fn emit_low_runways(&self, thresholds: &Thresholds, now: Timestamp) -> Result<Emitted, StoreError>;
}

/// The steps of a transaction on runways.
///
/// Locks are taken in this order: runways, the chain state, rows of streams.
#[expect(async_fn_in_trait, reason = "used with concrete types alone")]
pub trait RunwayTransaction: TimeEventTransaction {
    /// Whether every stream was counted in the sums.
    async fn is_counted(&mut self) -> Result<bool, Self::Fault>;

    /// Reads up to `limit` runways to check, and locks them: those of API streams up to `clock`, those of chain assets up to `ledgers`.
    async fn due_runways(
        &mut self,
        clock: UnixTime,
        ledgers: Option<UnixTime>,
        limit: u32,
    ) -> Result<Vec<StoredRunway>, Self::Fault>;

    /// Measures a runway. `None` if there is none, see [`Runway::of`].
    async fn runway(&mut self, runway: &StoredRunway, at: UnixTime) -> Result<Option<Runway>, Self::Fault>;

    /// Writes checked runways.
    async fn write_runways(&mut self, checks: &[RunwayCheck]) -> Result<(), Self::Fault>;
}
