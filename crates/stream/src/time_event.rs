//! Events that time alone brings about.

use crate::vesting::VestingState;
use crate::{Details, EventKind, Kind, Schedule, Status, Stream, StreamBody, StreamId, UnixTime, V9State};

/// An instant at which the flow of a stream takes another course, although nothing is done with the stream.
///
/// They are in the order of time, and at one instant in the order of [`TimeEventKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeEvent {
    /// The instant.
    pub at: UnixTime,
    /// What happens then.
    pub kind: TimeEventKind,
}

/// What time brings about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeEventKind {
    /// The flow begins.
    Started,
    /// The cliff is reached: what has accrued since the start can be withdrawn.
    CliffReached,
    /// The whole deposit has accrued.
    Exhausted,
    /// The schedule ends.
    Ended,
}

impl TimeEvent {
    /// The id of its event: it follows from the stream, the kind and the instant.
    pub fn id_of(self, stream: StreamId) -> String {
        stream.event_id(format_args!("{}{:x}", self.kind.letter(), self.at.seconds()))
    }
}

impl TimeEventKind {
    /// Every kind, in the order of a schedule.
    pub const ALL: [Self; 4] = [Self::Started, Self::CliffReached, Self::Exhausted, Self::Ended];

    /// The type of the stream event.
    pub const fn event(self) -> EventKind {
        match self {
            Self::Started => EventKind::Started,
            Self::CliffReached => EventKind::CliffReached,
            Self::Exhausted => EventKind::Exhausted,
            Self::Ended => EventKind::Ended,
        }
    }

    /// The kind with this type; `None` for the type of another event.
    pub fn of(event: EventKind) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.event() == event)
    }

    /// The letter in ids of events.
    const fn letter(self) -> char {
        match self {
            Self::Started => 's',
            Self::CliffReached => 'c',
            Self::Exhausted => 'x',
            Self::Ended => 'e',
        }
    }
}

impl<B: StreamBody> Stream<B> {
    /// The instants after the creation at which time changes the flow by the present terms, in order. Those of an API stream
    /// are without its start, which is a transition of its status ([`catch_up`](Stream::catch_up)).
    ///
    /// A pause of a vesting stream that lasts hides what it moves. A stream that was completed or depleted has those until
    /// its last change; one that was cancelled has those before the cancellation. After a change the instants before it may be others than they were.
    pub fn time_events(&self) -> Vec<TimeEvent> {
        let until = match self.status {
            // What falls on the second of the cancellation comes before it if that was later within the second.
            Status::Cancelled { at } if at.subsec_nanosecond() > 0 => UnixTime::of(at),
            Status::Cancelled { at } => UnixTime::from_seconds(UnixTime::of(at).seconds().saturating_sub(1)),
            Status::Completed | Status::Depleted => UnixTime::of(self.updated_at),
            Status::Scheduled | Status::Active | Status::Paused { .. } => UnixTime::LAST_INSTANT,
        };
        let [started, cliff, exhausted, ended] = match self.details() {
            Details::Api(flow) => {
                [None, cliff_of(&flow.schedule), flow.schedule.exhausts(), Some(flow.schedule.end)]
            }
            Details::V9(V9State { flow, .. }) => {
                let schedule = &flow.schedule;
                [Some(schedule.start), cliff_of(schedule), schedule.exhausts(), Some(schedule.end)]
            }
            Details::Vesting(state) => of_vesting(state),
        };
        let created = UnixTime::of(self.created_at);
        let instants = TimeEventKind::ALL.into_iter().zip([started, cliff, exhausted, ended]);
        let mut events: Vec<_> =
            instants.filter_map(|(kind, at)| Some(TimeEvent { at: at?, kind })).collect();
        events.retain(|event| created < event.at && event.at <= until);
        events.sort_unstable();
        events
    }
}

fn cliff_of(schedule: &Schedule) -> Option<UnixTime> {
    Some(schedule.cliff).filter(|cliff| *cliff > schedule.start)
}

fn of_vesting(state: &VestingState) -> [Option<UnixTime>; 4] {
    let schedule = &state.schedule;
    let cliff = schedule.gate_opens().filter(|_| schedule.cliff > schedule.start);
    [schedule.pauses.reaches(schedule.start), cliff, schedule.exhausts(), schedule.effective_end()]
}

