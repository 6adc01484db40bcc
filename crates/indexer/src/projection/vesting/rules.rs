//! The checks by which the contract refuses a call. A refused call leaves no event, so an event that fails one of them
//! contradicts the contract.
//!
//! Two kinds of refusal are not checked here: those that the event's own fields disagree about (`apply`), and those
//! that depend on more than the stream. During an emergency stop only some calls are accepted, which the events of one
//! stream do not show, and the extension of the rent changes no stream.

use fluxora_stream::vesting::{Abi, Curve, DelegateOperation, VestingSchedule, VestingStream};
use fluxora_stream::{Address, UnixTime};
use thiserror::Error;

use super::{Anomaly, ContractAction, StreamAction, StreamCreated, StreamToppedUp};

/// The longest reference, in bytes.
const REFERENCE_BYTES: usize = 64;

/// A check of the contract that an event fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum BrokenRule {
    /// Creation.
    #[error("sender and recipient are the same")]
    SenderIsRecipient,
    /// Creation.
    #[error("the deposit is not above 0")]
    DepositNotPositive,
    /// Creation.
    #[error("the end is not after the start")]
    EndNotAfterStart,
    /// Creation.
    #[error("the cliff is not between start and end")]
    CliffOutsideSchedule,
    /// Creation.
    #[error("the deposit is less than one unit per second")]
    DepositBelowDuration,
    /// Creation.
    #[error("the deposit times the duration exceeds 128 bits")]
    DepositTimesDurationTooLarge,
    /// Creation.
    #[error("the reference is longer than 64 bytes")]
    ReferenceTooLong,
    /// Withdrawal and top-up.
    #[error("the amount is not above 0")]
    AmountNotPositive,
    /// Cancellation, pause, resumption and top-up.
    #[error("the stream is cancelled or depleted, which is final")]
    StreamIsFinal,
    /// Cancellation.
    #[error("the stream is not cancellable")]
    NotCancellable,
    /// Pause.
    #[error("the stream is not pausable")]
    NotPausable,
    /// Change of the recipient.
    #[error("the stream is not transferable")]
    NotTransferable,
    /// Change of the recipient: to the current one, no event is emitted.
    #[error("the new recipient is the current one")]
    RecipientUnchanged,
    /// Change of the recipient, in ABI 2.
    #[error("nothing is left to pay to a new recipient")]
    NothingLeftToPay,
    /// Top-up.
    #[error("the schedule has ended")]
    ScheduleEnded,
    /// Top-up: the end moves by the amount at the rate so far, or stays on a curve that is not linear.
    #[error("the end is not the one that follows from the amount")]
    WrongEndAfterTopUp,
    /// Grant: without an operation that the contract knows, no event is emitted.
    #[error("the grant names no known operation")]
    NoKnownOperation,
    /// Grant or revocation.
    #[error("the grantor is not the party that may grant this")]
    WrongGrantor,
}

/// What the contract excludes about a creation.
pub fn creation_anomalies(created: &StreamCreated) -> Vec<Anomaly> {
    let StreamCreated { deposited, start, end, cliff, .. } = *created;
    let duration = i128::from(end.seconds_since(start));
    failed([
        (created.sender == created.recipient, BrokenRule::SenderIsRecipient),
        (deposited <= 0, BrokenRule::DepositNotPositive),
        (end <= start, BrokenRule::EndNotAfterStart),
        (cliff < start || cliff > end, BrokenRule::CliffOutsideSchedule),
        (deposited < duration, BrokenRule::DepositBelowDuration),
        (deposited.checked_mul(duration).is_none(), BrokenRule::DepositTimesDurationTooLarge),
        (
            created.reference.as_ref().is_some_and(|text| text.len() > REFERENCE_BYTES),
            BrokenRule::ReferenceTooLong,
        ),
    ])
}

/// What the contract excludes about an event at `now`, given the stream before it.
pub(super) fn refusals(stream: &VestingStream, event: &StreamAction, now: UnixTime) -> Vec<Anomaly> {
    let state = &stream.body.state;
    let is_final = (stream.status.name().is_terminal(), BrokenRule::StreamIsFinal);
    match &event.action {
        ContractAction::Created(_) | ContractAction::TtlExtended { .. } => Vec::new(),
        ContractAction::Withdrawn(withdrawn) => {
            failed([(withdrawn.amount <= 0, BrokenRule::AmountNotPositive)])
        }
        ContractAction::Cancelled(_) => failed([is_final, (!state.cancellable, BrokenRule::NotCancellable)]),
        ContractAction::Paused(_) => failed([is_final, (!state.pausable, BrokenRule::NotPausable)]),
        ContractAction::Resumed(_) => failed([is_final]),
        ContractAction::ToppedUp(topped_up) => failed([
            is_final,
            (topped_up.amount <= 0, BrokenRule::AmountNotPositive),
            (state.has_ended(now), BrokenRule::ScheduleEnded),
            (!end_follows(&state.schedule, topped_up), BrokenRule::WrongEndAfterTopUp),
        ]),
        ContractAction::RecipientTransferred { to, .. } => failed([
            (!state.transferable, BrokenRule::NotTransferable),
            (*to == stream.recipient, BrokenRule::RecipientUnchanged),
            (event.abi == Abi::V2 && state.liability() <= 0, BrokenRule::NothingLeftToPay),
        ]),
        ContractAction::DelegateGranted { grantor, operations, .. } => {
            let named = DelegateOperation::ALL.into_iter().filter(|one| operations & one.bit() != 0);
            failed([
                (named.clone().next().is_none(), BrokenRule::NoKnownOperation),
                (!named.clone().all(|one| *grantor == party(stream, one)), BrokenRule::WrongGrantor),
            ])
        }
        ContractAction::DelegateRevoked { grantor, .. } => {
            failed([(![stream.sender, stream.recipient].contains(grantor), BrokenRule::WrongGrantor)])
        }
    }
}

/// The party that may grant an operation.
const fn party(stream: &VestingStream, operation: DelegateOperation) -> Address {
    match operation {
        DelegateOperation::Withdraw | DelegateOperation::Transfer => stream.recipient,
        DelegateOperation::Cancel
        | DelegateOperation::Pause
        | DelegateOperation::Resume
        | DelegateOperation::TopUp => stream.sender,
    }
}

/// Whether a top-up moves the end as the contract does: on a linear stream later by the seconds that the amount lasts
/// at the rate so far; on another curve not at all, or in a delegate's top-up by the linear rule.
fn end_follows(schedule: &VestingSchedule, event: &StreamToppedUp) -> bool {
    let lasts = event.amount.checked_mul(i128::from(schedule.duration()));
    let lasts = lasts.and_then(|product| product.checked_div(schedule.deposited));
    let Some(extra) = lasts.and_then(|seconds| u64::try_from(seconds).ok()) else {
        return event.end >= schedule.end;
    };
    let moved = extra > 0 && Some(event.end) == schedule.end.checked_add(extra);
    moved || (schedule.curve != Curve::Linear && event.end == schedule.end)
}

fn failed<const N: usize>(checks: [(bool, BrokenRule); N]) -> Vec<Anomaly> {
    checks.into_iter().filter(|(fails, _)| *fails).map(|(_, rule)| Anomaly::Refused { rule }).collect()
}
