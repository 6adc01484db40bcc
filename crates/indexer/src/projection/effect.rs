//! The effect of each contract event on its stream: the contract's arithmetic.

use fluxora_decimal::Amount;
use fluxora_stream::{ChainStream, Checkpoint, Status, UnixTime};
use jiff::Timestamp;

use super::decode::ContractAction;
use super::payload::Stroops;
use super::transfers::Preceding;
use super::values::{EndShortened, KeeperCancelled, RateDecreased, RateUpdated, Withdrew};
use super::{Anomaly, inference};

/// Time and surroundings of a contract event.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventContext<'a> {
    /// Close time of the ledger in seconds, as the contract sees it.
    pub(super) at: UnixTime,
    /// Close time of the ledger in milliseconds, as it is recorded.
    pub(super) recorded: Timestamp,
    /// Sequence of the ledger.
    pub(super) ledger: u32,
    /// Transfers out of the contract since its last event.
    pub(super) paid: Preceding<'a>,
    /// Whether the contract's previous event in this transaction was a `withdrew` of the same stream.
    pub(super) withdrew: bool,
}

impl EventContext<'_> {
    /// The close time in whole seconds, as a status holds it.
    fn second(&self) -> Timestamp {
        self.at.instant()
    }
}

/// Applies an action of one stream. Actions of two streams are in [`births`](super::births).
pub(super) fn apply(
    stream: &mut ChainStream,
    action: &ContractAction<'_>,
    now: &EventContext<'_>,
) -> Option<Anomaly> {
    match action {
        ContractAction::Withdrew(value) => return withdrew(stream, value, now),
        ContractAction::WithdrawnTo(value) => return take_out(stream, value.amount.0, now),
        ContractAction::Completed => completed(stream, now),
        ContractAction::Cancelled => cancelled(stream, now),
        ContractAction::KeeperCancelled(value) => keeper_cancelled(stream, value, now),
        ContractAction::Closed => stream.v9_mut().closed_ledger = Some(now.ledger),
        ContractAction::Paused => {
            stream.status = Status::Paused { at: now.second() };
            stream.v9_mut().last_pause_toggle_ledger = now.ledger;
        }
        ContractAction::Resumed => resumed(stream, now),
        ContractAction::RateUpdated(value) => rate_updated(stream, value, now),
        ContractAction::RateDecreased(value) => rate_decreased(stream, value, now),
        ContractAction::EndShortened(EndShortened { new_end_time, refund_amount, .. }) => {
            inference::is_linear(stream);
            stream.schedule.end = new_end_time.0;
            refund(stream, *refund_amount);
        }
        ContractAction::EndExtended(value) => {
            inference::is_linear(stream);
            stream.schedule.end = value.new_end_time.0;
        }
        ContractAction::ToppedUp(value) => {
            inference::is_linear(stream);
            stream.schedule.deposit = value.new_deposit_amount.amount();
            stream.schedule.end = value.new_end_time.0;
        }
        ContractAction::RecipientUpdated(value) => stream.recipient = value.new_recipient.0,
        ContractAction::ClaimOwnerChanged(value) => stream.v9_mut().claim_owner = Some(value.new_owner.0),
        ContractAction::SenderTransferred(value) => stream.sender = value.new_sender.0,
        ContractAction::Decommissioned(value) => stream.v9_mut().decommissioned = value.decommissioned,
        ContractAction::AutoClaimSet(value) => {
            stream.v9_mut().auto_claim_destination = Some(value.destination.0);
        }
        ContractAction::AutoClaimRevoked => stream.v9_mut().auto_claim_destination = None,
        ContractAction::HealthChanged(value) => stream.v9_mut().underfunded = value.is_underfunded,
        // A `wdraw_to` of the same amount always follows `ac_trig`.
        ContractAction::AutoClaimTriggered
        | ContractAction::Created(_)
        | ContractAction::ShareDelegated(_)
        | ContractAction::Cloned { .. }
        | ContractAction::Renewed { .. } => {}
    }
    None
}

/// The amount of the event excludes the relayer's fee; the stream pays both.
fn withdrew(stream: &mut ChainStream, value: &Withdrew<'_>, now: &EventContext<'_>) -> Option<Anomaly> {
    let net = value.amount.0;
    let gross = now.paid.gross(&value.recipient.0, net);
    stream.v9_mut().inferred.withdrawn |= gross.is_none();
    take_out(stream, gross.unwrap_or(net), now)
}

