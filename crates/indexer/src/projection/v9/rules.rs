//! The checks by which the contract refuses a call. A refused call leaves no event, so an event that fails one of them
//! contradicts the contract.
//!
//! Not checked, because the events of a stream do not show it: pauses of the contract, cooldowns, the cap of the rate,
//! the dust threshold and the lookback of withdrawals, and which streams are irrevocable.

use fluxora_decimal::Amount;
use fluxora_stream::{Address, Kind, RateFlow, Schedule, Status, UnixTime, V9Stream};

use super::Anomaly;
use super::broken::{Checks, V9Field, V9Rule};
use super::decode::ContractAction;
use super::effect::EventContext;
use super::inference::Accrued;
use super::values::{
    Cloned, Created, EndExtended, EndShortened, KeeperCancelled, RateDecreased, RateUpdated, ShareDelegated,
    ToppedUp,
};

/// Seconds from a stream's end until a keeper may cancel it.
const KEEPER_GRACE: u64 = 604_800;

/// What the contract excludes about a creation at `now`.
pub(super) fn creation(value: &Created, now: UnixTime) -> Vec<Anomaly> {
    let (start, cliff, end) = (value.start_time.0, value.cliff_time.0, value.end_time.0);
    let mut checks = Checks::default();
    checks.refuse(value.deposit_amount.0 <= 0, V9Rule::DepositNotPositive);
    checks.refuse(end <= start, V9Rule::EndNotAfterStart);
    checks.refuse(cliff < start || cliff > end, V9Rule::CliffOutsideSchedule);
    checks.refuse(start < now, V9Rule::StartInPast);
    // The least that any kind needs: a cliff with a slope flows from the cliff on.
    let needed = flow(value.rate_per_second.0, cliff, end);
    checks.refuse(needed.is_none_or(|needed| needed > value.deposit_amount.0), V9Rule::DepositBelowRate);
    checks.0
}

/// What the contract excludes about an action of one stream, given the stream before it.
pub(super) fn refusals(
    stream: &V9Stream,
    action: &ContractAction<'_>,
    now: &EventContext<'_>,
) -> Vec<Anomaly> {
    let mut checks = Checks::default();
    let state = &stream.body.state;
    let ended = now.at >= state.flow.schedule.end;
    checks.refuse(state.on_chain.closed_ledger.is_some(), V9Rule::StreamIsClosed);
    match action {
        ContractAction::Withdrew(value) => {
            checks.refuse(stream.status == Status::Completed, V9Rule::StreamIsFinal);
            // Members of a pool are paid, who are not the stream's recipient.
            let payee = Address::parse(&value.recipient.0).ok();
            let party = payee == Some(stream.recipient) || payee == state.on_chain.claim_owner;
            checks.expect(V9Field::Recipient, party || state.on_chain.pooled);
        }
        ContractAction::WithdrawnTo(value) => {
            checks.refuse(stream.status == Status::Completed, V9Rule::StreamIsFinal);
            checks.refuse(value.amount.0 <= 0, V9Rule::AmountNotPositive);
        }
        ContractAction::Completed => completed(stream, now.at, &mut checks),
        ContractAction::Cancelled => cancelled(stream, now, &mut checks),
        ContractAction::KeeperCancelled(value) => keeper_cancelled(stream, value, now.at, &mut checks),
        ContractAction::Closed => closed(stream, &mut checks),
        ContractAction::Paused => {
            not_final(stream, &mut checks);
            checks.refuse(ended, V9Rule::StreamEnded);
            checks.refuse(matches!(stream.status, Status::Paused { .. }), V9Rule::AlreadyPaused);
        }
        ContractAction::Resumed => {
            not_final(stream, &mut checks);
            checks.refuse(ended, V9Rule::StreamEnded);
            checks.refuse(stream.status == Status::Active, V9Rule::NotPaused);
        }
        ContractAction::RateUpdated(value) => rate_updated(stream, value, now.at, &mut checks),
        ContractAction::RateDecreased(value) => rate_decreased(stream, value, now.at, &mut checks),
        ContractAction::EndShortened(value) => end_shortened(stream, value, now.at, &mut checks),
        ContractAction::EndExtended(value) => end_extended(stream, value, now.at, &mut checks),
        ContractAction::ToppedUp(value) => topped_up(stream, value, now.at, &mut checks),
        ContractAction::RecipientUpdated(value) => {
            let old = value.old_recipient.is_none_or(|old| old.0 == stream.recipient);
            checks.expect(V9Field::Recipient, old);
        }
        ContractAction::ClaimOwnerChanged(value) => {
            let old = value.old_owner.map(|owner| owner.map(|owner| owner.0));
            checks.expect(V9Field::ClaimOwner, old.is_none_or(|old| old == state.on_chain.claim_owner));
        }
        ContractAction::Decommissioned(_) => not_final(stream, &mut checks),
        // These have no rule that a stream's events show, or are checked with both their streams.
        ContractAction::AutoClaimSet(_)
        | ContractAction::AutoClaimRevoked
        | ContractAction::AutoClaimTriggered
        | ContractAction::HealthChanged(_)
        | ContractAction::SenderTransferred(_)
        | ContractAction::Created(_)
        | ContractAction::ShareDelegated(_)
        | ContractAction::Cloned(_)
        | ContractAction::Renewed { .. } => {}
    }
    checks.0
}

