//! The effect of each contract event on its stream: the contract's arithmetic.

use fluxora_decimal::Amount;
use fluxora_stream::{Checkpoint, Status, UnixTime, V9Stream};
use jiff::Timestamp;

use super::decode::ContractAction;
use super::invocation::{self, Settled};
use super::payload::Stroops;
use super::transfers::Preceding;
use super::values::{EndShortened, KeeperCancelled, RateDecreased, RateUpdated, Withdrew};
use super::{Anomaly, inference};
use crate::Invocation;

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
    /// The call of the contract that emitted the event.
    pub(super) call: Option<&'a Invocation>,
}

impl EventContext<'_> {
    /// The close time in whole seconds, as a status holds it.
    fn second(&self) -> Timestamp {
        self.at.instant()
    }
}

/// Applies an action of one stream. Actions of two streams are in [`births`](super::births).
pub(super) fn apply(
    stream: &mut V9Stream,
    action: &ContractAction<'_>,
    now: &EventContext<'_>,
) -> Vec<Anomaly> {
    match action {
        ContractAction::Withdrew(value) => return withdrew(stream, value, now),
        ContractAction::WithdrawnTo(value) => {
            return take_out(stream, value.amount.0, now).into_iter().collect();
        }
        ContractAction::Completed => completed(stream, now),
        ContractAction::Cancelled => cancelled(stream, now),
        ContractAction::KeeperCancelled(value) => keeper_cancelled(stream, value, now),
        ContractAction::Closed => stream.body.state.on_chain.closed_ledger = Some(now.ledger),
        ContractAction::Paused => {
            stream.status = Status::Paused { at: now.second() };
            stream.body.state.on_chain.last_pause_toggle_ledger = now.ledger;
        }
        ContractAction::Resumed => resumed(stream, now),
        ContractAction::RateUpdated(value) => return rate_updated(stream, value, now).into_iter().collect(),
        ContractAction::RateDecreased(value) => rate_decreased(stream, value, now),
        ContractAction::EndShortened(EndShortened { new_end_time, refund_amount, .. }) => {
            inference::is_linear(stream);
            stream.body.state.flow.schedule.end = new_end_time.0;
            refund(stream, *refund_amount);
        }
        ContractAction::EndExtended(value) => {
            inference::is_linear(stream);
            stream.body.state.flow.schedule.end = value.new_end_time.0;
        }
        ContractAction::ToppedUp(value) => {
            inference::is_linear(stream);
            stream.body.state.flow.schedule.deposit = value.new_deposit_amount.amount();
            stream.body.state.flow.schedule.end = value.new_end_time.0;
        }
        ContractAction::RecipientUpdated(value) => stream.recipient = value.new_recipient.0,
        ContractAction::ClaimOwnerChanged(value) => {
            stream.body.state.on_chain.claim_owner = Some(value.new_owner.0);
        }
        ContractAction::SenderTransferred(value) => stream.sender = value.new_sender.0,
        ContractAction::Decommissioned(value) => {
            stream.body.state.on_chain.decommissioned = value.decommissioned;
        }
        ContractAction::AutoClaimSet(value) => {
            stream.body.state.on_chain.auto_claim_destination = Some(value.destination.0);
        }
        ContractAction::AutoClaimRevoked => stream.body.state.on_chain.auto_claim_destination = None,
        ContractAction::HealthChanged(value) => stream.body.state.on_chain.underfunded = value.is_underfunded,
        // A `wdraw_to` of the same amount always follows `ac_trig`.
        ContractAction::AutoClaimTriggered
        | ContractAction::Created(_)
        | ContractAction::ShareDelegated(_)
        | ContractAction::Cloned(_)
        | ContractAction::Renewed { .. } => {}
    }
    Vec::new()
}

/// The amount of the event excludes the relayer's fee; the stream pays both.
fn withdrew(stream: &mut V9Stream, value: &Withdrew<'_>, now: &EventContext<'_>) -> Vec<Anomaly> {
    let net = value.amount.0;
    let paid = now.paid.gross(&value.recipient.0, net);
    let (gross, is_another) = match (paid, invocation::gross(now.call, Some(stream), value)) {
        (None, Settled::As(gross)) => (Some(gross), false),
        (Some(paid), Settled::As(gross)) => (Some(paid), paid != gross),
        (paid, settled) => (paid, settled == Settled::Contradicted),
    };
    stream.body.state.on_chain.inferred.withdrawn |= gross.is_none();
    let paid_twice = take_out(stream, gross.unwrap_or(net), now);
    paid_twice.into_iter().chain(is_another.then_some(Anomaly::AnotherInvocation)).collect()
}

fn take_out(stream: &mut V9Stream, amount: i128, now: &EventContext<'_>) -> Option<Anomaly> {
    stream.body.state.flow.withdrawn =
        Amount::from_stroops(stream.body.state.flow.withdrawn.stroops().saturating_add(amount));
    let pooled = stream.body.state.on_chain.pooled;
    match stream.status {
        // The contract pays members of a pool as if the stream had not been cancelled.
        Status::Cancelled { .. } if pooled => {}
        Status::Cancelled { at } => {
            inference::accrued_at_least(stream, UnixTime::of(at), stream.body.state.flow.withdrawn);
        }
        _ => inference::accrued_at_least(stream, now.at, stream.body.state.flow.withdrawn),
    }
    let chain = &mut stream.body.state.on_chain;
    chain.last_withdraw_ledger = now.ledger;
    let keeper_paid = chain.keeper_paid_amount.filter(|paid| paid.is_positive() && amount > 0);
    keeper_paid.map(|keeper_paid| Anomaly::PaidTwice { keeper_paid, again: Amount::from_stroops(amount) })
}

