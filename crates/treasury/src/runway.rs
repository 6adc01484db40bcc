//! Until when the deposits of a treasury last in one asset, and the thresholds that this crosses.

use fluxora_stream::{Stream, StreamId, UnixTime};

use crate::{Accrual, Rate};

/// Streams of one runway at most. The others end later.
pub const RUNWAY_STREAMS: u32 = 100;

/// The runway of a treasury in one asset: until when accrual goes on in all of its streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Runway {
    /// The instant of the measurement.
    pub at: UnixTime,
    /// The stream whose accrual ends first: the end of the runway.
    first: End,
    /// The streams by the end of their accrual, with the first one.
    ends: Vec<End>,
    /// Up to and with this instant no other stream ends; `None` if no other one does.
    complete_until: Option<UnixTime>,
}

/// The end of the accrual of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct End {
    at: UnixTime,
    stream: StreamId,
    /// The last change of the stream.
    changed: UnixTime,
    /// The rate in the last second before the end.
    rate: Rate,
}

impl Runway {
    /// The runway of these streams at an instant. `None` if nothing accrues, if no end is known, or if a stream that is not
    /// among them ends first: every other one ends after `complete_until`.
    pub fn of(streams: &[Stream], at: UnixTime, complete_until: Option<UnixTime>) -> Option<Self> {
        let mut ends: Vec<_> = streams.iter().filter_map(|stream| End::of(stream, at)).collect();
        ends.sort_unstable_by_key(|end| (end.at, end.stream));
        let first = *ends.first()?;
        let is_first = complete_until.is_none_or(|until| first.at <= until);
        is_first.then_some(Self { at, first, ends, complete_until })
    }

    /// Its end: where accrual ends first, and the stream it ends for.
    pub fn end(&self) -> (UnixTime, StreamId) {
        (self.first.at, self.first.stream)
    }

    /// Its length in seconds.
    pub fn seconds(&self) -> u64 {
        self.first.at.seconds().saturating_sub(self.at.seconds())
    }

    /// When it became as short as a threshold: by time, or by the last change of the stream that ends first.
    pub fn crossed_at(&self, threshold: u64) -> UnixTime {
        let by_time = UnixTime::from_seconds(self.first.at.seconds().saturating_sub(threshold));
        by_time.max(self.first.changed).min(self.at)
    }

    /// The streams whose accrual ends within so many seconds.
    pub fn ending_within(&self, seconds: u64) -> usize {
        let until = self.at.saturating_add(seconds);
        self.ends.iter().take_while(|end| end.at <= until).count()
    }

    /// What must be added for every stream to go on for so many seconds, each at its last rate, rounded up. `None` beyond
    /// `i128`.
    pub fn top_up(&self, seconds: u64) -> Option<i128> {
        let until = self.at.saturating_add(seconds);
        self.ends.iter().take_while(|end| end.at < until).try_fold(0_i128, |sum, end| {
            let missing = until.seconds().saturating_sub(end.at.seconds());
            let amount = end.rate.over(missing)?.checked_add(i128::from(!end.rate.is_whole()))?;
            sum.checked_add(amount)
        })
    }

    /// Whether every stream that ends within so many seconds is among the streams.
    pub fn is_complete_for(&self, seconds: u64) -> bool {
        let until = self.at.saturating_add(seconds);
        self.complete_until.is_none_or(|complete| until <= complete)
    }
}

impl End {
    fn of(stream: &Stream, now: UnixTime) -> Option<Self> {
        let accrual = Accrual::of(stream);
        let at = accrual.ends_after(now)?;
        let before = UnixTime::from_seconds(at.seconds().saturating_sub(1));
        let changed = UnixTime::of(stream.updated_at);
        Some(Self { at, stream: stream.id(), changed, rate: accrual.piece(before).rate })
    }
}

/// What is remembered of a runway from one check to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Watch {
    /// There was no runway.
    #[default]
    Unknown,
    /// It was above every threshold.
    Above,
    /// It had come down to this threshold, in seconds, and to no lower one.
    Below(u64),
}

/// The lengths at which a runway is low, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thresholds(Vec<u64>);

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What is remembered.
    pub watch: Watch,
    /// The threshold that was crossed downwards, the lowest of several.
    pub crossed: Option<u64>,
    /// The threshold that time makes it cross next.
    pub next: Option<u64>,
}

impl Thresholds {
    /// Thresholds in seconds, in any order.
    pub fn new(seconds: impl IntoIterator<Item = u64>) -> Self {
        let mut seconds: Vec<_> = seconds.into_iter().collect();
        seconds.sort_unstable();
        seconds.dedup();
        Self(seconds)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks a runway of so many seconds. One that begins below a threshold has not crossed it. One that rises above a
    /// threshold can cross it again.
    pub fn check(&self, watch: Watch, runway: Option<u64>) -> Checked {
        let Some(runway) = runway else {
            return Checked { watch: Watch::Unknown, crossed: None, next: None };
        };
        let below = self.0.iter().copied().find(|threshold| runway <= *threshold);
        let crossed = below.filter(|below| match watch {
            Watch::Unknown => false,
            Watch::Above => true,
            Watch::Below(before) => *below < before,
        });
        let next = self.0.iter().copied().rev().find(|threshold| *threshold < runway);
        Checked { watch: below.map_or(Watch::Above, Watch::Below), crossed, next }
    }
}

#[cfg(test)]
mod tests {
    use fluxora_stream::{AccountId, TermsDraft};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const WEEK: u64 = 7 * 86_400;
    const DAY: u64 = 86_400;

