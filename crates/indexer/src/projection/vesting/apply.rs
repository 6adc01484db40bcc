use fluxora_stream::vesting::{
    Abi, Cancellation, Grant, PauseClock, VestingSchedule, VestingStatus, VestingStream,
};
use fluxora_stream::{Address, EventKind, Status, StatusName};

use super::anomaly::broken_invariants;
use super::rules::refusals;
use super::{
    Anomaly, CheckedField, ContractAction, EventContext, StreamAction, StreamCancelled, StreamPaused,
    StreamResumed, StreamToppedUp, StreamWithdrawn,
};

/// What applying an action came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The stream events it yields, in order; empty exactly if the stream did not change.
    pub events: &'static [EventKind],
    /// What contradicts the contract's rules.
    pub anomalies: Vec<Anomaly>,
}

/// Applies an event of this stream, in chain order.
///
/// Values that an event gives are taken as given and never recomputed. An event that changes nothing (rent, a grant
/// that was there, a revocation of none) yields no stream event, unless it is the first to show ABI 2.
pub fn apply(stream: &mut VestingStream, event: &StreamAction, context: EventContext) -> Applied {
    let now = context.close_time;
    let (vested, before) = (stream.body.state.vested(now), Changing::of(stream));
    let refused = refusals(stream, event, now);
    let (mut checks, mut delegates_changed) = (Checks::default(), false);
    let kinds: &'static [EventKind] = match &event.action {
        ContractAction::Created(_) => {
            checks.anomalies.push(Anomaly::CreatedAgain);
            &[]
        }
        ContractAction::Withdrawn(withdrawn) => withdraw(stream, withdrawn, context, &mut checks),
        ContractAction::Cancelled(cancelled) => cancel(stream, cancelled, context, &mut checks),
        ContractAction::Paused(paused) => pause(stream, paused, context, &mut checks),
        ContractAction::Resumed(resumed) => resume(stream, resumed, context, &mut checks),
        ContractAction::ToppedUp(topped_up) => top_up(stream, topped_up, &mut checks),
        ContractAction::RecipientTransferred { from, to } => {
            checks.expect(CheckedField::Recipient, *from == stream.recipient);
            stream.recipient = *to;
            &[EventKind::Updated]
        }
        ContractAction::TtlExtended { .. } => &[],
        ContractAction::DelegateGranted { grantor, delegate, operations, expires_at } => {
            let grant = Grant { grantor: *grantor, operations: *operations, expires_at: *expires_at };
            delegates_changed = stream.body.state.delegates.insert(*delegate, grant) != Some(grant);
            &[EventKind::Updated]
        }
        ContractAction::DelegateRevoked { delegate, .. } => {
            delegates_changed = stream.body.state.delegates.remove(delegate).is_some();
            &[EventKind::Updated]
        }
    };
    if !kinds.is_empty() {
        let abi = &mut stream.body.state.abi;
        *abi = event.abi.max(*abi);
    }
    let events = if delegates_changed || Changing::of(stream) != before { kinds } else { &[] };
    checks.anomalies.extend(refused);
    checks.anomalies.extend(broken_invariants(stream, vested, before.status.name(), now));
    Applied { events, anomalies: checks.anomalies }
}

fn withdraw(
    stream: &mut VestingStream,
    event: &StreamWithdrawn,
    context: EventContext,
    checks: &mut Checks,
) -> &'static [EventKind] {
    let emptied = event.status == VestingStatus::Depleted && stream.status != Status::Depleted;
    let state = &mut stream.body.state;
    // Emptying a paused stream ends the pause. ABI 1 does not publish the new total: it follows from the close time.
    let pauses = state.schedule.pauses;
    let expected = if emptied { pauses.ended(context.close_time) } else { pauses };
    checks.expect(CheckedField::Recipient, event.recipient == stream.recipient);
    checks.expect(CheckedField::Deposited, event.deposited == state.schedule.deposited);
    checks
        .expect(CheckedField::Withdrawn, Some(event.withdrawn) == state.withdrawn.checked_add(event.amount));
    checks.expect(CheckedField::PausedAt, event.paused_at.is_none_or(|at| at == expected.paused_at));
    checks.expect(
        CheckedField::PausedTotal,
        event.paused_total.is_none_or(|total| total == expected.paused_total),
    );
    let status = status_after(stream.status, event);
    checks.expect(CheckedField::Status, VestingStatus::of(status) == Some(event.status));
    state.withdrawn = event.withdrawn;
    state.schedule.deposited = event.deposited;
    state.schedule.pauses = PauseClock {
        paused_at: event.paused_at.unwrap_or(expected.paused_at),
        paused_total: event.paused_total.unwrap_or(expected.paused_total),
    };
    set_status(stream, event.status, context);
    if emptied { &[EventKind::Withdrawn, EventKind::Depleted] } else { &[EventKind::Withdrawn] }
}