/// What the contract excludes about a payment to the recipient, given the stream before and after it. Members of a pool,
/// and recipients whom a keeper has paid, may take out more than had accrued.
pub(super) fn payment(
    before: &V9Stream,
    after: &V9Stream,
    action: &ContractAction<'_>,
    now: UnixTime,
) -> Vec<Anomaly> {
    let mut checks = Checks::default();
    let state = &after.body.state;
    let RateFlow { schedule, withdrawn } = state.flow;
    let accrued = Accrued::of(after, now);
    if matches!(before.status, Status::Paused { .. }) && now < schedule.end {
        // Only a cancellation of several streams pays before the end. It pays everything that had accrued.
        let in_full = accrued.admits(withdrawn.stroops()) || state.on_chain.inferred.withdrawn;
        let by_cancellation = matches!(action, ContractAction::Withdrew(_)) && in_full;
        checks.refuse(!by_cancellation, V9Rule::WithdrawalHeld);
    }
    let exempt = state.on_chain.pooled || state.on_chain.keeper_paid_amount.is_some();
    let open = matches!(after.status, Status::Active | Status::Paused { .. });
    let accrued = Amount::from_stroops(accrued.most());
    if open && !exempt && withdrawn > accrued && withdrawn <= schedule.deposit {
        checks.0.push(Anomaly::WithdrawnExceedsAccrued { withdrawn, accrued });
    }
    checks.0
}

/// What the contract excludes about a share, given the parent before it.
pub(super) fn share(parent: &V9Stream, value: &ShareDelegated, now: UnixTime) -> Vec<Anomaly> {
    let mut checks = Checks::default();
    let state = &parent.body.state;
    let Schedule { rate, end, deposit, .. } = state.flow.schedule;
    checks.refuse(state.on_chain.closed_ledger.is_some(), V9Rule::StreamIsClosed);
    changeable(parent, now, &mut checks);
    checks.expect(V9Field::Recipient, value.delegator.is_none_or(|party| party.0 == parent.recipient));
    let (kept, given) = (value.new_parent_rate.0, value.child_rate.0);
    let divided = kept > 0 && given > 0 && kept.checked_add(given) == Some(rate.stroops());
    checks.refuse(!divided, V9Rule::RatesNotDivided);
    if !state.on_chain.inferred.checkpoint {
        let accrued = Accrued::linear(parent, now).most();
        let needed = flow(kept, now, end).and_then(|flow| flow.checked_add(accrued));
        let covered = needed.is_some_and(|needed| needed <= deposit.stroops());
        checks.refuse(!covered, V9Rule::DepositBelowRate);
    }
    checks.0
}

/// What the contract excludes about a clone, given the clone and the stream that was cloned.
pub(super) fn clone(clone: &V9Stream, source: Option<&V9Stream>, value: &Cloned) -> Vec<Anomaly> {
    let mut checks = Checks::default();
    let schedule = &clone.body.state.flow.schedule;
    let agrees = value.sender.is_none_or(|party| party.0 == clone.sender)
        && value.recipient.is_none_or(|party| party.0 == clone.recipient)
        && value.deposit_amount.is_none_or(|amount| amount.amount() == schedule.deposit)
        && value.rate_per_second.is_none_or(|amount| amount.amount() == schedule.rate)
        && value.start_time.is_none_or(|second| second.0 == schedule.start)
        && value.cliff_time.is_none_or(|second| second.0 == schedule.cliff)
        && value.end_time.is_none_or(|second| second.0 == schedule.end);
    checks.expect(V9Field::Terms, agrees);
    if let Some(source) = source {
        not_final(source, &mut checks);
    }
    checks.0
}

/// What the contract excludes about the renewal of a stream.
pub(super) fn renewed(stream: &V9Stream) -> Vec<Anomaly> {
    let mut checks = Checks::default();
    checks.refuse(stream.body.state.on_chain.closed_ledger.is_some(), V9Rule::StreamIsClosed);
    checks.refuse(stream.status != Status::Completed, V9Rule::NotCompleted);
    checks.0
}

