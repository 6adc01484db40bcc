//! What streams bring to the sums of their parties, so that a sum needs no stream until the next instant at which one of
//! them changes by time.

use std::fmt;
use std::str::FromStr;

use fluxora_stream::{Stream, StreamBody, UnixTime};
use thiserror::Error;

use crate::{Accrual, Asset, Figures, Line, Phase, Piece, Rate, milestones};

/// Amounts and rates of one stream stay below this, so that a sum of 2^26 streams fits. A stream beyond is counted and
/// not added.
const LARGEST: u128 = 1 << 100;
/// Numbers of a [`Sums`].
const NUMBERS: usize = PHASES + 17;
const PHASES: usize = Phase::ALL.len();

/// Sums of the money of streams of one asset, each linear in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Number of streams by phase, in the order of [`Phase::ALL`].
    pub phases: [i128; PHASES],
    /// Number of streams with amounts beyond 2^100: they are in no sum.
    pub outside: i128,
    /// Number of streams whose rate is not whole. Each makes `accrued` too high by less than one unit: the sum is rounded
    /// down once, and the amount of each stream as well.
    pub fractional: i128,
    /// See [`Figures::deposited`].
    pub deposited: i128,
    /// See [`Figures::withdrawn`].
    pub withdrawn: i128,
    /// See [`Figures::refunded`].
    pub refunded: i128,
    /// See [`Figures::accrued`].
    pub accrued: Line,
    /// Of what is owed, what cannot be withdrawn: a pause of a version 9 contract.
    pub blocked: Line,
    /// Accrued less withdrawn, of streams of which more was withdrawn: below 0.
    pub deficit: Line,
}

/// What one stream brings from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contribution {
    /// Its asset.
    pub asset: Asset,
    /// The instant from which it counts.
    pub from: UnixTime,
    /// The first later instant at which time alone makes it another one; `None` if it stays.
    pub changes_at: Option<UnixTime>,
    /// The first later instant from which nothing accrues; `None` if that is so already, or not known.
    pub exhausted_at: Option<UnixTime>,
    /// What it brings.
    pub sums: Sums,
}

impl Contribution {
    /// What a stream brings from `from` on, which must not lie before its last event.
    pub fn of<B: StreamBody>(stream: &Stream<B>, from: UnixTime) -> Self {
        let accrual = Accrual::of(stream);
        let Piece { rate, until } = accrual.piece(from);
        let figures = Figures::of(stream, from);
        let catches_up = accrual.reaches_in_piece(from, figures.withdrawn).filter(|_| figures.overdrawn > 0);
        let first = milestones(stream, from).first().map(|milestone| milestone.at);
        let mut sums = Sums::default();
        let now = Phase::of(stream, from);
        for (count, phase) in sums.phases.iter_mut().zip(Phase::ALL) {
            *count = i128::from(phase == now);
        }
        match Sums::money(&accrual, rate, &figures, from, stream) {
            Some(money) => sums = Sums { phases: sums.phases, ..money },
            None => sums.outside = 1,
        }
        Self {
            asset: Asset::of(stream),
            from,
            changes_at: [until, first, catches_up].into_iter().flatten().min(),
            exhausted_at: accrual.ends_after(from),
            sums,
        }
    }
}

impl Sums {
    fn money<B: StreamBody>(
        accrual: &Accrual,
        rate: Rate,
        figures: &Figures,
        from: UnixTime,
        stream: &Stream<B>,
    ) -> Option<Self> {
        let fits = |amount: i128| amount.unsigned_abs() < LARGEST;
        let accrued = accrual.line(from)?;
        // The rate counts where the amounts do.
        let grows_from = |amount: i128| {
            if !rate.is_zero() {
                let units = accrued.units.checked_add(amount)?.checked_sub(figures.accrued)?;
                Some(Line { units, ..accrued })
            } else {
                Some(Line::constant(amount))
            }
        };
        let is_overdrawn = figures.overdrawn > 0;
        let is_blocked = Figures::holds_withdrawals(stream) && !is_overdrawn;
        let amounts =
            [figures.deposited, figures.withdrawn, figures.refunded, accrued.units, accrued.units_per_second];
        if !amounts.into_iter().all(fits) {
            return None;
        }
        Some(Self {
            fractional: i128::from(accrued.fraction_per_second != 0),
            deposited: figures.deposited,
            withdrawn: figures.withdrawn,
            refunded: figures.refunded,
            accrued,
            blocked: if is_blocked {
                grows_from(figures.owed)?
            } else {
                Line::constant(figures.owed.checked_sub(figures.withdrawable)?)
            },
            deficit: if is_overdrawn {
                grows_from(figures.overdrawn.checked_neg()?)?
            } else {
                Line::default()
            },
            ..Self::default()
        })
    }