fn take_out(stream: &mut ChainStream, amount: i128, now: &EventContext<'_>) -> Option<Anomaly> {
    stream.withdrawn = Amount::from_stroops(stream.withdrawn.stroops().saturating_add(amount));
    let pooled = stream.v9_mut().pooled;
    match stream.status {
        // The contract pays members of a pool as if the stream had not been cancelled.
        Status::Cancelled { .. } if pooled => {}
        Status::Cancelled { at } => inference::accrued_at_least(stream, UnixTime::of(at), stream.withdrawn),
        _ => inference::accrued_at_least(stream, now.at, stream.withdrawn),
    }
    let chain = stream.v9_mut();
    chain.last_withdraw_ledger = now.ledger;
    let keeper_paid = chain.keeper_paid_amount.filter(|paid| paid.is_positive() && amount > 0);
    keeper_paid.map(|keeper_paid| Anomaly::PaidTwice { keeper_paid, again: Amount::from_stroops(amount) })
}

/// The whole deposit has been taken out. Members of a pool may have taken more, since each share is rounded.
fn completed(stream: &mut ChainStream, now: &EventContext<'_>) {
    let deposit = stream.schedule.deposit;
    inference::accrued_at_least(stream, now.at, deposit);
    stream.status = Status::Completed;
    let chain = stream.v9_mut();
    chain.inferred.withdrawn = false;
    stream.withdrawn = if chain.pooled { stream.withdrawn.max(deposit) } else { deposit };
}

/// The rest of the deposit goes back to the sender: at once, or after the last of several streams that are cancelled
/// together. In the second case the contract pays each recipient in full just before.
fn cancelled(stream: &mut ChainStream, now: &EventContext<'_>) {
    if now.withdrew {
        inference::accrued_exactly(stream, now.at, stream.withdrawn);
    } else if let Some(refund) = now.paid.refund(stream.sender) {
        let accrued = stream.schedule.deposit.stroops().saturating_sub(refund);
        inference::accrued_exactly(stream, now.at, Amount::from_stroops(accrued));
    }
    stream.status = Status::Cancelled { at: now.second() };
}

/// The contract pays the recipient without counting it as withdrawn. The paid amounts prove the accrued and the
/// withdrawn amount.
fn keeper_cancelled(stream: &mut ChainStream, value: &KeeperCancelled, now: &EventContext<'_>) {
    let returned = value.sender_refund.0.saturating_add(value.keeper_fee.0);
    let accrued = stream.schedule.deposit.stroops().saturating_sub(returned);
    inference::accrued_exactly(stream, now.at, Amount::from_stroops(accrued));
    if value.recipient_amount.0 > 0 {
        let withdrawn = accrued.saturating_sub(value.recipient_amount.0).max(0);
        stream.withdrawn = Amount::from_stroops(withdrawn);
        stream.v9_mut().inferred.withdrawn = false;
    }
    stream.v9_mut().keeper_paid_amount = Some(value.recipient_amount.amount());
    stream.status = Status::Cancelled { at: now.second() };
}

fn resumed(stream: &mut ChainStream, now: &EventContext<'_>) {
    let paused = match stream.status {
        Status::Paused { at } => now.at.seconds_since(UnixTime::of(at)),
        _ => 0,
    };
    stream.status = Status::Active;
    let chain = stream.v9_mut();
    chain.paused_seconds = chain.paused_seconds.saturating_add(paused);
    chain.last_pause_toggle_ledger = now.ledger;
}

/// Two functions emit `rate_upd`. `update_rate_per_second` keeps the accrued amount, only raises the rate, and only as
/// far as the deposit covers it from start to end. `update_rate` keeps nothing and has neither limit.
fn rate_updated(stream: &mut ChainStream, value: &RateUpdated, now: &EventContext<'_>) {
    inference::is_linear(stream);
    let rate = value.new_rate_per_second.amount();
    if rate > stream.schedule.rate && inference::covers(&stream.schedule, rate) {
        let at = value.effective_time.0;
        stream.schedule.checkpoint = Checkpoint { amount: stream.schedule.accrued(at), at };
        stream.v9_mut().inferred.checkpoint = true;
    }
    stream.schedule.rate = rate;
    stream.v9_mut().last_rate_change_ledger = now.ledger;
}

fn rate_decreased(stream: &mut ChainStream, value: &RateDecreased, now: &EventContext<'_>) {
    inference::is_linear(stream);
    stream.schedule.rate = value.new_rate_per_second.amount();
    stream.schedule.checkpoint =
        Checkpoint { amount: value.checkpointed_amount.amount(), at: value.effective_time.0 };
    refund(stream, value.refund_amount);
    let chain = stream.v9_mut();
    chain.inferred.checkpoint = false;
    chain.last_rate_change_ledger = now.ledger;
}

fn refund(stream: &mut ChainStream, refund: Stroops) {
    let rest = stream.schedule.deposit.stroops().saturating_sub(refund.0).max(0);
    stream.schedule.deposit = Amount::from_stroops(rest);
}