/// What the contract excludes about a renewal, given the renewal and the stream that was renewed.
pub(super) fn renewal(renewal: &V9Stream, old: &V9Stream, now: UnixTime) -> Vec<Anomaly> {
    let mut checks = Checks::default();
    let (new, before) = (&renewal.body.state.flow.schedule, &old.body.state.flow.schedule);
    let lasts = |schedule: &Schedule| {
        let of = |second: UnixTime| second.seconds_since(schedule.start);
        (of(schedule.cliff), of(schedule.end))
    };
    let agrees = (renewal.sender, renewal.recipient) == (old.sender, old.recipient)
        && (new.deposit, new.rate, new.start) == (before.deposit, before.rate, now)
        && lasts(new) == lasts(before);
    checks.expect(V9Field::Terms, agrees);
    checks.0
}

/// What flows at `rate` from one second to another; `None` beyond `i128`.
fn flow(rate: i128, from: UnixTime, to: UnixTime) -> Option<i128> {
    rate.checked_mul(i128::from(to.seconds_since(from)))
}

fn not_final(stream: &V9Stream, checks: &mut Checks) {
    checks.refuse(stream.status.name().is_terminal(), V9Rule::StreamIsFinal);
}

/// The terms of a linear stream that has neither ended nor a final status can be changed.
fn changeable(stream: &V9Stream, now: UnixTime, checks: &mut Checks) {
    not_final(stream, checks);
    is_linear(stream, checks);
    checks.refuse(now >= stream.body.state.flow.schedule.end, V9Rule::StreamEnded);
}

fn is_linear(stream: &V9Stream, checks: &mut Checks) {
    let state = &stream.body.state;
    let other = state.flow.schedule.kind != Kind::Linear && !state.on_chain.inferred.kind;
    checks.refuse(other, V9Rule::NotLinear);
}

fn in_service(stream: &V9Stream, checks: &mut Checks) {
    checks.refuse(stream.body.state.on_chain.decommissioned, V9Rule::StreamIsDecommissioned);
}

fn completed(stream: &V9Stream, now: UnixTime, checks: &mut Checks) {
    not_final(stream, checks);
    let state = &stream.body.state;
    let (flow, inferred) = (&state.flow, state.on_chain.inferred);
    let accrued = Accrued::of(stream, now).most() >= flow.schedule.deposit.stroops();
    let paid = flow.withdrawn >= flow.schedule.deposit || inferred.withdrawn || inferred.checkpoint;
    checks.refuse(!accrued || !paid, V9Rule::NotPaidInFull);
}

fn cancelled(stream: &V9Stream, now: &EventContext<'_>, checks: &mut Checks) {
    not_final(stream, checks);
    if !now.withdrew
        && let Some(refund) = now.paid.refund(stream.sender)
    {
        let accrued = stream.body.state.flow.schedule.deposit.stroops().checked_sub(refund);
        let agrees = accrued.is_some_and(|accrued| Accrued::of(stream, now.at).admits(accrued));
        checks.expect(V9Field::Accrued, agrees);
    }
}

fn keeper_cancelled(stream: &V9Stream, value: &KeeperCancelled, now: UnixTime, checks: &mut Checks) {
    not_final(stream, checks);
    let state = &stream.body.state;
    let since_end = now.seconds_since(state.flow.schedule.end);
    checks.refuse(since_end < KEEPER_GRACE, V9Rule::KeeperTooEarly);
    let inferred = state.on_chain.inferred;
    if inferred.withdrawn || inferred.checkpoint {
        return;
    }
    let (deposit, withdrawn) = (state.flow.schedule.deposit.stroops(), state.flow.withdrawn.stroops());
    let returned = value.keeper_fee.0.checked_add(value.sender_refund.0);
    let paid = returned.and_then(|returned| returned.checked_add(value.recipient_amount.0));
    checks.expect(V9Field::Division, paid.is_some() && paid == deposit.checked_sub(withdrawn));
    let total = withdrawn.checked_add(value.recipient_amount.0);
    let accrued = Accrued::of(stream, now);
    let settled = withdrawn > accrued.most() || total.is_some_and(|total| accrued.admits(total));
    checks.expect(V9Field::Accrued, settled);
}

