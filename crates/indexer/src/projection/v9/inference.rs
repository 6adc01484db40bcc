//! Values that contract events leave open, and the events that prove them.
//!
//! `created` does not say whether a stream is linear or a cliff with a slope. `rate_upd` does not say whether the
//! contract kept the accrued amount. Both are inferred and marked until an event or a transfer proves one or the other.

use fluxora_decimal::Amount;
use fluxora_stream::{Checkpoint, Inferred, Kind, Schedule, UnixTime, V9Stream};

/// The kind that these terms allow, and whether it is inferred.
pub(super) fn kind_of(schedule: &Schedule) -> (Kind, bool) {
    if schedule.rate.is_zero() {
        (Kind::CliffOnly, false)
    } else if !covers(schedule, schedule.rate) {
        (Kind::CliffSlope, false)
    } else {
        // Without a cliff the two kinds accrue alike.
        (Kind::Linear, schedule.cliff != schedule.start)
    }
}

/// Whether the deposit covers this rate from start to end, as it does for a linear stream.
pub(super) fn covers(schedule: &Schedule, rate: Amount) -> bool {
    let seconds = i128::from(schedule.end.seconds_since(schedule.start));
    rate.stroops().checked_mul(seconds).is_some_and(|total| total <= schedule.deposit.stroops())
}

/// Records that an action occurred which only a linear stream allows.
pub(super) fn is_linear(stream: &mut V9Stream) {
    settle_kind(stream, Kind::Linear);
}

/// Records that the contract has paid out `amount` in all, so at least that much had accrued at `at`.
///
/// Most withdrawals take everything. A total that equals the accrual of a cliff with a slope, where a linear stream
/// would have paid more, is no proof: the contract can hold back a part (look-back setting, other members of a pool,
/// its own balance). It makes that kind the likelier one until an event proves either.
pub(super) fn accrued_at_least(stream: &mut V9Stream, at: UnixTime, amount: Amount) {
    let Inferred { kind, checkpoint, .. } = stream.body.state.on_chain.inferred;
    if !kind {
        // No checkpoint was kept. Whether an earlier one existed is proven only if the amounts are equal.
        let without = without_checkpoint(stream);
        if checkpoint && stream.body.state.flow.schedule.accrued(at) < amount && amount <= without.accrued(at)
        {
            stream.body.state.on_chain.inferred.checkpoint = without.accrued(at) != amount;
            stream.body.state.flow.schedule = without;
        }
        return;
    }
    let (linear, slope) = (accrued_as(stream, Kind::Linear, at), accrued_as(stream, Kind::CliffSlope, at));
    if slope < amount && amount <= linear {
        settle_kind(stream, Kind::Linear);
    } else if linear < amount && amount <= slope {
        settle_kind(stream, Kind::CliffSlope);
    } else if slope == amount && amount < linear && amount.is_positive() {
        stream.body.state.flow.schedule.kind = Kind::CliffSlope;
    }
}

/// Records that the contract divided the deposit, so exactly `amount` had accrued at `at`.
pub(super) fn accrued_exactly(stream: &mut V9Stream, at: UnixTime, amount: Amount) {
    let Inferred { kind, checkpoint, .. } = stream.body.state.on_chain.inferred;
    if kind {
        let fits = |kind| accrued_as(stream, kind, at) == amount;
        match (fits(Kind::Linear), fits(Kind::CliffSlope)) {
            (true, false) => settle_kind(stream, Kind::Linear),
            (false, true) => settle_kind(stream, Kind::CliffSlope),
            _ => {}
        }
    } else if checkpoint {
        let without = without_checkpoint(stream);
        match (stream.body.state.flow.schedule.accrued(at) == amount, without.accrued(at) == amount) {
            (true, false) => stream.body.state.on_chain.inferred.checkpoint = false,
            (false, true) => {
                stream.body.state.flow.schedule = without;
                stream.body.state.on_chain.inferred.checkpoint = false;
            }
            _ => {}
        }
    }
}

/// What had accrued at a time, as far as the events say.
#[derive(Clone, Copy, Debug)]
pub(super) enum Accrued {
    /// This amount.
    Exactly(i128),
    /// One of two amounts: the kind is inferred.
    Either(i128, i128),
    /// A part of the deposit: whether the last change of the rate kept the accrued amount is inferred.
    PartOf(i128),
}

impl Accrued {
    /// By the stream's kind.
    pub(super) fn of(stream: &V9Stream, at: UnixTime) -> Self {
        let Inferred { kind, checkpoint, .. } = stream.body.state.on_chain.inferred;
        if kind && !checkpoint {
            let of = |kind| accrued_as(stream, kind, at).stroops();
            Self::Either(of(Kind::Linear), of(Kind::CliffSlope))
        } else {
            Self::as_kind(stream, stream.body.state.flow.schedule.kind, at)
        }
    }

    /// Where an event proves that the stream is linear.
    pub(super) fn linear(stream: &V9Stream, at: UnixTime) -> Self {
        Self::as_kind(stream, Kind::Linear, at)
    }

    fn as_kind(stream: &V9Stream, kind: Kind, at: UnixTime) -> Self {
        if stream.body.state.on_chain.inferred.checkpoint {
            Self::PartOf(stream.body.state.flow.schedule.deposit.stroops())
        } else {
            Self::Exactly(accrued_as(stream, kind, at).stroops())
        }
    }

    /// Whether this amount can have accrued.
    pub(super) fn admits(self, amount: i128) -> bool {
        match self {
            Self::Exactly(accrued) => amount == accrued,
            Self::Either(one, other) => amount == one || amount == other,
            Self::PartOf(deposit) => (0..=deposit).contains(&amount),
        }
    }

    /// The most that can have accrued.
    pub(super) fn most(self) -> i128 {
        match self {
            Self::Exactly(accrued) => accrued,
            Self::Either(one, other) => one.max(other),
            Self::PartOf(deposit) => deposit,
        }
    }

    /// The least that has accrued.
    pub(super) fn least(self) -> i128 {
        match self {
            Self::Exactly(accrued) => accrued,
            Self::Either(one, other) => one.min(other),
            Self::PartOf(_) => 0,
        }
    }
}

fn accrued_as(stream: &V9Stream, kind: Kind, at: UnixTime) -> Amount {
    Schedule { kind, ..stream.body.state.flow.schedule }.accrued(at)
}

fn settle_kind(stream: &mut V9Stream, kind: Kind) {
    stream.body.state.flow.schedule.kind = kind;
    stream.body.state.on_chain.inferred.kind = false;
}

/// The schedule if no change of the rate had kept the accrued amount.
fn without_checkpoint(stream: &V9Stream) -> Schedule {
    let checkpoint =
        Checkpoint { amount: Amount::from_stroops(0), at: stream.body.state.flow.schedule.start };
    Schedule { checkpoint, ..stream.body.state.flow.schedule }
}