impl Schedule {
    /// The first second at which the whole deposit has accrued; `None` if it never has.
    pub fn exhausts(&self) -> Option<UnixTime> {
        let deposit = self.deposit.stroops();
        if deposit <= 0 {
            return None;
        }
        let (from, missing) = match self.kind {
            Kind::CliffOnly => (self.cliff, 0),
            Kind::CliffSlope => (self.cliff, deposit),
            Kind::Linear => {
                (self.checkpoint.at, deposit.saturating_sub(self.checkpoint.amount.stroops()).max(0))
            }
        };
        let rate = self.rate.stroops();
        let seconds = match missing {
            0 => 0,
            _ if rate <= 0 => return None,
            missing => ceil_div(missing, rate),
        };
        let flowed = from.checked_add(u64::try_from(seconds).ok()?)?;
        let at = if missing == 0 { self.cliff } else { flowed.max(self.cliff) };
        // Nothing flows after the end.
        (self.accrued(at).stroops() == deposit).then_some(at)
    }
}

/// `ceil(one / other)` of positive numbers.
fn ceil_div(one: i128, other: i128) -> i128 {
    let quotient = one.checked_div(other).unwrap_or(0);
    let is_exact = one.checked_rem(other) == Some(0);
    if is_exact { quotient } else { quotient.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use fluxora_decimal::Amount;
    use proptest::prelude::*;

    use super::*;
    use crate::Checkpoint;
    use crate::vesting::{CliffMode, Curve, PauseClock, VestingSchedule};

    fn second(seconds: u64) -> UnixTime {
        UnixTime::from_seconds(seconds)
    }

    #[test]
    fn a_time_event_is_found_by_its_type_and_no_other_event_is_one() {
        for kind in TimeEventKind::ALL {
            assert_eq!(TimeEventKind::of(kind.event()), Some(kind));
        }
        assert_eq!(TimeEventKind::of(EventKind::Completed), None);
    }

    proptest! {
        #[test]
        fn a_flow_is_exhausted_at_the_first_second_with_the_whole_deposit(
            (deposit, rate, checkpoint) in (1..500_i128, 0..40_i128, 0..600_i128),
            (start, cliff, length, since) in (0..50_u64, 0..60_u64, 0..200_u64, 0..60_u64),
            kind in prop_oneof![Just(Kind::Linear), Just(Kind::CliffOnly), Just(Kind::CliffSlope)],
        ) {
            let schedule = Schedule {
                deposit: Amount::from_stroops(deposit),
                rate: Amount::from_stroops(rate),
                start: second(start),
                cliff: second(start + cliff),
                end: second(start + length),
                kind,
                checkpoint: Checkpoint { amount: Amount::from_stroops(checkpoint), at: second(start + since) },
            };
            let is_full = |at: u64| schedule.accrued(second(at)).stroops() == deposit;
            let expect = (0..1_000).find(|at| is_full(*at)).map(second);
            prop_assert_eq!(schedule.exhausts(), expect);
        }

        #[test]
        fn a_vesting_schedule_is_exhausted_at_the_first_second_with_the_whole_deposit(
            (deposited, start, length, cliff) in (1..5_000_i128, 0..50_u64, 1..300_u64, 0..=300_u64),
            (paused, wall) in (0..40_u64, any::<bool>()),
            curve in prop_oneof![Just(Curve::Linear), Just(Curve::Step), Just(Curve::FrontLoaded)],
        ) {
            let schedule = VestingSchedule {
                deposited,
                start: second(start + 40),
                end: second(start + 40 + length),
                cliff: second(start + 40 + cliff.min(length)),
                curve,
                cliff_mode: if wall { CliffMode::WallClock } else { CliffMode::ScheduleClock },
                pauses: PauseClock { paused_at: None, paused_total: paused },
            };
            let expect = (0..1_000).find(|at| schedule.vested(second(*at)) == deposited).map(second);
            prop_assert_eq!(schedule.exhausts(), expect);
        }
    }

    #[test]
    fn a_pause_hides_the_exhaustion_and_a_schedule_without_a_deposit_has_none() {
        let schedule = VestingSchedule {
            deposited: 100,
            start: second(100),
            end: second(200),
            cliff: second(100),
            curve: Curve::Linear,
            cliff_mode: CliffMode::ScheduleClock,
            pauses: PauseClock { paused_at: Some(second(150)), paused_total: 0 },
        };
        assert_eq!(schedule.exhausts(), None);
        let resumed = VestingSchedule { pauses: schedule.pauses.ended(second(170)), ..schedule };
        assert_eq!(resumed.exhausts(), Some(second(220)));
        assert_eq!(VestingSchedule { deposited: 0, ..resumed }.exhausts(), None);
    }
}