    /// Number of streams.
    pub fn streams(&self) -> i128 {
        self.phases.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.merged(other, i128::saturating_add)
    }

    /// What is left without `other`, which is in it.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.merged(other, i128::saturating_sub)
    }

    fn merged(&self, other: &Self, merge: impl Fn(i128, i128) -> i128) -> Self {
        let mut numbers = self.numbers();
        for (number, other) in numbers.iter_mut().zip(other.numbers()) {
            *number = merge(*number, other);
        }
        Self::of_numbers(&numbers)
    }

    /// The figures at an instant, from which on every stream counts and before which none changes by time. `None` beyond
    /// `i128`.
    pub fn at(&self, at: UnixTime) -> Option<Figures> {
        let accrued = self.accrued.at(at)?;
        let overdrawn = self.deficit.at(at)?.checked_neg()?;
        let owed = accrued.checked_sub(self.withdrawn)?.checked_add(overdrawn)?;
        let kept = self.deposited.checked_sub(self.refunded)?;
        Some(Figures {
            deposited: self.deposited,
            accrued,
            withdrawn: self.withdrawn,
            withdrawable: owed.checked_sub(self.blocked.at(at)?)?,
            owed,
            overdrawn,
            unstreamed: kept.checked_sub(accrued)?,
            refunded: self.refunded,
            held: kept.checked_sub(self.withdrawn)?,
        })
    }

    fn numbers(&self) -> [i128; NUMBERS] {
        let single = [self.outside, self.fractional, self.deposited, self.withdrawn, self.refunded];
        let lines = [self.accrued, self.blocked, self.deficit];
        let all = self.phases.into_iter().chain(single).chain(lines.iter().flat_map(Line::numbers));
        let mut numbers = [0; NUMBERS];
        numbers.iter_mut().zip(all).for_each(|(number, value)| *number = value);
        numbers
    }

    fn of_numbers(numbers: &[i128; NUMBERS]) -> Self {
        let mut rest = numbers.iter().copied();
        let mut next = || rest.next().unwrap_or_default();
        let phases = std::array::from_fn(|_| next());
        let [outside, fractional, deposited, withdrawn, refunded] = std::array::from_fn(|_| next());
        let [accrued, blocked, deficit] =
            std::array::from_fn(|_| Line::of_numbers(std::array::from_fn(|_| next())));
        Self { phases, outside, fractional, deposited, withdrawn, refunded, accrued, blocked, deficit }
    }
}

/// A text that is no [`Sums`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the numbers of a sums")]
pub struct UnreadableSums;

/// The stored form: the numbers in order, separated by spaces. A zero is an empty text.
impl fmt::Display for Sums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for number in self.numbers() {
            f.write_str(separator)?;
            if number != 0 {
                write!(f, "{number}")?;
            }
            separator = " ";
        }
        Ok(())
    }
}

impl FromStr for Sums {
    type Err = UnreadableSums;

    fn from_str(text: &str) -> Result<Self, UnreadableSums> {
        let number = |part: &str| if part.is_empty() { Ok(0) } else { part.parse() };
        let numbers: Vec<_> =
            text.split(' ').map(number).collect::<Result<_, _>>().map_err(|_| UnreadableSums)?;
        numbers.try_into().map(|numbers| Self::of_numbers(&numbers)).map_err(|_| UnreadableSums)
    }
}
