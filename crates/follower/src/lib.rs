#![doc = include_str!("../README.md")]

mod backfill;
mod batches;
mod coverage;
mod cursor;
mod entries;
mod error;
mod follower;
mod fork;
mod gaps;
mod leadership;
mod prefetch;
mod sources;
mod status;
#[cfg(test)]
mod tests;

pub use backfill::{Backfill, BackfillProgress, BackfillReport};
pub use error::FollowError;
pub use follower::{FollowSettings, Follower};
pub use leadership::Leadership;
pub use sources::Sources;
pub use status::{FollowedLedger, FollowerPhase, FollowerSnapshot, FollowerStatus, GapProgress};
