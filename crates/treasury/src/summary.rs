//! The money of a party in one asset.

use std::collections::BTreeMap;

use fluxora_stream::{Stream, StreamId, UnixTime};
use thiserror::Error;

use crate::{Asset, Contribution, Figures, Milestone, Phase, Rate, Sums, milestones};

/// Milestones of a summary.
const NEXT: usize = 10;
/// Streams whose changes are read for a summary.
const UPCOMING: usize = 100;
const DAY: u64 = 86_400;

/// A sum that `i128` does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a sum is beyond 128 bits at this instant")]
pub struct SumOutOfRange;

/// What a summary of one asset is made of.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The sums of all streams. Each counts from the instant of the summary or before, and none changes by time in
    /// between.
    pub sums: Sums,
    /// The streams that time changes next.
    pub upcoming: Upcoming,
    /// Where accrual ends next: the instant, and one of the streams that end there.
    pub first_exhausted: Option<(UnixTime, StreamId)>,
    /// Where accrual ends last.
    pub last_exhausted: Option<UnixTime>,
}

/// The streams that time changes next, in the order of the change.
#[derive(Clone, Debug, Default)]
pub struct Upcoming {
    /// The streams.
    pub streams: Vec<Stream>,
    /// The instant up to which no other stream changes; `None` if no other one does.
    pub complete_until: Option<UnixTime>,
}

/// The money of a party in one asset at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetSummary {
    /// Number of streams by phase, in the order of [`Phase::ALL`].
    pub phases: [i128; Phase::ALL.len()],
    /// Number of streams that are in no sum, since their amounts are too large.
    pub outside: i128,
    /// Number of streams of which each makes `accrued` too high by less than one unit.
    pub fractional: i128,
    /// The sums.
    pub figures: Figures,
    /// What flows.
    pub outflow: Outflow,
    /// Until when it flows; `None` if nothing accrues, or no end is known.
    pub escrow: Option<Escrow>,
    /// The next milestones, at most ten.
    pub next: Vec<(StreamId, Milestone)>,
    /// The first instant at which time changes the course of a sum; `None` if there is none.
    pub linear_until: Option<UnixTime>,
}

/// What flows each second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outflow {
    /// Of all streams that accrue, in a pause or not.
    pub rate: Rate,
    /// Of those that accrue while withdrawals are held.
    pub paused: Rate,
    /// Of those that begin to accrue within 24 hours; `None` if more streams change until then than are read.
    pub starting: Option<Rate>,
}

/// Until when deposits last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escrow {
    /// Where accrual ends first.
    pub first: UnixTime,
    /// The stream that it ends for.
    pub stream: StreamId,
    /// Where accrual ends last.
    pub last: UnixTime,
}

impl Facts {
    /// The facts of these streams by asset.
    pub fn of<'s>(streams: impl IntoIterator<Item = &'s Stream>, at: UnixTime) -> BTreeMap<Asset, Self> {
        let mut changing = BTreeMap::<Asset, Vec<(UnixTime, StreamId, &Stream)>>::new();
        let mut facts = BTreeMap::<Asset, Self>::new();
        for stream in streams {
            let Contribution { asset, changes_at, exhausted_at, sums, from: _ } =
                Contribution::of(stream, at);
            let id = stream.id();
            let facts = facts.entry(asset).or_default();
            facts.add(&sums, exhausted_at.map(|at| (at, id)));
            changing.entry(asset).or_default().extend(changes_at.map(|at| (at, id, stream)));
        }
        for (asset, mut changing) in changing {
            changing.sort_unstable_by_key(|(at, id, _)| (*at, *id));
            let complete_until = changing.get(UPCOMING).map(|(at, _, _)| *at);
            let streams = changing.into_iter().take(UPCOMING).map(|(_, _, stream)| stream.clone()).collect();
            facts.entry(asset).or_default().upcoming = Upcoming { streams, complete_until };
        }
        facts
    }

    /// Adds a stream: what it brings, and where its accrual ends.
    pub fn add(&mut self, sums: &Sums, exhausted: Option<(UnixTime, StreamId)>) {
        self.sums = self.sums.plus(sums);
        self.note_exhausted(exhausted);
    }

    /// Notes where the accrual of a stream ends.
    pub fn note_exhausted(&mut self, exhausted: Option<(UnixTime, StreamId)>) {
        if let Some((at, id)) = exhausted {
            self.first_exhausted = Some(self.first_exhausted.map_or((at, id), |first| first.min((at, id))));
            self.last_exhausted = self.last_exhausted.max(Some(at));
        }
    }
}

/// Summarizes one asset at an instant.
///
/// # Errors
/// [`SumOutOfRange`] if a sum is beyond 128 bits: far in the future, or of amounts that no token has.
pub fn summarize(facts: &Facts, at: UnixTime) -> Result<AssetSummary, SumOutOfRange> {
    let Facts { sums, upcoming, first_exhausted, last_exhausted } = facts;
    let contributions = upcoming.streams.iter().map(|stream| Contribution::of(stream, at).changes_at);
    Ok(AssetSummary {
        phases: sums.phases,
        outside: sums.outside,
        fractional: sums.fractional,
        figures: sums.at(at).ok_or(SumOutOfRange)?,
        outflow: Outflow {
            rate: sums.accrued.rate().ok_or(SumOutOfRange)?,
            paused: sums.blocked.rate().ok_or(SumOutOfRange)?,
            starting: upcoming.starting(at),
        },
        escrow: first_exhausted.zip(*last_exhausted).map(|((first, stream), last)| Escrow {
            first,
            stream,
            last,
        }),
        next: upcoming.next(at),
        linear_until: contributions.flatten().min(),
    })
}

impl Upcoming {
    fn covers(&self, at: UnixTime) -> bool {
        self.complete_until.is_none_or(|until| at < until)
    }

    fn next(&self, now: UnixTime) -> Vec<(StreamId, Milestone)> {
        let all = self.streams.iter().flat_map(|stream| {
            let id = stream.id();
            milestones(stream, now).into_iter().map(move |milestone| (milestone.at, id, milestone))
        });
        let mut next: Vec<_> = all.filter(|(at, _, _)| self.covers(*at)).collect();
        next.sort_unstable();
        next.into_iter().take(NEXT).map(|(_, id, milestone)| (id, milestone)).collect()
    }

    /// What begins to flow within a day after `now`.
    fn starting(&self, now: UnixTime) -> Option<Rate> {
        let until = now.saturating_add(DAY);
        if !self.covers(until) {
            return None;
        }
        let scheduled = self.streams.iter().filter(|stream| Phase::of(stream, now) == Phase::Scheduled);
        let begins = scheduled.filter_map(|stream| {
            let next = Phase::next(stream, now).filter(|next| next.at <= until)?;
            Some(crate::Accrual::of(stream).piece(next.at).rate)
        });
        begins.into_iter().try_fold(Rate::ZERO, Rate::checked_add)
    }
}