fn closed(stream: &V9Stream, checks: &mut Checks) {
    let state = &stream.body.state;
    match stream.status {
        Status::Completed => {}
        Status::Cancelled { at } => {
            let least = Accrued::of(stream, UnixTime::of(at)).least();
            let unpaid = state.flow.withdrawn.stroops() < least && !state.on_chain.inferred.withdrawn;
            checks.refuse(unpaid, V9Rule::NotPaidInFull);
        }
        _ => checks.refuse(true, V9Rule::StreamNotFinal),
    }
}

fn rate_updated(stream: &V9Stream, value: &RateUpdated, now: UnixTime, checks: &mut Checks) {
    changeable(stream, now, checks);
    in_service(stream, checks);
    let rate = stream.body.state.flow.schedule.rate.stroops();
    checks.expect(V9Field::Rate, value.old_rate_per_second.is_none_or(|old| old.0 == rate));
    checks.expect(V9Field::EffectiveTime, value.effective_time.0 == now);
    checks.refuse(value.new_rate_per_second.0 <= 0, V9Rule::AmountNotPositive);
}

fn rate_decreased(stream: &V9Stream, value: &RateDecreased, now: UnixTime, checks: &mut Checks) {
    changeable(stream, now, checks);
    in_service(stream, checks);
    let schedule = &stream.body.state.flow.schedule;
    let (rate, new) = (schedule.rate.stroops(), value.new_rate_per_second.0);
    checks.expect(V9Field::Rate, value.old_rate_per_second.is_none_or(|old| old.0 == rate));
    checks.expect(V9Field::EffectiveTime, value.effective_time.0 == now);
    checks.refuse(new <= 0, V9Rule::AmountNotPositive);
    checks.refuse(new >= rate, V9Rule::RateNotLower);
    let kept = value.checkpointed_amount.0;
    checks.expect(V9Field::Accrued, Accrued::linear(stream, now).admits(kept));
    if !stream.body.state.on_chain.inferred.checkpoint {
        let needed = flow(new, value.effective_time.0, schedule.end).and_then(|flow| flow.checked_add(kept));
        let left = schedule.deposit.stroops().checked_sub(value.refund_amount.0);
        checks.refuse(needed.is_none() || needed != left, V9Rule::WrongRefund);
    }
}

fn end_shortened(stream: &V9Stream, value: &EndShortened, now: UnixTime, checks: &mut Checks) {
    not_final(stream, checks);
    is_linear(stream, checks);
    let Schedule { start, cliff, end, rate, deposit, .. } = stream.body.state.flow.schedule;
    let new = value.new_end_time.0;
    checks.expect(V9Field::End, value.old_end_time.is_none_or(|old| old.0 == end));
    checks.refuse(new >= end || new <= now || new <= start || new < cliff, V9Rule::WrongEnd);
    let left = deposit.stroops().checked_sub(value.refund_amount.0).filter(|left| *left >= 0);
    let needed = flow(rate.stroops(), start, new);
    let fits = match (left, needed) {
        (Some(_), _) if stream.body.state.on_chain.inferred.checkpoint => true,
        (Some(left), Some(needed)) => left == needed.max(Accrued::linear(stream, now).most()),
        _ => false,
    };
    checks.refuse(!fits, V9Rule::WrongRefund);
}

fn end_extended(stream: &V9Stream, value: &EndExtended, now: UnixTime, checks: &mut Checks) {
    not_final(stream, checks);
    is_linear(stream, checks);
    in_service(stream, checks);
    let Schedule { start, cliff, end, rate, deposit, .. } = stream.body.state.flow.schedule;
    let new = value.new_end_time.0;
    checks.expect(V9Field::End, value.old_end_time.is_none_or(|old| old.0 == end));
    checks.refuse(new <= end || new <= start || new < cliff || new < now, V9Rule::WrongEnd);
    if !stream.body.state.on_chain.inferred.checkpoint {
        let covered = flow(rate.stroops(), start, new).is_some_and(|needed| needed <= deposit.stroops());
        checks.refuse(!covered, V9Rule::DepositBelowRate);
    }
}

fn topped_up(stream: &V9Stream, value: &ToppedUp, now: UnixTime, checks: &mut Checks) {
    changeable(stream, now, checks);
    in_service(stream, checks);
    let Schedule { end, deposit, .. } = stream.body.state.flow.schedule;
    checks.refuse(value.new_end_time.0 != end, V9Rule::WrongEnd);
    if let Some(amount) = value.top_up_amount {
        checks.refuse(amount.0 <= 0, V9Rule::AmountNotPositive);
        let sum = deposit.stroops().checked_add(amount.0);
        let inferred = stream.body.state.on_chain.inferred.checkpoint;
        checks.expect(V9Field::Deposit, inferred || sum == Some(value.new_deposit_amount.0));
    }
}
