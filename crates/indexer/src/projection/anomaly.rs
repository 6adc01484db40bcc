use fluxora_decimal::Amount;
use fluxora_stream::{StatusName, StreamId};
use thiserror::Error;

use super::{V9Field, V9Rule, vesting};
use crate::Opaque;

/// An anomaly and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedAnomaly {
    /// Id of the contract event that shows it.
    pub event: Opaque,
    /// The stream of the event.
    pub stream: StreamId,
    /// The anomaly.
    pub what: Anomaly,
}

/// An effect on chain that an operator has to know: the contract broke its own rules, or the projection differs from
/// it. The event that shows it was applied as it is, and is counted on its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Anomaly {
    /// A recipient was paid after a keeper's cancellation had paid the same amount. The contract does not count
    /// keepers' payments as withdrawn, so the second payment came out of other streams' deposits. The projection is
    /// what the contract keeps: such an event is reported, and not counted on the stream.
    #[error("the recipient was paid {again} although a keeper's cancellation had paid {keeper_paid}")]
    PaidTwice {
        /// Amount that the cancellation paid.
        keeper_paid: Amount,
        /// Amount of the second payment.
        again: Amount,
    },
    /// More was withdrawn than is deposited.
    #[error("{withdrawn} was withdrawn, but only {deposit} is deposited")]
    WithdrawnExceedsDeposit {
        /// Amount of all withdrawals.
        withdrawn: Amount,
        /// Deposit.
        deposit: Amount,
    },
    /// More was withdrawn than had accrued: by the withdrawal, or by the cancellation before it.
    #[error("{withdrawn} was withdrawn, but only {accrued} had accrued")]
    WithdrawnExceedsAccrued {
        /// Amount of all withdrawals.
        withdrawn: Amount,
        /// Amount accrued.
        accrued: Amount,
    },
    /// The amount that had accrued when the rate changed is not a part of the deposit.
    #[error("{checkpoint} had accrued when the rate changed, but only {deposit} is deposited")]
    CheckpointExceedsDeposit {
        /// Amount of the checkpoint.
        checkpoint: Amount,
        /// Deposit.
        deposit: Amount,
    },
    /// A completed or cancelled stream has another status.
    #[error("the status changed from {from} to {to}, although {from} is final")]
    FinalStatusLeft {
        /// Status before.
        from: StatusName,
        /// Status after.
        to: StatusName,
    },
    /// The contract refuses the call that would emit the event.
    #[error("the contract refuses the call that the event reports: {rule}")]
    Refused {
        /// The check that the call fails.
        rule: V9Rule,
    },
    /// The event contradicts the state before it: an event is missing, or the contract changed the state without one.
    #[error("the event and the state before it disagree about {}", .field.as_str())]
    Disagreement {
        /// What they disagree about.
        field: V9Field,
    },
    /// The invocation that was given with the event is not the call that emitted it. It was not used: what the event leaves
    /// open is inferred.
    #[error("the invocation of the event is another call than the one that emitted it")]
    AnotherInvocation,
    /// Found on a stream of a vesting contract.
    #[error(transparent)]
    Vesting(#[from] vesting::Anomaly),
}

impl Anomaly {
    /// Whether the projected stream may differ from the contract's.
    pub(super) const fn makes_uncertain(&self) -> bool {
        !matches!(self, Self::PaidTwice { .. } | Self::AnotherInvocation)
    }
}
