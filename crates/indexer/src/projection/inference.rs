//! What the contract's events leave open, and what settles it.
//!
//! `created` does not tell whether a stream is linear or a cliff with a slope, and `rate_upd` not whether the contract kept what had
//! accrued. Both are inferred, and marked so, until an event or the money itself proves one or the other.

use fluxora_decimal::Amount;
use fluxora_stream::{ChainStream, Checkpoint, Inferred, Kind, Schedule, UnixTime};

/// The kind that these terms allow, and whether that was inferred.
pub(super) fn kind_of(schedule: &Schedule) -> (Kind, bool) {
    if schedule.rate.is_zero() {
        (Kind::CliffOnly, false)
    } else if !covers(schedule, schedule.rate) {
        (Kind::CliffSlope, false)
    } else {
        // Without a cliff the two flow alike.
        (Kind::Linear, schedule.cliff != schedule.start)
    }
}

/// Whether the deposit lasts for this rate from the start to the end; a linear stream's does.
pub(super) fn covers(schedule: &Schedule, rate: Amount) -> bool {
    let seconds = i128::from(schedule.end.seconds_since(schedule.start));
    rate.stroops().checked_mul(seconds).is_some_and(|total| total <= schedule.deposit.stroops())
}

/// What happened can happen to a linear stream alone.
pub(super) fn is_linear(stream: &mut ChainStream) {
    settle_kind(stream, Kind::Linear);
}

/// The contract has paid out as much in all, so that no less had accrued at `at`.
///
/// Most withdrawals take all there is. One that makes it up to exactly what a cliff with a slope would have accrued, where a linear stream
/// would have paid more, is no proof, since the contract can hold back a part (a lookback, a pool's other members, its own balance); but it
/// makes that kind the likelier one, until something proves it or the other.
pub(super) fn accrued_at_least(stream: &mut ChainStream, at: UnixTime, amount: Amount) {
    let Inferred { kind, checkpoint, .. } = stream.v9().inferred;
    if !kind {
        // It was not kept then. That there was none before either is settled only if it comes out even.
        let without = without_checkpoint(stream);
        if checkpoint && stream.schedule.accrued(at) < amount && amount <= without.accrued(at) {
            stream.v9_mut().inferred.checkpoint = without.accrued(at) != amount;
            stream.schedule = without;
        }
        return;
    }
    let (linear, slope) = (accrued_as(stream, Kind::Linear, at), accrued_as(stream, Kind::CliffSlope, at));
    if slope < amount && amount <= linear {
        settle_kind(stream, Kind::Linear);
    } else if linear < amount && amount <= slope {
        settle_kind(stream, Kind::CliffSlope);
    } else if slope == amount && amount < linear && amount.is_positive() {
        stream.schedule.kind = Kind::CliffSlope;
    }
}

/// The contract has divided the deposit, so that this is what had accrued at `at`.
pub(super) fn accrued_exactly(stream: &mut ChainStream, at: UnixTime, amount: Amount) {
    let Inferred { kind, checkpoint, .. } = stream.v9().inferred;
    if kind {
        let fits = |kind| accrued_as(stream, kind, at) == amount;
        match (fits(Kind::Linear), fits(Kind::CliffSlope)) {
            (true, false) => settle_kind(stream, Kind::Linear),
            (false, true) => settle_kind(stream, Kind::CliffSlope),
            _ => {}
        }
    } else if checkpoint {
        let without = without_checkpoint(stream);
        match (stream.schedule.accrued(at) == amount, without.accrued(at) == amount) {
            (true, false) => stream.v9_mut().inferred.checkpoint = false,
            (false, true) => {
                stream.schedule = without;
                stream.v9_mut().inferred.checkpoint = false;
            }
            _ => {}
        }
    }
}

fn accrued_as(stream: &ChainStream, kind: Kind, at: UnixTime) -> Amount {
    Schedule { kind, ..stream.schedule }.accrued(at)
}

fn settle_kind(stream: &mut ChainStream, kind: Kind) {
    stream.schedule.kind = kind;
    stream.v9_mut().inferred.kind = false;
}

/// As if no change of the rate had kept what had accrued.
fn without_checkpoint(stream: &ChainStream) -> Schedule {
    let checkpoint = Checkpoint { amount: Amount::from_stroops(0), at: stream.schedule.start };
    Schedule { checkpoint, ..stream.schedule }
}