    #[track_caller]
    fn check(watch: Watch, runway: Option<u64>, expect: (Watch, Option<u64>, Option<u64>)) {
        let thresholds = Thresholds::new([DAY, WEEK, 2 * DAY, DAY]);
        let Checked { watch, crossed, next } = thresholds.check(watch, runway);
        assert_eq!((watch, crossed, next), expect);
    }

    #[test]
    fn a_threshold_is_crossed_once_and_again_after_a_top_up() {
        check(Watch::Unknown, Some(3 * WEEK), (Watch::Above, None, Some(WEEK)));
        check(Watch::Above, Some(WEEK), (Watch::Below(WEEK), Some(WEEK), Some(2 * DAY)));
        check(Watch::Below(WEEK), Some(WEEK - 1), (Watch::Below(WEEK), None, Some(2 * DAY)));
        check(Watch::Below(WEEK), Some(DAY), (Watch::Below(DAY), Some(DAY), None));
        check(Watch::Below(DAY), Some(3 * DAY), (Watch::Below(WEEK), None, Some(2 * DAY)));
        check(Watch::Below(WEEK), Some(2 * DAY), (Watch::Below(2 * DAY), Some(2 * DAY), Some(DAY)));
        check(Watch::Below(DAY), Some(WEEK + 1), (Watch::Above, None, Some(WEEK)));
    }

    #[test]
    fn a_runway_that_begins_below_a_threshold_has_not_crossed_it() {
        check(Watch::Unknown, Some(3 * DAY), (Watch::Below(WEEK), None, Some(2 * DAY)));
        check(Watch::Below(DAY), None, (Watch::Unknown, None, None));
    }

    #[test]
    fn without_thresholds_nothing_is_crossed() {
        let checked = Thresholds::default().check(Watch::Above, Some(1));
        assert_eq!(checked, Checked { watch: Watch::Above, crossed: None, next: None });
    }

    proptest! {
        #[test]
        fn a_runway_that_only_falls_crosses_each_threshold_at_most_once(mut runways in proptest::collection::vec(0..9 * DAY, 1..40)) {
            runways.sort_unstable_by(|a, b| b.cmp(a));
            let thresholds = Thresholds::new([WEEK, 2 * DAY, DAY]);
            let (mut watch, mut crossed) = (Watch::Unknown, Vec::new());
            for runway in runways {
                let checked = thresholds.check(watch, Some(runway));
                watch = checked.watch;
                crossed.extend(checked.crossed);
                prop_assert!(checked.crossed.is_none_or(|crossed| runway <= crossed));
            }
            prop_assert!(crossed.windows(2).all(|pair| pair[1] < pair[0]), "{:?}", crossed);
        }
    }

    /// A stream of one unit each second from second 0 on that ends after so many.
    fn stream(number: u128, seconds: u64) -> Stream {
        let draft = TermsDraft {
            sender: Some(AccountId::from_public_key([1; 32])),
            recipient: Some(AccountId::from_public_key([2; 32])),
            deposit: Some(fluxora_decimal::Amount::from_stroops(i128::from(seconds))),
            rate: Some(fluxora_decimal::Amount::from_stroops(1)),
            start: None,
            cliff: None,
            end: None,
        };
        let now = UnixTime::EPOCH.instant();
        Stream::create(Uuid::from_u128(number), &draft.settle(now).unwrap(), now).0
    }

    #[test]
    fn a_runway_ends_with_the_first_stream_and_its_top_up_lets_every_stream_go_on() {
        let streams = [stream(1, 5 * DAY), stream(2, 3 * DAY), stream(3, 400 * DAY)];
        let at = UnixTime::from_seconds(DAY);
        let runway = Runway::of(&streams, at, None).unwrap();
        assert_eq!(runway.end(), (UnixTime::from_seconds(3 * DAY), streams[1].id()));
        assert_eq!(runway.seconds(), 2 * DAY);
        assert_eq!((runway.ending_within(2 * DAY), runway.ending_within(WEEK)), (1, 2));
        // Until day 8: five days of the second stream and three of the first.
        assert_eq!(runway.top_up(WEEK), Some(i128::from(8 * DAY)));
        assert_eq!(runway.top_up(2 * DAY), Some(0));
        assert_eq!(runway.crossed_at(2 * DAY), at);
        assert!(runway.is_complete_for(90 * DAY));
    }

    #[test]
    fn a_runway_is_unknown_where_another_stream_may_end_first() {
        let streams = [stream(1, 5 * DAY)];
        let at = UnixTime::from_seconds(DAY);
        assert_eq!(Runway::of(&streams, at, Some(UnixTime::from_seconds(4 * DAY))), None);
        assert!(Runway::of(&streams, at, Some(UnixTime::from_seconds(5 * DAY))).is_some());
        assert_eq!(Runway::of(&streams, UnixTime::from_seconds(5 * DAY), None), None, "nothing accrues");
    }
}
