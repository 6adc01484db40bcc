//! Decoded events.

use fluxora_stream::vesting::{Abi, CliffMode, Curve, VestingStatus};
use fluxora_stream::{Address, UnixTime};

use super::HaltAction;

/// An event of a vesting contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// It concerns one stream.
    Stream(StreamAction),
    /// It concerns the contract as a whole.
    Contract(HaltAction),
}

/// What happened to one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAction {
    /// The contract's number of the stream, from 0.
    pub stream: u64,
    /// The ABI that this event alone shows.
    pub abi: Abi,
    /// What happened.
    pub action: ContractAction,
}

/// What the contract did, with the fields that change or check the state. Fields that only repeat what is known are
/// not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContractAction {
    /// `stream_created`
    Created(Box<StreamCreated>),
    /// `withdrawn`
    Withdrawn(StreamWithdrawn),
    /// `cancelled`
    Cancelled(StreamCancelled),
    /// `paused`
    Paused(StreamPaused),
    /// `resumed`
    Resumed(StreamResumed),
    /// `topped_up`
    ToppedUp(StreamToppedUp),
    /// `recipient_transferred`
    RecipientTransferred {
        /// Recipient before.
        from: Address,
        /// Recipient after.
        to: Address,
    },
    /// `ttl_extended`: the rent of the entry was paid ahead. Changes nothing of the stream.
    TtlExtended {
        /// Ledgers until the entry expires.
        ledgers: u32,
    },
    /// `delegate_granted`
    DelegateGranted {
        /// The party that grants: sender or recipient.
        grantor: Address,
        /// The party that may act.
        delegate: Address,
        /// Permitted operations, as bits.
        operations: u32,
        /// Last second of validity; `None` for no limit.
        expires_at: Option<UnixTime>,
    },
    /// `delegate_revoked`, also emitted when there was no grant.
    DelegateRevoked {
        /// The party that revokes: sender or recipient.
        grantor: Address,
        /// The party whose grant ends.
        delegate: Address,
    },
}

/// Fields of `stream_created`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCreated {
    /// Payer.
    pub sender: Address,
    /// Payee.
    pub recipient: Address,
    /// Token contract. Each stream has its own.
    pub token: Address,
    /// Deposit, in the token's smallest unit.
    pub deposited: i128,
    /// Start of the release.
    pub start: UnixTime,
    /// End of the release.
    pub end: UnixTime,
    /// Gate of the release.
    pub cliff: UnixTime,
    /// Whether the sender may cancel.
    pub cancellable: bool,
    /// Whether the sender may pause.
    pub pausable: bool,
    /// Whether the recipient may change.
    pub transferable: bool,
    /// Release curve. ABI 2; linear where it is absent.
    pub curve: Curve,
    /// Clock of the gate. ABI 2; the schedule's where it is absent.
    pub cliff_mode: CliffMode,
    /// The sender's text, up to 64 bytes. ABI 2.
    pub reference: Option<String>,
}

/// Fields of `withdrawn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamWithdrawn {
    /// Payee.
    pub recipient: Address,
    /// Amount of this withdrawal.
    pub amount: i128,
    /// Amount of all withdrawals, this one included.
    pub withdrawn: i128,
    /// Deposit.
    pub deposited: i128,
    /// Status after the withdrawal.
    pub status: VestingStatus,
    /// Start of the pause that lasts, if one does. ABI 2; outer `None` where the field is absent.
    pub paused_at: Option<Option<UnixTime>>,
    /// Seconds of ended pauses. ABI 2; `None` where the field is absent.
    pub paused_total: Option<u64>,
}

/// Fields of `cancelled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamCancelled {
    /// Payer.
    pub sender: Address,
    /// Payee.
    pub recipient: Address,
    /// Amount paid back to the sender.
    pub refunded: i128,
    /// Amount that had vested, withdrawals included: the deposit from here on.
    pub vested: i128,
    /// Amount of all withdrawals.
    pub withdrawn: i128,
    /// End of the release from here on.
    pub end: UnixTime,
    /// Seconds of ended pauses. ABI 2; `None` where the field is absent.
    pub paused_total: Option<u64>,
}

/// Fields of `paused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamPaused {
    /// Payer.
    pub sender: Address,
    /// Start of the pause: the close time.
    pub paused_at: UnixTime,
    /// Seconds of ended pauses, without this one.
    pub paused_total: u64,
}

/// Fields of `resumed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamResumed {
    /// Payer.
    pub sender: Address,
    /// Seconds of the pause that ended.
    pub paused_duration: u64,
    /// Seconds of ended pauses, with this one.
    pub paused_total: u64,
}

/// Fields of `topped_up`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamToppedUp {
    /// Payer.
    pub sender: Address,
    /// Amount added.
    pub amount: i128,
    /// Deposit after.
    pub deposited: i128,
    /// End of the release after.
    pub end: UnixTime,
}
