//! What a stream accrues, as a function of time.

use fluxora_stream::vesting::{Curve, VestingSchedule};
use fluxora_stream::{Details, Kind, Schedule, Status, Stream, StreamBody, UnixTime};

use crate::{Line, Rate};

/// What a stream accrues, in the smallest unit of its asset, as far as its events are known. It never falls with time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accrual {
    /// The same at every instant: the stream has ended.
    Fixed(i128),
    /// By a rate per second.
    Flow(Schedule),
    /// Along a release curve.
    Vesting(VestingSchedule),
}

/// A span in which the accrued amount grows by one rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The rate. Amounts are whole units, so that one of a rate that is not whole is rounded down at each instant.
    pub rate: Rate,
    /// The first instant that belongs to the next piece; `None` if this one lasts for ever.
    pub until: Option<UnixTime>,
}

impl Accrual {
    /// Of a stream with its status.
    pub fn of<B: StreamBody>(stream: &Stream<B>) -> Self {
        match (stream.details(), stream.status) {
            (Details::Vesting(state), _) => Self::Vesting(state.schedule),
            (Details::Api(flow), status) => Self::of_flow(flow.schedule, status, flow.schedule.end),
            (Details::V9(state), Status::Completed) => Self::Fixed(state.flow.schedule.deposit.stroops()),
            (Details::V9(state), status) => Self::of_flow(state.flow.schedule, status, UnixTime::MAX),
        }
    }

    /// `completed_at` is the second for which the amount of a completed stream counts.
    fn of_flow(schedule: Schedule, status: Status, completed_at: UnixTime) -> Self {
        match status {
            Status::Cancelled { at } => Self::Fixed(schedule.accrued(UnixTime::of(at)).stroops()),
            Status::Completed => Self::Fixed(schedule.accrued(completed_at).stroops()),
            _ => Self::Flow(schedule),
        }
    }

    /// The accrued amount at an instant.
    pub fn at(&self, at: UnixTime) -> i128 {
        match self {
            Self::Fixed(amount) => *amount,
            Self::Flow(schedule) => schedule.accrued(at).stroops(),
            Self::Vesting(schedule) => schedule.vested(at),
        }
    }

    /// The piece that an instant lies in.
    pub fn piece(&self, at: UnixTime) -> Piece {
        match self {
            Self::Fixed(_) => Piece { rate: Rate::ZERO, until: None },
            Self::Flow(schedule) => flow_piece(schedule, at),
            Self::Vesting(schedule) => {
                let grows = schedule.curve == Curve::Linear
                    && schedule.pauses.paused_at.is_none()
                    && has_started(schedule, at)
                    && !schedule.has_ended(at);
                let rate = Rate::spread(schedule.deposited.max(0), schedule.duration());
                Piece {
                    rate: if grows { rate } else { Rate::ZERO },
                    until: schedule.linear_until(at).filter(|until| *until > at),
                }
            }
        }
    }

    /// The piece that an instant lies in, as a line. `None` beyond `i128`.
    pub fn line(&self, at: UnixTime) -> Option<Line> {
        let rate = self.piece(at).rate;
        match self {
            // A rate that is not whole counts from the start of the schedule, where nothing has been rounded.
            Self::Vesting(schedule) if !rate.is_zero() => {
                Line::from(0, schedule.start.checked_add(schedule.pauses.paused_total)?, rate)
            }
            _ => Line::from(self.at(at), at, rate),
        }
    }

