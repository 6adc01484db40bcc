#![doc = include_str!("../README.md")]

mod accrual;
mod asset;
mod contribution;
mod explain;
mod figures;
#[cfg(test)]
mod laws;
mod line;
mod milestone;
mod party;
mod phase;
mod rate;
mod runway;
mod segment;
mod summary;

pub use accrual::{Accrual, Piece};
pub use asset::{Asset, UnknownAsset};
pub use contribution::{Contribution, Sums, UnreadableSums};
pub use explain::{Explanation, Term, Value, explain};
pub use figures::Figures;
pub use line::Line;
pub use milestone::{Milestone, MilestoneKind, milestones};
pub use party::{Party, Role};
pub use phase::{NextPhase, Phase};
pub use rate::Rate;
pub use runway::{Checked, RUNWAY_STREAMS, Runway, Thresholds, Watch};
pub use segment::{Segment, segments};
pub use summary::{AssetSummary, Escrow, Facts, Outflow, SumOutOfRange, Upcoming, summarize};
