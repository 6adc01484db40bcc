use fluxora_stream::vesting::VestingStream;
use fluxora_stream::{StatusName, UnixTime};
use thiserror::Error;

use super::BrokenRule;

/// Something on chain that the contract's own rules exclude. The event that shows it was applied as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Anomaly {
    /// More was withdrawn than has vested. Nothing can be withdrawn until vesting catches up.
    #[error("{withdrawn} was withdrawn, but only {vested} has vested")]
    WithdrawnExceedsVested {
        /// Amount of all withdrawals.
        withdrawn: i128,
        /// Amount vested at the close time.
        vested: i128,
    },
    /// More was withdrawn than was deposited: the contract paid out what belongs to other streams.
    #[error("{withdrawn} was withdrawn, but only {deposited} is deposited")]
    WithdrawnExceedsDeposited {
        /// Amount of all withdrawals.
        withdrawn: i128,
        /// Deposit.
        deposited: i128,
    },
    /// The event took back what had vested.
    #[error("the vested amount fell from {before} to {after}")]
    VestedFell {
        /// Amount vested at the close time, before the event.
        before: i128,
        /// Amount vested at the close time, after the event.
        after: i128,
    },
    /// A pause lasts exactly while the status is paused; here only one of both holds.
    #[error("the status is {status}, and the pause clock says the opposite of it")]
    PauseDisagreesWithStatus {
        /// Status after the event.
        status: StatusName,
    },
    /// A depleted stream holds an amount.
    #[error("the stream is depleted, but {withdrawn} of {deposited} was withdrawn")]
    DepletedButNotEmpty {
        /// Amount of all withdrawals.
        withdrawn: i128,
        /// Deposit.
        deposited: i128,
    },
    /// A cancelled or depleted stream has another status again.
    #[error("the status changed from {from} to {to}, although {from} is final")]
    FinalStatusLeft {
        /// Status before.
        from: StatusName,
        /// Status after.
        to: StatusName,
    },
    /// The id of a stream was given to a second one. The second is not applied: the contract never reuses an id.
    #[error("the stream was created a second time")]
    CreatedAgain,
    /// The contract refuses the call that would emit the event.
    #[error("the contract refuses the call that the event reports: {rule}")]
    Refused {
        /// The check that the call fails.
        rule: BrokenRule,
    },
    /// The event contradicts the state before it: an event is missing, or the contract changed the state without one.
    #[error("the event and the state before it disagree about {}", .field.as_str())]
    Disagreement {
        /// What they disagree about.
        field: CheckedField,
    },
}

/// What an event says of the state before it, or of the close time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckedField {
    /// Payer.
    Sender,
    /// Payee.
    Recipient,
    /// Deposit.
    Deposited,
    /// Amount of all withdrawals.
    Withdrawn,
    /// Status after a withdrawal.
    Status,
    /// Amount vested at a cancellation.
    Vested,
    /// End of the release after a cancellation.
    End,
    /// Start of a pause.
    PausedAt,
    /// Seconds of ended pauses.
    PausedTotal,
    /// Seconds of the pause that ended.
    PausedDuration,
    /// Operator of the emergency stop.
    HaltOperator,
    /// Start or length of a halt.
    HaltTime,
}

impl CheckedField {
    /// The word used on the wire and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sender => "sender",
            Self::Recipient => "recipient",
            Self::Deposited => "deposited",
            Self::Withdrawn => "withdrawn",
            Self::Status => "status",
            Self::Vested => "vested",
            Self::End => "end",
            Self::PausedAt => "paused_at",
            Self::PausedTotal => "paused_total",
            Self::PausedDuration => "paused_duration",
            Self::HaltOperator => "halt_operator",
            Self::HaltTime => "halt_time",
        }
    }
}

/// The invariants of the contract, after an event at `now`. `vested + refundable = deposited` and `vested <=
/// deposited` hold by the way both are computed.
pub(super) fn broken_invariants(
    stream: &VestingStream,
    vested_before: i128,
    status_before: StatusName,
    now: UnixTime,
) -> impl Iterator<Item = Anomaly> {
    let state = &stream.body.state;
    let vested = state.vested(now);
    let (withdrawn, deposited, status) = (state.withdrawn, state.schedule.deposited, stream.status.name());
    let paused = state.schedule.pauses.paused_at.is_some();
    let checks = [
        (vested < vested_before, Anomaly::VestedFell { before: vested_before, after: vested }),
        (withdrawn > vested, Anomaly::WithdrawnExceedsVested { withdrawn, vested }),
        (withdrawn > deposited, Anomaly::WithdrawnExceedsDeposited { withdrawn, deposited }),
        (
            status == StatusName::Depleted && withdrawn < deposited,
            Anomaly::DepletedButNotEmpty { withdrawn, deposited },
        ),
        (paused != (status == StatusName::Paused), Anomaly::PauseDisagreesWithStatus { status }),
        (
            status_before.is_terminal() && status != status_before,
            Anomaly::FinalStatusLeft { from: status_before, to: status },
        ),
    ];
    checks.into_iter().filter(|(broken, _)| *broken).map(|(_, anomaly)| anomaly)
}
