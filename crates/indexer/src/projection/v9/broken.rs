//! What an event contradicts: a check by which the contract refuses a call, or the state before it.

use thiserror::Error;

use super::Anomaly;

/// A check of contract version 9 that an event fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum V9Rule {
    /// Creation.
    #[error("a stream with this id exists and is not closed")]
    IdInUse,
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
    #[error("the start is before the creation")]
    StartInPast,
    /// Creation and extension of the end.
    #[error("the deposit does not cover the rate until the end")]
    DepositBelowRate,
    /// Every action.
    #[error("the stream is closed")]
    StreamIsClosed,
    /// Every change of the terms, and completion.
    #[error("the stream is completed or cancelled, which is final")]
    StreamIsFinal,
    /// Closing and renewal.
    #[error("the stream is neither completed nor cancelled")]
    StreamNotFinal,
    /// Renewal.
    #[error("the stream is not completed")]
    NotCompleted,
    /// Pause.
    #[error("the stream is paused")]
    AlreadyPaused,
    /// Resumption.
    #[error("the stream is not paused")]
    NotPaused,
    /// Withdrawal before the end.
    #[error("the stream is paused and has not ended")]
    WithdrawalHeld,
    /// Pause, resumption, and every change of the terms but the end.
    #[error("the stream has ended")]
    StreamEnded,
    /// Change of rate or end, top-up, and share.
    #[error("the stream is not linear")]
    NotLinear,
    /// Change of the rate, extension of the end, and top-up.
    #[error("the stream is decommissioned")]
    StreamIsDecommissioned,
    /// Withdrawal, top-up, and rates.
    #[error("the amount is not above 0")]
    AmountNotPositive,
    /// Decrease of the rate.
    #[error("the rate does not fall")]
    RateNotLower,
    /// Change of the end.
    #[error("the end does not move as the event says")]
    WrongEnd,
    /// A refund exceeds what is not streamed.
    #[error("the refund is not what the new terms leave of the deposit")]
    WrongRefund,
    /// Completion and closing.
    #[error("the recipient has not been paid in full")]
    NotPaidInFull,
    /// A keeper's cancellation.
    #[error("the keeper's time has not come")]
    KeeperTooEarly,
    /// Share.
    #[error("the rates of parent and share are not parts of the parent's rate")]
    RatesNotDivided,
}

/// What an event of contract version 9 says of the state before it, or of the close time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum V9Field {
    /// Payee.
    Recipient,
    /// Owner of the claim.
    ClaimOwner,
    /// Rate per second.
    Rate,
    /// End of the flow.
    End,
    /// Deposit.
    Deposit,
    /// Amount accrued at the close time.
    Accrued,
    /// Amounts of a keeper's cancellation: they divide what is not withdrawn.
    Division,
    /// Close time.
    EffectiveTime,
    /// Terms of a clone or a renewal.
    Terms,
}

impl V9Field {
    /// The word used in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Recipient => "recipient",
            Self::ClaimOwner => "claim_owner",
            Self::Rate => "rate",
            Self::End => "end",
            Self::Deposit => "deposit",
            Self::Accrued => "accrued",
            Self::Division => "division",
            Self::EffectiveTime => "effective_time",
            Self::Terms => "terms",
        }
    }
}

/// Collects what an event fails.
#[derive(Debug, Default)]
pub(super) struct Checks(pub(super) Vec<Anomaly>);

impl Checks {
    pub(super) fn refuse(&mut self, fails: bool, rule: V9Rule) {
        if fails {
            self.0.push(Anomaly::Refused { rule });
        }
    }

    pub(super) fn expect(&mut self, field: V9Field, agrees: bool) {
        if !agrees {
            self.0.push(Anomaly::Disagreement { field });
        }
    }
}
