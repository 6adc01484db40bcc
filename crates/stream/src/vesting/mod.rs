//! Accrual of a **vesting** stream: the Fluxora stream contract after its rewrite (ABI 1 and ABI 2), which replaced
//! contract v9.
//!
//! A deposit is released along a [`Curve`] between a start and an end. A gate at the cliff holds everything back
//! until it opens, a pause stops the clock of the schedule, and nothing is stored per second: what has vested is a
//! function of the schedule and the time.
//!
//! Amounts are integers of the token's smallest unit (`i128`), instants are Unix seconds
//! ([`UnixTime`](crate::UnixTime)), divisions round down, and the order of operations is the contract's. Every
//! function is total: any combination of field values has a result, and no input overflows or panics.

mod breakpoint;
mod curve;
mod grant;
#[cfg(test)]
mod laws;
mod pause;
mod record;
mod schedule;
mod share;
mod state;
mod status;
mod units;

pub use curve::{CliffMode, Curve, UnknownCliffMode, UnknownCurve};
pub use grant::{DelegateOperation, Grant};
pub use pause::PauseClock;
pub use record::{Times, VestingRecord};
pub use schedule::VestingSchedule;
pub use state::{Abi, Cancellation, VestingState, VestingStream};
pub use status::{UnknownVestingStatus, VestingStatus};
pub use units::Units;
