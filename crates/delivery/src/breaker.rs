use jiff::{SignedDuration, Timestamp};

use crate::retry::after;

/// Failures in a row that open the breaker.
const CONSECUTIVE_FAILURES: u32 = 10;
/// Attempts in a window from which half of them failing opens the breaker.
const WINDOW_ATTEMPTS: u32 = 20;
const WINDOW: SignedDuration = SignedDuration::from_secs(60);
/// How long the breaker stays open the first time; each failed probe doubles it.
const FIRST_PAUSE: SignedDuration = SignedDuration::from_secs(30);
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(10);

/// The circuit breaker of an endpoint: it stops attempts while an endpoint fails, and lets one probe through at a time.
///
/// It is stored with the endpoint, so all processes share it and one of them sends the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Attempts are made.
    Closed {
        /// How many may be in flight: 1 after the breaker was open, doubled by each success.
        in_flight: u16,
        /// When the present window of 60 seconds began.
        window_from: Timestamp,
        /// Attempts that ended in the window.
        attempts: u32,
        /// Those of them that failed.
        failures: u32,
    },
    /// No attempt but a probe is made.
    Open {
        /// When a probe may be sent.
        until: Timestamp,
        /// How often it was opened in a row.
        trips: u32,
        /// When the probe in flight counts as lost; `None` if there is none.
        probe_until: Option<Timestamp>,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { in_flight: u16::MAX, window_from: Timestamp::UNIX_EPOCH, attempts: 0, failures: 0 }
    }
}

impl Breaker {
    /// How many attempts may be in flight at `now`: 0 while it is open, 1 for a probe.
    pub fn in_flight_limit(&self, now: Timestamp) -> u16 {
        match self {
            Self::Closed { in_flight, .. } => *in_flight,
            Self::Open { until, probe_until, .. } => {
                u16::from(*until <= now && probe_until.is_none_or(|probe| probe <= now))
            }
        }
    }

    /// Notes that an attempt was claimed until `lease`: if the breaker is open, it is the probe.
    pub fn claimed(&mut self, lease: Timestamp) {
        if let Self::Open { probe_until, .. } = self {
            *probe_until = Some(lease);
        }
    }

    /// Notes that a claimed attempt was not made.
    pub fn released(&mut self) {
        if let Self::Open { probe_until, .. } = self {
            *probe_until = None;
        }
    }

    /// Records a success: the breaker is closed.
    pub fn succeeded(&mut self, now: Timestamp) {
        match self {
            Self::Closed { in_flight, .. } => {
                *in_flight = in_flight.saturating_mul(2);
                self.count(now, 0);
            }
            Self::Open { .. } => {
                *self = Self::Closed { in_flight: 1, window_from: now, attempts: 0, failures: 0 };
            }
        }
    }

    /// Notes a failure, the last of `consecutive` in a row.
    pub fn failed(&mut self, consecutive: u32, now: Timestamp) {
        match *self {
            Self::Closed { in_flight, .. } => {
                self.count(now, 1);
                // After a pause the first failure is enough.
                let (attempts, failures) = self.window();
                let half = attempts >= WINDOW_ATTEMPTS && failures.saturating_mul(2) >= attempts;
                if consecutive >= CONSECUTIVE_FAILURES || half || in_flight == 1 {
                    *self = Self::open(1, now);
                }
            }
            // The probe failed. Attempts that were begun before it opened may end while it is.
            Self::Open { until, trips, .. } if until <= now => {
                *self = Self::open(trips.saturating_add(1), now);
            }
            Self::Open { .. } => {}
        }
    }