/// The whole deposit has been taken out. Members of a pool may have taken more, since each share is rounded.
fn completed(stream: &mut V9Stream, now: &EventContext<'_>) {
    let deposit = stream.body.state.flow.schedule.deposit;
    inference::accrued_at_least(stream, now.at, deposit);
    stream.status = Status::Completed;
    let chain = &mut stream.body.state.on_chain;
    chain.inferred.withdrawn = false;
    stream.body.state.flow.withdrawn =
        if chain.pooled { stream.body.state.flow.withdrawn.max(deposit) } else { deposit };
}

/// The rest of the deposit goes back to the sender: at once, or after the last of several streams that are cancelled
/// together. In the second case the contract pays each recipient in full just before.
fn cancelled(stream: &mut V9Stream, now: &EventContext<'_>) {
    if now.withdrew {
        inference::accrued_exactly(stream, now.at, stream.body.state.flow.withdrawn);
    } else if let Some(refund) = now.paid.refund(stream.sender) {
        let accrued = stream.body.state.flow.schedule.deposit.stroops().saturating_sub(refund);
        inference::accrued_exactly(stream, now.at, Amount::from_stroops(accrued));
    }
    stream.status = Status::Cancelled { at: now.second() };
}

/// The contract pays the recipient without counting it as withdrawn. The paid amounts prove the accrued and the
/// withdrawn amount.
fn keeper_cancelled(stream: &mut V9Stream, value: &KeeperCancelled, now: &EventContext<'_>) {
    let returned = value.sender_refund.0.saturating_add(value.keeper_fee.0);
    let accrued = stream.body.state.flow.schedule.deposit.stroops().saturating_sub(returned);
    inference::accrued_exactly(stream, now.at, Amount::from_stroops(accrued));
    if value.recipient_amount.0 > 0 {
        let withdrawn = accrued.saturating_sub(value.recipient_amount.0).max(0);
        stream.body.state.flow.withdrawn = Amount::from_stroops(withdrawn);
        stream.body.state.on_chain.inferred.withdrawn = false;
    }
    stream.body.state.on_chain.keeper_paid_amount = Some(value.recipient_amount.amount());
    stream.status = Status::Cancelled { at: now.second() };
}

fn resumed(stream: &mut V9Stream, now: &EventContext<'_>) {
    let paused = match stream.status {
        Status::Paused { at } => now.at.seconds_since(UnixTime::of(at)),
        _ => 0,
    };
    stream.status = Status::Active;
    let chain = &mut stream.body.state.on_chain;
    chain.paused_seconds = chain.paused_seconds.saturating_add(paused);
    chain.last_pause_toggle_ledger = now.ledger;
}

/// Two functions emit `rate_upd`. `update_rate_per_second` keeps the accrued amount, only raises the rate, and only as
/// far as the deposit covers it from start to end. `update_rate` keeps nothing and has neither limit.
fn rate_updated(stream: &mut V9Stream, value: &RateUpdated, now: &EventContext<'_>) -> Option<Anomaly> {
    inference::is_linear(stream);
    let rate = value.new_rate_per_second.amount();
    let settled = invocation::kept(now.call, Some(stream), value);
    let is_possible = rate > stream.body.state.flow.schedule.rate
        && inference::covers(&stream.body.state.flow.schedule, rate);
    let kept = match settled {
        Settled::As(kept) => kept,
        Settled::Open | Settled::Contradicted => is_possible,
    };
    if kept {
        let at = value.effective_time.0;
        stream.body.state.flow.schedule.checkpoint =
            Checkpoint { amount: stream.body.state.flow.schedule.accrued(at), at };
        // What had accrued is inferred if it rests on an inferred checkpoint.
        stream.body.state.on_chain.inferred.checkpoint |= settled != Settled::As(true);
    }
    stream.body.state.flow.schedule.rate = rate;
    stream.body.state.on_chain.last_rate_change_ledger = now.ledger;
    (settled == Settled::Contradicted).then_some(Anomaly::AnotherInvocation)
}

fn rate_decreased(stream: &mut V9Stream, value: &RateDecreased, now: &EventContext<'_>) {
    inference::is_linear(stream);
    stream.body.state.flow.schedule.rate = value.new_rate_per_second.amount();
    stream.body.state.flow.schedule.checkpoint =
        Checkpoint { amount: value.checkpointed_amount.amount(), at: value.effective_time.0 };
    refund(stream, value.refund_amount);
    let chain = &mut stream.body.state.on_chain;
    chain.inferred.checkpoint = false;
    chain.last_rate_change_ledger = now.ledger;
}

fn refund(stream: &mut V9Stream, refund: Stroops) {
    let rest = stream.body.state.flow.schedule.deposit.stroops().saturating_sub(refund.0).max(0);
    stream.body.state.flow.schedule.deposit = Amount::from_stroops(rest);
}
