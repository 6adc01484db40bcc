use std::collections::BTreeMap;

use fluxora_stream::vesting::{PauseClock, VestingSchedule, VestingStatus};
use fluxora_stream::{Address, UnixTime};

use super::{Abi, Grant, StreamCreated};
use crate::{ChainPosition, ContractEvent};

/// Where and when an event was emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventContext {
    /// Position on chain.
    pub position: ChainPosition,
    /// Close time of the ledger.
    pub close_time: UnixTime,
}

impl EventContext {
    /// The context of a stored event.
    pub fn of(event: &ContractEvent) -> Self {
        Self { position: event.position, close_time: UnixTime::of(event.happened_at) }
    }
}

/// A stream of a vesting contract. Its key is (contract, id): every contract counts from 0.
///
/// `status` and `schedule.pauses.paused_at` are separate, as they are in the contract's entry: accrual looks at the
/// pause alone. That they belong together is an invariant that is checked after each event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VestingStream {
    /// Payer.
    pub sender: Address,
    /// Payee.
    pub recipient: Address,
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
    /// Status in the contract.
    pub status: VestingStatus,
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
    /// The event that created it.
    pub created: EventContext,
    /// The last event that changed it.
    pub last_change: EventContext,
}

/// The terms that a cancellation replaced in the schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancellation {
    /// Close time of the cancellation.
    pub cancelled_at: UnixTime,
    /// Deposit before.
    pub deposited: i128,
    /// End of the release before.
    pub end: UnixTime,
}

impl VestingStream {
    /// A stream as it is created.
    pub fn create(created: &StreamCreated, abi: Abi, context: EventContext) -> Self {
        Self {
            sender: created.sender,
            recipient: created.recipient,
            token: created.token,
            schedule: VestingSchedule {
                deposited: created.deposited,
                start: created.start,
                end: created.end,
                cliff: created.cliff,
                curve: created.curve,
                cliff_mode: created.cliff_mode,
                pauses: PauseClock::default(),
            },
            cancellable: created.cancellable,
            pausable: created.pausable,
            transferable: created.transferable,
            withdrawn: 0,
            status: VestingStatus::Active,
            refunded: 0,
            cancellation: None,
            delegates: BTreeMap::new(),
            reference: created.reference.clone(),
            abi,
            created: context,
            last_change: context,
        }
    }

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

    /// Amount per second over the whole duration, rounded down. `None` once the stream is cancelled.
    pub fn rate(&self) -> Option<i128> {
        match self.status {
            VestingStatus::Cancelled => None,
            VestingStatus::Active | VestingStatus::Paused | VestingStatus::Depleted => {
                self.schedule.average_rate()
            }
        }
    }

    /// Whether the schedule has reached its end. The stream stays active, or paused, until it is emptied.
    pub fn has_ended(&self, now: UnixTime) -> bool {
        self.schedule.has_ended(now)
    }
}

/// What streams of one contract owe together, by token. The contract's balance of the token is the same, apart from
/// donations.
pub fn liabilities<'a>(streams: impl IntoIterator<Item = &'a VestingStream>) -> BTreeMap<Address, i128> {
    let mut totals = BTreeMap::<Address, i128>::new();
    for stream in streams {
        let total = totals.entry(stream.token).or_default();
        *total = total.saturating_add(stream.liability());
    }
    totals
}
