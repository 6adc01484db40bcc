use fluxora_stream::{Details, Stream, StreamBody, UnixTime};

use crate::{Accrual, Figures};

/// An instant at which time alone changes a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milestone {
    /// Its second.
    pub at: UnixTime,
    /// What happens.
    pub kind: MilestoneKind,
    /// The amount concerned, see [`MilestoneKind`].
    pub amount: i128,
}

/// What happens at a [`Milestone`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MilestoneKind {
    /// The start. The amount is what has not accrued.
    Starts,
    /// The cliff, if it lies after the start. The amount is what it releases at once.
    Cliff,
    /// Nothing more accrues. The amount is what has accrued in all.
    Exhausted,
    /// The end. The amount is what is not accrued then, and never will be.
    Ends,
}

impl MilestoneKind {
    /// Every kind, in the order of a stream's life.
    pub const ALL: [Self; 4] = [Self::Starts, Self::Cliff, Self::Exhausted, Self::Ends];

    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starts => "starts",
            Self::Cliff => "cliff",
            Self::Exhausted => "exhausted",
            Self::Ends => "ends",
        }
    }
}

/// What time alone changes of a stream after `after`, in order. An instant that a lasting pause hides is left out.
pub fn milestones<B: StreamBody>(stream: &Stream<B>, after: UnixTime) -> Vec<Milestone> {
    let accrual = Accrual::of(stream);
    if stream.status_at(after).is_terminal() && accrual.has_ended(after) {
        return Vec::new();
    }
    let (start, cliff, end) = match stream.details() {
        Details::Vesting(state) => {
            let schedule = &state.schedule;
            (schedule.pauses.reaches(schedule.start), schedule.gate_opens(), schedule.effective_end())
        }
        Details::Api(_) | Details::V9(_) => {
            let times = stream.times();
            (Some(times.start), Some(times.cliff), Some(times.end))
        }
    };
    let unearned = |at| {
        let figures = Figures::of(stream, at);
        figures.deposited.saturating_sub(figures.accrued)
    };
    let released = |at: UnixTime| {
        let before = UnixTime::from_seconds(at.seconds().saturating_sub(1));
        accrual.at(at).saturating_sub(accrual.at(before))
    };
    let mut found: Vec<_> = [
        start.map(|at| Milestone { at, kind: MilestoneKind::Starts, amount: unearned(at) }),
        cliff.filter(|cliff| start.is_none_or(|start| *cliff > start)).map(|at| Milestone {
            at,
            kind: MilestoneKind::Cliff,
            amount: released(at),
        }),
        accrual.ends_after(after).map(|at| Milestone {
            at,
            kind: MilestoneKind::Exhausted,
            amount: accrual.at(at),
        }),
        end.map(|at| Milestone { at, kind: MilestoneKind::Ends, amount: unearned(at) }),
    ]
    .into_iter()
    .flatten()
    .filter(|milestone| milestone.at > after)
    .collect();
    found.sort_unstable();
    found
}
