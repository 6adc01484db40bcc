use super::share::{seconds_before, share};
use super::{CliffMode, Curve, PauseClock};
use crate::UnixTime;

/// Quarters of a step curve.
pub(super) const QUARTERS: u64 = 4;
/// Resolution of the front-loaded curve: thousandths of the duration and of the deposit.
pub(super) const THOUSAND: u64 = 1000;

/// Thousandths of the duration after which the front-loaded curve has released every thousandth of the deposit: the square
/// of the rest is below one.
const RELEASES_ALL: u64 = 969;

/// The schedule of a vesting stream, with its pauses.
///
/// Any combination of values has a meaning, so the fields are plain: a deposit below zero vests nothing, and an end
/// that is not after the start releases everything as soon as the gate is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VestingSchedule {
    /// Amount locked for the recipient, including what was withdrawn. Top-ups raise it; a cancellation sets it to
    /// what had vested.
    pub deposited: i128,
    /// Start of the release, on the clock of the schedule.
    pub start: UnixTime,
    /// End of the release, on the clock of the schedule.
    pub end: UnixTime,
    /// Nothing vests before the gate opens here; at the gate everything since the start is due. Equal to `start`
    /// without a cliff.
    pub cliff: UnixTime,
    /// The release curve.
    pub curve: Curve,
    /// The clock that the gate uses.
    pub cliff_mode: CliffMode,
    /// The pauses so far.
    pub pauses: PauseClock,
}

impl VestingSchedule {
    /// The clock of the schedule at `now`: time without pauses.
    pub fn clock(&self, now: UnixTime) -> UnixTime {
        self.pauses.clock(now)
    }

    /// The clock that is compared with the cliff.
    pub fn gate(&self, now: UnixTime) -> UnixTime {
        match self.cliff_mode {
            CliffMode::ScheduleClock => self.clock(now),
            CliffMode::WallClock => now,
        }
    }

    /// Whether the cliff is reached.
    pub fn gate_is_open(&self, now: UnixTime) -> bool {
        self.gate(now) >= self.cliff
    }

    /// Seconds between start and end; 0 if the end is not after the start.
    pub fn duration(&self) -> u64 {
        self.end.seconds_since(self.start)
    }

    /// Seconds of the duration that have passed at `now`, without pauses.
    pub fn elapsed(&self, now: UnixTime) -> u64 {
        self.clock(now).min(self.end).seconds_since(self.start)
    }

    /// The total that has vested at `now`, withdrawals included: between 0 and the deposit, never falling with time.
    pub fn vested(&self, now: UnixTime) -> i128 {
        if !self.gate_is_open(now) {
            return 0;
        }
        let (elapsed, duration) = (self.elapsed(now), self.duration());
        let deposited = self.deposited.max(0);
        if elapsed >= duration {
            return deposited;
        }
        let (part, of) = match self.curve {
            Curve::Linear => (elapsed, duration),
            Curve::Step => (quarters(elapsed, duration), QUARTERS),
            Curve::FrontLoaded => (released_thousandths(thousandths(elapsed, duration)), THOUSAND),
        };
        // At most the deposit, which is an `i128`.
        i128::try_from(share(deposited.unsigned_abs(), part, of)).unwrap_or(deposited)
    }

    /// What a cancellation at `now` would pay back to the sender: the deposit without what has vested.
    pub fn refundable(&self, now: UnixTime) -> i128 {
        self.deposited.saturating_sub(self.vested(now))
    }

    /// What the recipient can withdraw at `now` after having withdrawn `withdrawn`. Never below 0, also where more
    /// was withdrawn than has vested.
    pub fn withdrawable(&self, withdrawn: i128, now: UnixTime) -> i128 {
        self.vested(now).saturating_sub(withdrawn).max(0)
    }

    /// What the contract still owes to both parties together. Below 0 if more was paid out than was deposited.
    pub const fn liability(&self, withdrawn: i128) -> i128 {
        self.deposited.saturating_sub(withdrawn)
    }

    /// Amount per second over the whole duration, rounded down. `None` if the duration is 0. A cancelled stream has
    /// no rate: its deposit and its end were cut.
    pub fn average_rate(&self) -> Option<i128> {
        self.deposited.max(0).checked_div(i128::from(self.duration()))
    }

    /// The amount that vests in each second, if it is the same in each: on a linear curve whose deposit its duration
    /// divides.
    pub fn exact_rate(&self) -> Option<i128> {
        let duration = i128::from(self.duration());
        let whole = self.deposited.checked_rem(duration) == Some(0);
        if self.curve == Curve::Linear && whole { self.average_rate() } else { None }
    }

    /// Whether the clock of the schedule has reached its end. The contract has no status for this.
    pub fn has_ended(&self, now: UnixTime) -> bool {
        self.clock(now) >= self.end
    }

    /// The instant at which the schedule ends, moved by the pauses. `None` while a pause that began before the end
    /// lasts, or past [`UnixTime::MAX`].
    pub fn effective_end(&self) -> Option<UnixTime> {
        self.pauses.reaches(self.end)
    }

    /// The first instant at which the whole deposit has vested, moved by the pauses. `None` while a pause that began before
    /// lasts, past [`UnixTime::MAX`], or without a deposit.
    pub fn exhausts(&self) -> Option<UnixTime> {
        if self.deposited <= 0 {
            return None;
        }
        let elapsed = match self.curve {
            Curve::FrontLoaded => seconds_before(RELEASES_ALL, self.duration(), THOUSAND),
            Curve::Linear | Curve::Step => self.duration(),
        };
        let target = self.start.checked_add(elapsed)?;
        Some(self.pauses.reaches(target)?.max(self.gate_opens()?))
    }

    /// The instant at which the gate opens, moved by the pauses where the cliff mode says so. `None` while a pause
    /// that began before the cliff lasts, or past [`UnixTime::MAX`].
    pub fn gate_opens(&self) -> Option<UnixTime> {
        match self.cliff_mode {
            CliffMode::WallClock => Some(self.cliff),
            CliffMode::ScheduleClock => self.pauses.reaches(self.cliff),
        }
    }
}

/// How many quarters of the duration have passed, each rounded up to a whole second: 0 to 3.
fn quarters(elapsed: u64, duration: u64) -> u64 {
    (1..QUARTERS)
        .filter(|quarter| elapsed >= seconds_before(*quarter, duration, QUARTERS))
        .fold(0, |n, _| n.saturating_add(1))
}

/// Thousandths of the duration that have passed: 0 to 999 before the end.
pub(super) fn thousandths(elapsed: u64, duration: u64) -> u64 {
    u64::try_from(share(u128::from(THOUSAND), elapsed, duration)).unwrap_or(THOUSAND)
}

/// Thousandths of the deposit that are released after so many thousandths of the duration, on the front-loaded curve.
fn released_thousandths(passed: u64) -> u64 {
    let passed = passed.min(THOUSAND);
    let squared = passed.saturating_mul(passed).checked_div(THOUSAND).unwrap_or(0);
    passed.saturating_mul(2).saturating_sub(squared)
}
