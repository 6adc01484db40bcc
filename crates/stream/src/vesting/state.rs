use std::collections::BTreeMap;

use super::{Grant, VestingSchedule};
use crate::{Address, Balance, ChainBody, StatusName, Stream, UnixTime};

/// A stream of a vesting contract, by type.
pub type VestingStream = Stream<ChainBody<VestingState>>;

/// The state of a stream in a vesting contract, beyond its parties and its status.
///
/// The status and `schedule.pauses.paused_at` are separate, as they are in the contract's entry: accrual looks at the
/// pause alone. That they belong together is an invariant that is checked after each event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VestingState {
    /// Token contract. Amounts are in its smallest unit and cannot be compared with those of another token.
    pub token: Address,
    /// Deposit, times, curve and pauses.
    pub schedule: VestingSchedule,
    /// Whether the sender may cancel.
    pub cancellable: bool,
    /// Whether the sender may pause.
    pub pausable: bool,
    /// Whether the recipient may change.
    pub transferable: bool,
    /// Amount of all withdrawals.
    pub withdrawn: i128,
    /// Amount paid back to the sender.
    pub refunded: i128,
    /// What the cancellation replaced, if there was one.
    pub cancellation: Option<Cancellation>,
    /// Grants by delegate, expired ones included.
    pub delegates: BTreeMap<Address, Grant>,
    /// The sender's text.
    pub reference: Option<String>,
    /// The newest ABI that an event of the stream has shown.
    pub abi: Abi,
    /// Ledger in which the stream was created.
    pub created_ledger: u32,
    /// Ledger of the last contract event that changed the stream.
    pub last_ledger: u32,
    /// Hash of the transaction that created the stream.
    pub tx_hash: String,
    /// Number of unreadable contract events. Above zero, the stream may differ from the contract's.
    pub unprojected_events: u32,
    /// Number of contract events that contradict the contract's rules or the state before them. Above zero, the
    /// stream may differ from the contract's.
    pub anomalies: u32,
}

/// The terms that a cancellation replaced in the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// Deposit before.
    pub deposited: i128,
    /// End of the release before.
    pub end: UnixTime,
}

/// The version of the contract's interface, as far as its events show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Abi {
    /// No field and no event of ABI 2 was seen.
    #[default]
    V1,
    /// At least one field or event that only ABI 2 has was seen.
    V2,
}

impl Abi {
    /// 1 or 2.
    pub const fn number(self) -> u8 {
        match self {
            Self::V1 => 1,
            Self::V2 => 2,
        }
    }

    /// The ABI with this number.
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::V1),
            2 => Some(Self::V2),
            _ => None,
        }
    }
}

impl VestingState {
    /// The total that has vested at `now`, withdrawals included.
    pub fn vested(&self, now: UnixTime) -> i128 {
        self.schedule.vested(now)
    }

    /// What the recipient can withdraw at `now`, also in a pause. Never below 0.
    pub fn withdrawable(&self, now: UnixTime) -> i128 {
        self.schedule.withdrawable(self.withdrawn, now)
    }

    /// What a cancellation at `now` would pay back to the sender.
    pub fn refundable(&self, now: UnixTime) -> i128 {
        self.schedule.refundable(now)
    }

    /// What the contract still owes to both parties. Below 0 if it paid out more than was deposited.
    pub const fn liability(&self) -> i128 {
        self.schedule.liability(self.withdrawn)
    }

    /// All that was ever deposited: the contract's deposit and what a cancellation paid back. At most [`i128::MAX`],
    /// also where events that the contract cannot emit give more.
    pub const fn total_deposit(&self) -> i128 {
        self.schedule.deposited.saturating_add(self.refunded)
    }

    /// The division of [`total_deposit`](Self::total_deposit) at `now`, in the token's smallest unit.
    pub fn balance_at(&self, now: UnixTime) -> Balance<i128> {
        Balance {
            streamed: self.vested(now),
            withdrawn: self.withdrawn,
            withdrawable: self.withdrawable(now),
            remaining: self.refundable(now),
            refunded: self.refunded,
        }
    }

    /// Amount per second over the whole duration, rounded down. `None` once the stream is cancelled, which cuts deposit
    /// and end, and for a duration of 0.
    pub fn average_rate(&self, status: StatusName) -> Option<i128> {
        self.schedule.average_rate().filter(|_| !self.was_cancelled(status))
    }

    /// The amount that vests in each second, if it is the same in each. `None` once the stream is cancelled.
    pub fn exact_rate(&self, status: StatusName) -> Option<i128> {
        self.schedule.exact_rate().filter(|_| !self.was_cancelled(status))
    }

    /// Whether a stream with this status is cancelled, or was: both agree unless an event contradicts the contract.
    fn was_cancelled(&self, status: StatusName) -> bool {
        status == StatusName::Cancelled || self.cancellation.is_some()
    }

    /// Whether the schedule has reached its end. The stream stays active, or paused, until it is emptied.
    pub fn has_ended(&self, now: UnixTime) -> bool {
        self.schedule.has_ended(now)
    }
}
