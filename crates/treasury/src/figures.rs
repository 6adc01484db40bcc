use fluxora_decimal::Amount;
use fluxora_stream::{Details, Status, Stream, StreamBody, UnixTime};

use crate::Accrual;

/// The money of a stream, or of several, at one instant, in the smallest unit of the asset.
///
/// Three sums hold, for one stream and for a total:
///
/// - `deposited = accrued + unstreamed + refunded`
/// - `accrued + overdrawn = withdrawn + owed`
/// - `held + overdrawn = owed + unstreamed`
///
/// `overdrawn` is zero unless the contract paid out more than had accrued, which is an anomaly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// All that was deposited, as far as it was not paid back by a change of terms.
    pub deposited: i128,
    /// Earned by the recipient.
    pub accrued: i128,
    /// Paid to the recipient's side, what a keeper's cancellation paid included.
    pub withdrawn: i128,
    /// What can be withdrawn at once: zero while the contract holds withdrawals.
    pub withdrawable: i128,
    /// Earned and not paid.
    pub owed: i128,
    /// Paid and not earned.
    pub overdrawn: i128,
    /// Not earned yet; a cancellation would pay it back.
    pub unstreamed: i128,
    /// Paid back to the sender when the stream ended early.
    pub refunded: i128,
    /// What is left of the deposit: `deposited - withdrawn - refunded`.
    pub held: i128,
}

impl Figures {
    /// The figures of a stream at an instant. Transitions of an API stream that are due by then count as recorded.
    pub fn of<B: StreamBody>(stream: &Stream<B>, at: UnixTime) -> Self {
        let accrued = Accrual::of(stream).at(at);
        match stream.details() {
            Details::Vesting(state) => Self {
                withdrawable: state.withdrawable(at),
                ..Self::divide(
                    state.total_deposit(),
                    accrued,
                    state.withdrawn,
                    state.schedule.deposited.saturating_sub(accrued),
                )
            },
            Details::Api(flow) => {
                let (deposit, withdrawn) = (flow.schedule.deposit.stroops(), flow.withdrawn.stroops());
                Self::of_flow(stream, at, deposit, accrued, withdrawn)
            }
            Details::V9(state) => {
                let deposit = state.flow.schedule.deposit.stroops();
                let paid = state.on_chain.keeper_paid_amount.map_or(0, Amount::stroops);
                let withdrawn = state.flow.withdrawn.stroops().saturating_add(paid);
                Self::of_flow(stream, at, deposit, accrued, withdrawn)
            }
        }
    }

    fn of_flow<B: StreamBody>(
        stream: &Stream<B>,
        at: UnixTime,
        deposit: i128,
        accrued: i128,
        withdrawn: i128,
    ) -> Self {
        let rest = deposit.saturating_sub(accrued);
        let unstreamed = if stream.status_at(at).is_terminal() { 0 } else { rest };
        let figures = Self::divide(deposit, accrued, withdrawn, unstreamed);
        Self { withdrawable: if Self::holds_withdrawals(stream) { 0 } else { figures.owed }, ..figures }
    }

    /// Whether the contract holds withdrawals: version 9 does in a pause, and when the stream is completed.
    pub(crate) fn holds_withdrawals<B: StreamBody>(stream: &Stream<B>) -> bool {
        matches!(
            (stream.details(), stream.status),
            (Details::V9(_), Status::Paused { .. } | Status::Completed)
        )
    }

    fn divide(deposited: i128, accrued: i128, withdrawn: i128, unstreamed: i128) -> Self {
        let refunded = deposited.saturating_sub(accrued).saturating_sub(unstreamed);
        Self {
            deposited,
            accrued,
            withdrawn,
            withdrawable: 0,
            owed: accrued.saturating_sub(withdrawn).max(0),
            overdrawn: withdrawn.saturating_sub(accrued).max(0),
            unstreamed,
            refunded,
            held: deposited.saturating_sub(withdrawn).saturating_sub(refunded),
        }
    }

    /// Both together; `None` if a figure is beyond `i128`.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            deposited: self.deposited.checked_add(other.deposited)?,
            accrued: self.accrued.checked_add(other.accrued)?,
            withdrawn: self.withdrawn.checked_add(other.withdrawn)?,
            withdrawable: self.withdrawable.checked_add(other.withdrawable)?,
            owed: self.owed.checked_add(other.owed)?,
            overdrawn: self.overdrawn.checked_add(other.overdrawn)?,
            unstreamed: self.unstreamed.checked_add(other.unstreamed)?,
            refunded: self.refunded.checked_add(other.refunded)?,
            held: self.held.checked_add(other.held)?,
        })
    }
}