/// The status after a withdrawal: a final one stays, an emptied stream is depleted, and another keeps its own.
const fn status_after(before: Status, event: &StreamWithdrawn) -> StatusName {
    let name = before.name();
    if !name.is_terminal() && event.withdrawn >= event.deposited { StatusName::Depleted } else { name }
}

fn cancel(
    stream: &mut VestingStream,
    event: &StreamCancelled,
    context: EventContext,
    checks: &mut Checks,
) -> &'static [EventKind] {
    checks.expect(CheckedField::Sender, event.sender == stream.sender);
    checks.expect(CheckedField::Recipient, event.recipient == stream.recipient);
    let state = &mut stream.body.state;
    let (now, schedule) = (context.close_time, state.schedule);
    checks.expect(CheckedField::Withdrawn, event.withdrawn == state.withdrawn);
    checks.expect(
        CheckedField::Deposited,
        event.vested.checked_add(event.refunded) == Some(schedule.deposited),
    );
    checks.expect(CheckedField::Vested, event.vested == schedule.vested(now));
    checks.expect(CheckedField::End, event.end == schedule.clock(now).max(schedule.start));
    let paused_total = schedule.pauses.paused_total;
    checks.expect(CheckedField::PausedTotal, event.paused_total.is_none_or(|total| total == paused_total));
    let replaced = Cancellation { deposited: schedule.deposited, end: schedule.end };
    state.cancellation = state.cancellation.or(Some(replaced));
    state.refunded = state.refunded.saturating_add(event.refunded);
    state.withdrawn = event.withdrawn;
    state.schedule.deposited = event.vested;
    state.schedule.end = event.end;
    state.schedule.pauses =
        PauseClock { paused_at: None, paused_total: event.paused_total.unwrap_or(paused_total) };
    set_status(stream, VestingStatus::Cancelled, context);
    &[EventKind::Cancelled]
}

fn pause(
    stream: &mut VestingStream,
    event: &StreamPaused,
    context: EventContext,
    checks: &mut Checks,
) -> &'static [EventKind] {
    let before = stream.body.state.schedule.pauses;
    checks.expect(CheckedField::Sender, event.sender == stream.sender);
    checks
        .expect(CheckedField::PausedAt, before.paused_at.is_none() && event.paused_at == context.close_time);
    checks.expect(CheckedField::PausedTotal, event.paused_total == before.paused_total);
    stream.body.state.schedule.pauses =
        PauseClock { paused_at: Some(event.paused_at), paused_total: event.paused_total };
    set_status(stream, VestingStatus::Paused, context);
    &[EventKind::Paused]
}

fn resume(
    stream: &mut VestingStream,
    event: &StreamResumed,
    context: EventContext,
    checks: &mut Checks,
) -> &'static [EventKind] {
    let before = stream.body.state.schedule.pauses;
    let lasted = before.paused_at.map(|since| context.close_time.seconds_since(since));
    checks.expect(CheckedField::Sender, event.sender == stream.sender);
    checks.expect(CheckedField::PausedDuration, lasted == Some(event.paused_duration));
    checks.expect(
        CheckedField::PausedTotal,
        Some(event.paused_total) == before.paused_total.checked_add(event.paused_duration),
    );
    stream.body.state.schedule.pauses = PauseClock { paused_at: None, paused_total: event.paused_total };
    set_status(stream, VestingStatus::Active, context);
    &[EventKind::Resumed]
}

fn top_up(stream: &mut VestingStream, event: &StreamToppedUp, checks: &mut Checks) -> &'static [EventKind] {
    let schedule = &mut stream.body.state.schedule;
    checks.expect(CheckedField::Sender, event.sender == stream.sender);
    checks.expect(
        CheckedField::Deposited,
        Some(event.deposited) == schedule.deposited.checked_add(event.amount),
    );
    schedule.deposited = event.deposited;
    schedule.end = event.end;
    &[EventKind::Updated]
}

/// Sets the status. One that the stream has already keeps its instant.
fn set_status(stream: &mut VestingStream, status: VestingStatus, context: EventContext) {
    let status = status.since(context.close_time.instant());
    if status.name() != stream.status.name() {
        stream.status = status;
    }
}

/// What events change, apart from grants.
#[derive(PartialEq, Eq)]
struct Changing {
    recipient: Address,
    schedule: VestingSchedule,
    withdrawn: i128,
    status: Status,
    refunded: i128,
    abi: Abi,
}

impl Changing {
    const fn of(stream: &VestingStream) -> Self {
        let state = &stream.body.state;
        Self {
            recipient: stream.recipient,
            schedule: state.schedule,
            withdrawn: state.withdrawn,
            status: stream.status,
            refunded: state.refunded,
            abi: state.abi,
        }
    }
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
