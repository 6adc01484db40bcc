use fluxora_stream::Address;
use fluxora_stream::vesting::{PauseClock, VestingSchedule, VestingStatus};

use super::anomaly::broken_invariants;
use super::{
    Anomaly, Cancellation, CheckedField, ContractAction, EventContext, Grant, StreamAction, StreamCancelled,
    StreamPaused, StreamResumed, StreamToppedUp, StreamWithdrawn, VestingStream,
};

/// The kind of stream event that an applied action yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VestingEventKind {
    /// The stream was created.
    Created,
    /// The recipient was paid.
    Withdrawn,
    /// The last withdrawal emptied the stream. Follows its `Withdrawn`.
    Depleted,
    /// The stream was cancelled.
    Cancelled,
    /// A pause began.
    Paused,
    /// A pause ended.
    Resumed,
    /// A top-up, a new recipient, or a delegate's grant.
    Updated,
}

/// What applying an action came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The stream events it yields, in order; empty exactly if the stream did not change.
    pub events: &'static [VestingEventKind],
    /// What contradicts the contract's rules.
    pub anomalies: Vec<Anomaly>,
}

impl VestingStream {
    /// Applies an event of this stream, in chain order.
    ///
    /// Values that an event gives are taken as given and never recomputed. An event that changes nothing (rent, a
    /// grant that was there, a revocation of none) yields no stream event.
    pub fn apply(&mut self, event: &StreamAction, context: EventContext) -> Applied {
        let now = context.close_time;
        let (vested, before) = (self.vested(now), self.changing());
        let (mut checks, mut delegates_changed) = (Checks::default(), false);
        let kinds: &'static [VestingEventKind] = match &event.action {
            ContractAction::Created(_) => {
                checks.anomalies.push(Anomaly::CreatedAgain);
                &[]
            }
            ContractAction::Withdrawn(withdrawn) => self.withdraw(withdrawn, context, &mut checks),
            ContractAction::Cancelled(cancelled) => self.cancel(cancelled, context, &mut checks),
            ContractAction::Paused(paused) => self.pause(paused, context, &mut checks),
            ContractAction::Resumed(resumed) => self.resume(resumed, context, &mut checks),
            ContractAction::ToppedUp(topped_up) => self.top_up(topped_up, &mut checks),
            ContractAction::RecipientTransferred { from, to } => self.transfer(*from, *to, &mut checks),
            ContractAction::TtlExtended { .. } => &[],
            ContractAction::DelegateGranted { grantor, delegate, operations, expires_at } => {
                let grant = Grant { grantor: *grantor, operations: *operations, expires_at: *expires_at };
                delegates_changed = self.delegates.insert(*delegate, grant) != Some(grant);
                &[VestingEventKind::Updated]
            }
            ContractAction::DelegateRevoked { delegate, .. } => {
                delegates_changed = self.delegates.remove(delegate).is_some();
                &[VestingEventKind::Updated]
            }
        };
        let events = if delegates_changed || self.changing() != before { kinds } else { &[] };
        if !events.is_empty() {
            self.abi = self.abi.max(event.abi);
            self.last_change = context;
        }
        checks.anomalies.extend(broken_invariants(self, vested, before.status, now));
        Applied { events, anomalies: checks.anomalies }
    }

    fn withdraw(
        &mut self,
        event: &StreamWithdrawn,
        context: EventContext,
        checks: &mut Checks,
    ) -> &'static [VestingEventKind] {
        let emptied = event.status == VestingStatus::Depleted && self.status != VestingStatus::Depleted;
        // Emptying a paused stream ends the pause. ABI 1 does not publish the new total: it follows from the close
        // time.
        let pauses = self.schedule.pauses;
        let expected = if emptied { pauses.ended(context.close_time) } else { pauses };
        checks.expect(CheckedField::Recipient, event.recipient == self.recipient);
        checks.expect(CheckedField::Deposited, event.deposited == self.schedule.deposited);
        checks
            .expect(CheckedField::Withdrawn, event.withdrawn == self.withdrawn.saturating_add(event.amount));
        checks.expect(CheckedField::PausedAt, event.paused_at.is_none_or(|at| at == expected.paused_at));
        checks.expect(
            CheckedField::PausedTotal,
            event.paused_total.is_none_or(|total| total == expected.paused_total),
        );
        self.withdrawn = event.withdrawn;
        self.schedule.deposited = event.deposited;
        self.status = event.status;
        self.schedule.pauses = PauseClock {
            paused_at: event.paused_at.unwrap_or(expected.paused_at),
            paused_total: event.paused_total.unwrap_or(expected.paused_total),
        };
        if emptied {
            &[VestingEventKind::Withdrawn, VestingEventKind::Depleted]
        } else {
            &[VestingEventKind::Withdrawn]
        }
    }

    fn cancel(
        &mut self,
        event: &StreamCancelled,
        context: EventContext,
        checks: &mut Checks,
    ) -> &'static [VestingEventKind] {
        let (now, schedule) = (context.close_time, self.schedule);
        checks.expect(CheckedField::Sender, event.sender == self.sender);
        checks.expect(CheckedField::Recipient, event.recipient == self.recipient);
        checks.expect(CheckedField::Withdrawn, event.withdrawn == self.withdrawn);
        checks.expect(
            CheckedField::Deposited,
            event.vested.saturating_add(event.refunded) == schedule.deposited,
        );
        checks.expect(CheckedField::Vested, event.vested == schedule.vested(now));
        checks.expect(CheckedField::End, event.end == schedule.clock(now).max(schedule.start));
        let paused_total = schedule.pauses.paused_total;
        checks
            .expect(CheckedField::PausedTotal, event.paused_total.is_none_or(|total| total == paused_total));
        let replaced = Cancellation { cancelled_at: now, deposited: schedule.deposited, end: schedule.end };
        self.cancellation = self.cancellation.or(Some(replaced));
        self.refunded = self.refunded.saturating_add(event.refunded);
        self.withdrawn = event.withdrawn;
        self.status = VestingStatus::Cancelled;
        self.schedule.deposited = event.vested;
        self.schedule.end = event.end;
        self.schedule.pauses =
            PauseClock { paused_at: None, paused_total: event.paused_total.unwrap_or(paused_total) };
        &[VestingEventKind::Cancelled]
    }

    fn pause(
        &mut self,
        event: &StreamPaused,
        context: EventContext,
        checks: &mut Checks,
    ) -> &'static [VestingEventKind] {
        let before = self.schedule.pauses;
        checks.expect(CheckedField::Sender, event.sender == self.sender);
        checks.expect(
            CheckedField::PausedAt,
            before.paused_at.is_none() && event.paused_at == context.close_time,
        );
        checks.expect(CheckedField::PausedTotal, event.paused_total == before.paused_total);
        self.status = VestingStatus::Paused;
        self.schedule.pauses =
            PauseClock { paused_at: Some(event.paused_at), paused_total: event.paused_total };
        &[VestingEventKind::Paused]
    }

    fn resume(
        &mut self,
        event: &StreamResumed,
        context: EventContext,
        checks: &mut Checks,
    ) -> &'static [VestingEventKind] {
        let before = self.schedule.pauses;
        let lasted = before.paused_at.map(|since| context.close_time.seconds_since(since));
        checks.expect(CheckedField::Sender, event.sender == self.sender);
        checks.expect(CheckedField::PausedDuration, lasted == Some(event.paused_duration));
        checks.expect(
            CheckedField::PausedTotal,
            event.paused_total == before.paused_total.saturating_add(event.paused_duration),
        );
        self.status = VestingStatus::Active;
        self.schedule.pauses = PauseClock { paused_at: None, paused_total: event.paused_total };
        &[VestingEventKind::Resumed]
    }

    fn top_up(&mut self, event: &StreamToppedUp, checks: &mut Checks) -> &'static [VestingEventKind] {
        let deposited = self.schedule.deposited.saturating_add(event.amount);
        checks.expect(CheckedField::Sender, event.sender == self.sender);
        checks.expect(CheckedField::Deposited, event.deposited == deposited);
        self.schedule.deposited = event.deposited;
        self.schedule.end = event.end;
        &[VestingEventKind::Updated]
    }

    fn transfer(&mut self, from: Address, to: Address, checks: &mut Checks) -> &'static [VestingEventKind] {
        checks.expect(CheckedField::Recipient, from == self.recipient);
        self.recipient = to;
        &[VestingEventKind::Updated]
    }

    fn changing(&self) -> Changing {
        let Self { recipient, schedule, withdrawn, status, refunded, .. } = *self;
        Changing { recipient, schedule, withdrawn, status, refunded }
    }
}

/// What events change, apart from grants.
#[derive(PartialEq, Eq)]
struct Changing {
    recipient: Address,
    schedule: VestingSchedule,
    withdrawn: i128,
    status: VestingStatus,
    refunded: i128,
}

#[derive(Default)]
struct Checks {
    anomalies: Vec<Anomaly>,
}

impl Checks {
    fn expect(&mut self, field: CheckedField, agrees: bool) {
        if !agrees {
            self.anomalies.push(Anomaly::Disagreement { field });
        }
    }
}
