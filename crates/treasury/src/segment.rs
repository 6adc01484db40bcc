//! The history of a stream as spans in which its accrued amount grows by one rate.

use fluxora_decimal::Amount;
use fluxora_stream::vesting::{CliffMode, Curve, PauseClock, VestingSchedule};
use fluxora_stream::{
    Changes, Checkpoint, EventKind, Kind, Origin, Schedule, StatusName, StreamEvent, UnixTime,
};

use crate::{Accrual, Rate};

/// A span in which the accrued amount grows by one rate.
///
/// The accrued amount at the end of a segment is the sum of `released` and of `closing - opening` of all segments up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first second.
    pub from: UnixTime,
    /// The first second after it; `None` if it lasts until an event comes.
    pub to: Option<UnixTime>,
    /// What accrues each second.
    pub rate: Rate,
    /// What the beginning of the segment brings at once: a cliff, a step of a curve, or terms that count for the time
    /// before as well. Below 0 if they take something back.
    pub released: i128,
    /// The accrued amount at the first second.
    pub opening: i128,
    /// The accrued amount at the end; equal to `opening` where nothing accrues.
    pub closing: i128,
    /// The position in the events of the event whose terms apply.
    pub event: usize,
}

/// What the events of a stream have reported of its accrual.
#[derive(Clone, Copy, Debug, Default)]
struct Reported {
    is_removed: bool,
    deposit: i128,
    rate: Option<i128>,
    start: UnixTime,
    cliff: UnixTime,
    end: UnixTime,
    kind: Option<Kind>,
    checkpoint_amount: Option<i128>,
    checkpoint_at: Option<UnixTime>,
    status: Option<StatusName>,
    status_since: Option<UnixTime>,
    curve: Curve,
    cliff_mode: CliffMode,
    pauses: PauseClock,
}

impl Reported {
    fn apply(&mut self, event: &StreamEvent) {
        self.is_removed = event.kind == EventKind::Removed;
        let changes: &Changes = &event.data.changes;
        let set = |field: &mut UnixTime, value: Option<UnixTime>| *field = value.unwrap_or(*field);
        set(&mut self.start, changes.start_time);
        set(&mut self.cliff, changes.cliff_time);
        set(&mut self.end, changes.end_time);
        let deposit = changes.deposit_amount.map(Amount::stroops).or(changes.deposited.map(|units| units.0));
        self.deposit = deposit.unwrap_or(self.deposit);
        self.rate = changes.rate_per_second.map(Amount::stroops).or(self.rate);
        self.kind = changes.kind.or(self.kind);
        self.checkpoint_amount = changes.checkpointed_amount.map(Amount::stroops).or(self.checkpoint_amount);
        self.checkpoint_at = changes.checkpointed_at.or(self.checkpoint_at);
        self.status = changes.status.or(self.status);
        self.status_since = changes.status_since.unwrap_or(self.status_since);
        // The event of an API stream does not say when: it is when it occurred.
        if event.kind == EventKind::Cancelled && changes.status_since.is_none() {
            self.status_since = Some(UnixTime::of(event.occurred_at));
        }
        self.curve = changes.curve.unwrap_or(self.curve);
        self.cliff_mode = changes.cliff_mode.unwrap_or(self.cliff_mode);
        self.pauses.paused_at = changes.paused_at.unwrap_or(self.pauses.paused_at);
        self.pauses.paused_total = changes.paused_total.unwrap_or(self.pauses.paused_total);
    }