    /// When an attempt may be made; `None` for at once.
    pub fn closed_until(&self) -> Option<Timestamp> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { until, probe_until, .. } => Some((*until).max(probe_until.unwrap_or(*until))),
        }
    }

    /// Whether it is open or waits for a probe.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open { .. })
    }

    fn open(trips: u32, now: Timestamp) -> Self {
        let doubled = 1_i32.checked_shl(trips.saturating_sub(1).min(16)).unwrap_or(i32::MAX);
        let pause = FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE);
        Self::Open { until: after(now, pause), trips, probe_until: None }
    }

    const fn window(&self) -> (u32, u32) {
        match self {
            Self::Closed { attempts, failures, .. } => (*attempts, *failures),
            Self::Open { .. } => (0, 0),
        }
    }

    fn count(&mut self, now: Timestamp, failed: u32) {
        if let Self::Closed { window_from, attempts, failures, .. } = self {
            if now.duration_since(*window_from) >= WINDOW {
                (*window_from, *attempts, *failures) = (now, 0, 0);
            }
            *attempts = attempts.saturating_add(1);
            *failures = failures.saturating_add(failed);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn opened(now: Timestamp) -> Breaker {
        let mut breaker = Breaker::default();
        (1..=CONSECUTIVE_FAILURES).for_each(|failures| breaker.failed(failures, now));
        breaker
    }

    #[test]
    fn ten_failures_in_a_row_open_it_for_half_a_minute() {
        let mut breaker = Breaker::default();
        (1..CONSECUTIVE_FAILURES).for_each(|failures| breaker.failed(failures, at(0)));
        assert!(!breaker.is_open());
        breaker.failed(CONSECUTIVE_FAILURES, at(0));
        assert_eq!(breaker.closed_until(), Some(at(30)));
        assert_eq!((breaker.in_flight_limit(at(29)), breaker.in_flight_limit(at(30))), (0, 1));
    }

    #[test]
    fn half_of_twenty_attempts_in_a_minute_open_it() {
        let mut breaker = Breaker::default();
        for n in 0..10 {
            breaker.succeeded(at(n));
            assert!(!breaker.is_open());
            breaker.failed(1, at(n));
        }
        assert!(breaker.is_open());
        let mut slow = Breaker::default();
        for n in 0..100 {
            slow.succeeded(at(n * 10));
            slow.failed(1, at(n * 10));
            assert!(!slow.is_open(), "12 attempts in a minute are too few");
        }
    }

    #[test]
    fn one_probe_at_a_time_is_let_through() {
        let mut breaker = opened(at(0));
        breaker.claimed(at(50));
        assert_eq!(breaker.in_flight_limit(at(40)), 0);
        assert_eq!(breaker.closed_until(), Some(at(50)), "a lost probe is repeated when its lease ends");
        assert_eq!(breaker.in_flight_limit(at(50)), 1);
        breaker.released();
        assert_eq!(breaker.in_flight_limit(at(40)), 1);
    }

    #[test]
    fn a_failed_probe_doubles_the_pause_up_to_ten_minutes() {
        let (mut breaker, mut now) = (opened(at(0)), at(0));
        for pause in [30, 60, 120, 240, 480, 600, 600] {
            let until = breaker.closed_until().unwrap();
            assert_eq!(until.duration_since(now).as_secs(), pause);
            now = until;
            breaker.claimed(now + SignedDuration::from_secs(20));
            breaker.failed(11, now);
        }
    }

    #[test]
    fn a_failure_of_an_attempt_begun_before_it_opened_changes_nothing() {
        let mut breaker = opened(at(0));
        let before = breaker.clone();
        breaker.failed(11, at(5));
        assert_eq!(breaker, before);
    }

    #[test]
    fn a_success_closes_it_and_attempts_come_back_gradually() {
        let mut breaker = opened(at(0));
        breaker.succeeded(at(31));
        let mut limits = Vec::new();
        for n in 0..5 {
            limits.push(breaker.in_flight_limit(at(32 + n)));
            breaker.succeeded(at(32 + n));
        }
        assert_eq!(limits, [1, 2, 4, 8, 16]);
    }

    #[test]
    fn the_first_failure_after_a_pause_opens_it_again() {
        let mut breaker = opened(at(0));
        breaker.succeeded(at(31));
        breaker.failed(1, at(32));
        assert!(breaker.is_open());
    }

    proptest! {
        #[test]
        fn it_always_lets_a_probe_through_in_the_end(events in prop::collection::vec((0_u8..4, 0_i64..400), 0..200)) {
            let (mut breaker, mut now, mut consecutive) = (Breaker::default(), 0, 0);
            for (event, pause) in events {
                now += pause;
                match event {
                    0 => { breaker.succeeded(at(now)); consecutive = 0; }
                    1 => { consecutive += 1; breaker.failed(consecutive, at(now)); }
                    2 if breaker.in_flight_limit(at(now)) > 0 => breaker.claimed(at(now + 20)),
                    _ => breaker.released(),
                }
                let opens = breaker.closed_until().unwrap_or(at(now)).max(at(now));
                prop_assert!(breaker.in_flight_limit(opens) >= 1);
                prop_assert!(opens <= at(now) + LONGEST_PAUSE);
            }
        }
    }
}
