use fluxora_stream::{Details, Status, Stream, StreamBody, UnixTime};

use crate::{Accrual, Figures, milestones};

/// Declares the phases with their words in one list.
macro_rules! phases {
    ($count:literal; $($(#[doc = $doc:literal])+ $phase:ident = $word:literal;)+) => {
        /// What a stream is doing at an instant. It stands beside the status, which is the contract's word, and changes
        /// with time alone.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Phase {
            $($(#[doc = $doc])+ $phase,)+
        }

        impl Phase {
            /// Every phase.
            pub const ALL: [Self; $count] = [$(Self::$phase,)+];

            /// The word in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$phase => $word,)+
                }
            }
        }
    };
}

phases! { 8;
    /// The start or the cliff lies ahead: nothing is earned.
    Scheduled = "scheduled";
    /// The deposit flows.
    Streaming = "streaming";
    /// Withdrawals are held and the deposit flows on: a pause of a version 9 contract.
    PausedAccruing = "paused_accruing";
    /// The clock of the schedule stands still: a pause of a vesting contract.
    Paused = "paused";
    /// Nothing more is earned, and something is left in the contract.
    Settled = "settled";
    /// Cancelled, and the recipient has a claim.
    CancelledClaimable = "cancelled_claimable";
    /// Cancelled, and nothing is left.
    Cancelled = "cancelled";
    /// Nothing is left.
    Depleted = "depleted";
}

/// A phase that time alone brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextPhase {
    /// The phase.
    pub phase: Phase,
    /// Its first second.
    pub at: UnixTime,
}

impl Phase {
    /// The phase of a stream at an instant.
    pub fn of<B: StreamBody>(stream: &Stream<B>, at: UnixTime) -> Self {
        let (accrual, figures) = (Accrual::of(stream), Figures::of(stream, at));
        match stream.status {
            Status::Cancelled { .. } if figures.owed > 0 => Self::CancelledClaimable,
            Status::Cancelled { .. } => Self::Cancelled,
            Status::Depleted => Self::Depleted,
            Status::Completed if figures.owed > 0 => Self::Settled,
            Status::Completed => Self::Depleted,
            _ if accrual.has_ended(at) && figures.held > 0 => Self::Settled,
            _ if accrual.has_ended(at) => Self::Depleted,
            _ if !accrual.has_started(at) => Self::Scheduled,
            Status::Paused { .. } if matches!(stream.details(), Details::Vesting(_)) => Self::Paused,
            Status::Paused { .. } => Self::PausedAccruing,
            Status::Scheduled | Status::Active => Self::Streaming,
        }
    }

    /// The next phase of a stream after an instant, if no event comes. `None` if time alone brings none.
    pub fn next<B: StreamBody>(stream: &Stream<B>, at: UnixTime) -> Option<NextPhase> {
        Self::with_next(stream, at).1
    }

    /// The phase of a stream at an instant, and the one that time alone brings after it.
    pub fn with_next<B: StreamBody>(stream: &Stream<B>, at: UnixTime) -> (Self, Option<NextPhase>) {
        let now = Self::of(stream, at);
        let next = milestones(stream, at).into_iter().find_map(|milestone| {
            let phase = Self::of(stream, milestone.at);
            (phase != now).then_some(NextPhase { phase, at: milestone.at })
        });
        (now, next)
    }

    /// Whether time alone can change the stream.
    pub const fn is_warm(self) -> bool {
        matches!(self, Self::Scheduled | Self::Streaming | Self::PausedAccruing)
    }
}