    /// Whether the start and the cliff have come.
    pub fn has_started(&self, at: UnixTime) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Flow(schedule) => at >= schedule.start.max(schedule.cliff),
            Self::Vesting(schedule) => has_started(schedule, at),
        }
    }

    /// Whether nothing accrues from `at` on: the deposit is used up, or the end has come.
    pub fn has_ended(&self, at: UnixTime) -> bool {
        match self {
            Self::Fixed(_) => true,
            Self::Flow(schedule) => {
                at >= schedule.end.max(schedule.cliff) || self.at(at) >= schedule.deposit.stroops()
            }
            Self::Vesting(schedule) => {
                (schedule.gate_is_open(at) && schedule.elapsed(at) >= schedule.duration())
                    || schedule.deposited > 0 && self.at(at) >= schedule.deposited
            }
        }
    }

    /// The first instant after `now` at which as much as `amount` has accrued. `None` if that is so at `now`, or if it is
    /// not before the piece that `now` lies in ends.
    pub(crate) fn reaches_in_piece(&self, now: UnixTime, amount: i128) -> Option<UnixTime> {
        let Piece { rate, until } = self.piece(now);
        let until = until.filter(|_| !rate.is_zero())?;
        if self.at(now) >= amount
            || self.at(UnixTime::from_seconds(until.seconds().saturating_sub(1))) < amount
        {
            return None;
        }
        Some(first(now, until, |at| self.at(at) >= amount))
    }

    /// The first instant after `now` from which nothing accrues any more. `None` if that is so at `now`, or if it is not
    /// known: the clock of the schedule stands still.
    pub fn ends_after(&self, now: UnixTime) -> Option<UnixTime> {
        if self.has_ended(now) {
            return None;
        }
        let end = match self {
            Self::Fixed(_) => return None,
            Self::Flow(schedule) => {
                let full = full_at(schedule).map_or(schedule.end, |full| full.min(schedule.end));
                full.max(schedule.cliff)
            }
            Self::Vesting(schedule) => {
                let gate = schedule.gate_opens()?;
                // Without a duration everything is released as soon as the gate is open.
                let end = if schedule.duration() == 0 { gate } else { schedule.effective_end()?.max(gate) };
                // The last thousandths of a front-loaded curve release nothing.
                if schedule.curve == Curve::FrontLoaded {
                    first(now, end, |at| self.has_ended(at))
                } else {
                    end
                }
            }
        };
        (end > now).then_some(end)
    }
}

/// The first instant after `now`, and not after `end`, for which a condition holds that holds at `end` and, once it does,
/// from there on.
fn first(now: UnixTime, end: UnixTime, holds: impl Fn(UnixTime) -> bool) -> UnixTime {
    let (mut before, mut reached) = (now.seconds(), end.seconds());
    while let Some(step) = reached.checked_sub(before).map(|span| span / 2).filter(|step| *step > 0) {
        let middle = before.saturating_add(step);
        if holds(UnixTime::from_seconds(middle)) {
            reached = middle;
        } else {
            before = middle;
        }
    }
    UnixTime::from_seconds(reached)
}

fn has_started(schedule: &VestingSchedule, at: UnixTime) -> bool {
    schedule.gate_is_open(at) && schedule.clock(at) >= schedule.start
}

/// Where a flow counts from: an amount and an instant. `None` for a shape that does not grow after the cliff.
fn counts_from(schedule: &Schedule) -> Option<(i128, UnixTime)> {
    match schedule.kind {
        Kind::CliffOnly => None,
        Kind::CliffSlope => Some((0, schedule.cliff)),
        Kind::Linear => Some((schedule.checkpoint.amount.stroops(), schedule.checkpoint.at)),
    }
    .filter(|_| schedule.rate.stroops() > 0)
}

/// The first second at which a flow would have reached `amount`, without its cliff and its end: the epoch if it counts
/// from as much. `None` past [`UnixTime::MAX`].
fn reaches(schedule: &Schedule, amount: i128) -> Option<UnixTime> {
    let (base, since) = counts_from(schedule)?;
    if base >= amount {
        return Some(UnixTime::EPOCH);
    }
    let seconds = amount.abs_diff(base).div_ceil(schedule.rate.stroops().unsigned_abs());
    since.checked_add(u64::try_from(seconds).ok()?)
}

/// The first second at which a flow has used up its deposit.
fn full_at(schedule: &Schedule) -> Option<UnixTime> {
    match schedule.kind {
        Kind::CliffOnly => Some(schedule.cliff),
        Kind::CliffSlope | Kind::Linear => reaches(schedule, schedule.deposit.stroops()),
    }
}

fn flow_piece(schedule: &Schedule, at: UnixTime) -> Piece {
    let constant = |until| Piece { rate: Rate::ZERO, until };
    if schedule.deposit.stroops() <= 0 {
        return constant(None);
    }
    if at < schedule.cliff {
        return constant(Some(schedule.cliff));
    }
    let Some((_, since)) = counts_from(schedule) else { return constant(None) };
    if at >= schedule.end || since >= schedule.end {
        return constant(None);
    }
    // A checkpoint below zero counts as zero until the flow has made up for it.
    let grows = reaches(schedule, 0).map_or(schedule.end, |grows| grows.max(since)).min(schedule.end);
    if at < grows {
        return constant(Some(grows));
    }
    let full = full_at(schedule).map_or(schedule.end, |full| full.min(schedule.end));
    if at >= full {
        return constant(None);
    }
    Piece { rate: Rate::whole(schedule.rate.stroops()), until: Some(full) }
}
