use fluxora_decimal::Amount;
use fluxora_stream::{StatusName, StreamId};
use thiserror::Error;

use super::vesting;
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
    /// More was withdrawn from a cancelled stream than had accrued.
    #[error("{withdrawn} was withdrawn, but only {accrued} had accrued when the stream was cancelled")]
    WithdrawnExceedsAccrued {
        /// Amount of all withdrawals.
        withdrawn: Amount,
        /// Amount accrued at the cancellation.
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
    /// Found on a stream of a vesting contract.
    #[error(transparent)]
    Vesting(#[from] vesting::Anomaly),
}

impl Anomaly {
    /// Whether the projected stream may differ from the contract's.
    pub(super) const fn makes_uncertain(&self) -> bool {
        !matches!(self, Self::PaidTwice { .. })
    }
}