    /// `None` for a stream that does not exist.
    fn accrual(&self, origin: Origin) -> Option<Accrual> {
        if self.is_removed {
            return None;
        }
        let Some(rate) = self.rate else {
            return Some(Accrual::Vesting(VestingSchedule {
                deposited: self.deposit,
                start: self.start,
                end: self.end,
                cliff: self.cliff,
                curve: self.curve,
                cliff_mode: self.cliff_mode,
                pauses: self.pauses,
            }));
        };
        let amount = Amount::from_stroops;
        let linear = Schedule::linear(amount(self.deposit), amount(rate), self.start, self.cliff, self.end);
        let schedule = Schedule {
            kind: self.kind.unwrap_or(linear.kind),
            checkpoint: Checkpoint {
                amount: self.checkpoint_amount.map_or(linear.checkpoint.amount, amount),
                at: self.checkpoint_at.unwrap_or(linear.checkpoint.at),
            },
            ..linear
        };
        Some(match (self.status, self.status_since, origin) {
            (Some(StatusName::Cancelled), Some(at), _) => Accrual::Fixed(schedule.accrued(at).stroops()),
            (Some(StatusName::Completed), _, Origin::Chain) => Accrual::Fixed(self.deposit),
            (Some(StatusName::Completed), _, Origin::Api) => {
                Accrual::Fixed(schedule.accrued(UnixTime::MAX).stroops())
            }
            _ => Accrual::Flow(schedule),
        })
    }
}

/// The segments that the events of one stream make, in order, from its creation on. The last event's terms are taken to
/// stay: what lies ahead of the reader is planned.
///
/// A correction counts from its own instant on, since it says what was shown until then: its first segment releases the
/// difference. Segments of no length are left out.
pub fn segments(events: &[StreamEvent]) -> Vec<Segment> {
    let mut reported = Reported::default();
    let mut segments = Segments::default();
    let mut current: Option<(Accrual, usize, UnixTime)> = None;
    for (position, event) in events.iter().enumerate() {
        reported.apply(event);
        let next = reported.accrual(event.stream.origin());
        if current.map(|(accrual, _, _)| accrual) == next {
            continue;
        }
        // A correction is recorded by the clock of the server, which may be ahead of the ledger of the next event.
        let at = UnixTime::of(event.occurred_at).max(current.map_or(UnixTime::EPOCH, |(_, _, from)| from));
        match current {
            Some((accrual, event, from)) => segments.add(&accrual, event, from, Some(at)),
            None => segments.gap(position, at),
        }
        current = next.map(|accrual| (accrual, position, at));
        segments.until = Some(at);
    }
    match current {
        Some((accrual, event, from)) => segments.add(&accrual, event, from, None),
        None => segments.gap(events.len().saturating_sub(1), UnixTime::MAX),
    }
    segments.found
}

#[derive(Default)]
struct Segments {
    found: Vec<Segment>,
    accrued: i128,
    until: Option<UnixTime>,
}

impl Segments {
    /// Adds the pieces of an accrual between two instants.
    fn add(&mut self, accrual: &Accrual, event: usize, mut from: UnixTime, end: Option<UnixTime>) {
        while end.is_none_or(|end| from < end) {
            let piece = accrual.piece(from);
            let to = [piece.until, end].into_iter().flatten().min();
            let opening = accrual.at(from);
            let closing =
                if piece.rate.is_zero() { opening } else { to.map_or(opening, |to| accrual.at(to)) };
            let released = opening.saturating_sub(self.accrued);
            self.accrued = closing;
            let continues = |last: &&mut Segment| {
                released == 0 && last.rate == piece.rate && last.event == event && last.to == Some(from)
            };
            match self.found.last_mut().filter(continues) {
                Some(last) => (last.to, last.closing) = (to, closing),
                None => {
                    self.found.push(Segment {
                        from,
                        to,
                        rate: piece.rate,
                        released,
                        opening,
                        closing,
                        event,
                    });
                }
            }
            match to {
                Some(to) if to > from => from = to,
                _ => break,
            }
        }
    }

    /// Adds a span in which the stream did not exist, after it was removed.
    fn gap(&mut self, event: usize, to: UnixTime) {
        let Some(from) = self.until.filter(|from| *from < to && self.accrued != 0) else { return };
        let released = self.accrued.saturating_neg();
        self.accrued = 0;
        let to = Some(to).filter(|to| *to < UnixTime::MAX);
        let event = event.saturating_sub(1);
        self.found.push(Segment { from, to, rate: Rate::ZERO, released, opening: 0, closing: 0, event });
    }
}
