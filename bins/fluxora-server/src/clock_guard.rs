//! A clock that does not follow a jump of the system clock before the jump has lasted.
//!
//! A wrong clock must do nothing that cannot be undone: record that streams have ended, or delete idempotency records. The
//! clock is compared with the monotonic one each time it is read. After a jump the time goes on as before, and the jump is
//! reported, until the system clock returns or the jump is confirmed.
//!
//! At the start nothing shows whether the server rested or its clock is wrong, if the clock is far ahead of the latest instant in
//! the database. Requests get the time of the clock; steps that cannot be undone wait until it has run steadily.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fluxora_store::Clock;
use jiff::{SignedDuration, Timestamp};

/// The greatest difference between the system clock and the monotonic one that is no jump.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(30);
/// How long a jump has to last, on the monotonic clock, before the time follows it.
const CONFIRMED_AFTER: Duration = Duration::from_secs(300);
/// How far ahead of the latest stored instant the clock may be at the start without being confirmed.
const LONGEST_REST: SignedDuration = SignedDuration::from_hours(1);

/// The instant on the system clock at an instant on the monotonic one, which counts from any beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    wall: Timestamp,
    monotonic: Duration,
}

impl Reading {
    /// The instant on the system clock, if it has run as the monotonic clock since.
    fn extended_to(self, monotonic: Duration) -> Timestamp {
        let elapsed = monotonic.saturating_sub(self.monotonic);
        let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
        self.wall.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }
}

/// What a reading says of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The clock runs as the monotonic one.
    Steady,
    /// The clock has jumped by this much.
    Jumped(SignedDuration),
    /// The clock stays away from the trusted time by this much.
    Away(SignedDuration),
    /// The clock has returned to the trusted time.
    Returned,
    /// The jump by this much has lasted.
    Confirmed(SignedDuration),
}

/// The decision about each reading of the clock.
#[derive(Debug)]
struct Guard {
    trusted: Reading,
    /// The first reading after a jump.
    jumped: Option<Reading>,
}

impl Guard {
    /// Judges a reading. Returns the time to use.
    fn judge(&mut self, reading: Reading) -> (Timestamp, Verdict) {
        let expected = self.trusted.extended_to(reading.monotonic);
        let offset = reading.wall.duration_since(expected);
        if offset.abs() <= TOLERANCE {
            self.trusted = reading;
            let verdict = if self.jumped.take().is_some() { Verdict::Returned } else { Verdict::Steady };
            return (reading.wall, verdict);
        }
        let lasts = |jumped: &Reading| {
            reading.wall.duration_since(jumped.extended_to(reading.monotonic)).abs() <= TOLERANCE
        };
        match self.jumped.filter(lasts) {
            Some(jumped) if reading.monotonic.saturating_sub(jumped.monotonic) >= CONFIRMED_AFTER => {
                *self = Self { trusted: reading, jumped: None };
                (reading.wall, Verdict::Confirmed(offset))
            }
            Some(_) => (expected, Verdict::Away(offset)),
            None => {
                self.jumped = Some(reading);
                (expected, Verdict::Jumped(offset))
            }
        }
    }
}

/// The clock of a server.
pub(crate) struct GuardedClock {
    system: Arc<dyn Clock>,
    monotonic: Box<dyn Fn() -> Duration + Send + Sync>,
    guard: Mutex<Guard>,
    /// The latest stored instant, at the start, if the clock was far ahead of it.
    rested: Option<Reading>,
}

impl GuardedClock {
    /// Guards the system clock from here on. `stored` is the latest instant that a database holds: a clock that is
    /// behind it has jumped back, and one that is far ahead of it is confirmed first.
    pub(crate) fn new(system: Arc<dyn Clock>, stored: Option<Timestamp>) -> Self {
        Self::with(system, Box::new(monotonic()), stored)
    }

    pub(crate) fn with(
        system: Arc<dyn Clock>,
        monotonic: Box<dyn Fn() -> Duration + Send + Sync>,
        stored: Option<Timestamp>,
    ) -> Self {
        let wall = system.now();
        let is_behind = |stored: &Timestamp| stored.duration_since(wall) > TOLERANCE;
        let is_far_ahead = |stored: &Timestamp| wall.duration_since(*stored) > LONGEST_REST;
        let monotonic_now = monotonic();
        let trusted = Reading { wall: stored.filter(is_behind).unwrap_or(wall), monotonic: monotonic_now };
        let guard = Mutex::new(Guard { trusted, jumped: None });
        let rested = stored.filter(is_far_ahead).map(|wall| Reading { wall, monotonic: monotonic_now });
        if let Some(rested) = rested {
            tracing::info!(
                ahead_seconds = wall.duration_since(rested.wall).as_secs(),
                confirmed_after_seconds = CONFIRMED_AFTER.as_secs(),
                "the system clock is far ahead of the latest instant in the database: due transitions are recorded and \
                 expired records deleted once the clock is confirmed"
            );
        }
        Self { system, monotonic, guard, rested }
    }

    fn judge(&self) -> (Timestamp, Verdict) {
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: readings are judged in the order in which they were taken.
        guard.judge(Reading { wall: self.system.now(), monotonic: (self.monotonic)() })
    }
}

impl Clock for GuardedClock {
    fn now(&self) -> Timestamp {
        let (now, verdict) = self.judge();
        match verdict {
            Verdict::Steady | Verdict::Away(_) => {}
            Verdict::Jumped(offset) => tracing::warn!(
                offset_seconds = offset.as_secs(),
                confirmed_after_seconds = CONFIRMED_AFTER.as_secs(),
                "the system clock has jumped: the time goes on as before until the jump is confirmed"
            ),
            Verdict::Returned => tracing::info!("the system clock has returned to the trusted time"),
            Verdict::Confirmed(offset) => {
                tracing::warn!(
                    offset_seconds = offset.as_secs(),
                    "the jump of the system clock is confirmed"
                );
            }
        }
        now
    }

    fn confirmed_now(&self) -> Timestamp {
        let now = self.now();
        let Some(rested) = self.rested else { return now };
        let monotonic = (self.monotonic)();
        let has_run = monotonic.saturating_sub(rested.monotonic) >= CONFIRMED_AFTER;
        if has_run && self.offset().is_none() { now } else { now.min(rested.extended_to(monotonic)) }
    }

    fn offset(&self) -> Option<SignedDuration> {
        let guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        let jumped = guard.jumped?;
        Some(jumped.wall.duration_since(guard.trusted.extended_to(jumped.monotonic)))
    }
}

/// The time since now.
#[expect(clippy::disallowed_methods, reason = "this is the monotonic clock")]
fn monotonic() -> impl Fn() -> Duration + Send + Sync {
    let begun = Instant::now();
    move || begun.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    const YEAR: i64 = 365 * 86_400;

    /// Judges readings, each as seconds on the system clock and on the monotonic one; expects the time of each.
    fn check(readings: &[(i64, u64, i64)]) -> Vec<Verdict> {
        let mut guard = Guard { trusted: Reading { wall: at(0), monotonic: Duration::ZERO }, jumped: None };
        let judge = |(wall, monotonic, expect): &(i64, u64, i64)| {
            let reading = Reading { wall: at(*wall), monotonic: Duration::from_secs(*monotonic) };
            let (now, verdict) = guard.judge(reading);
            assert_eq!(now, at(*expect), "{wall} on the system clock, {monotonic} on the monotonic one");
            verdict
        };
        readings.iter().map(judge).collect()
    }

    #[test]
    fn a_clock_that_is_corrected_by_little_is_followed() {
        let verdicts = check(&[(5, 5, 5), (30, 10, 30), (25, 15, 25), (2_000, 2_000, 2_000)]);
        assert_eq!(verdicts, [Verdict::Steady; 4]);
    }

    #[test]
    fn a_jump_of_a_few_seconds_duration_moves_nothing() {
        for jump in [YEAR, -YEAR, 31, -31] {
            let offset = SignedDuration::from_secs(jump);
            let verdicts =
                check(&[(5, 5, 5), (jump + 6, 6, 6), (jump + 11, 11, 11), (12, 12, 12), (17, 17, 17)]);
            let expect = [
                Verdict::Steady,
                Verdict::Jumped(offset),
                Verdict::Away(offset),
                Verdict::Returned,
                Verdict::Steady,
            ];
            assert_eq!(verdicts, expect);
        }
    }

    #[test]
    fn a_jump_that_lasts_is_followed_once_it_is_confirmed() {
        for jump in [YEAR, -YEAR] {
            let offset = SignedDuration::from_secs(jump);
            let verdicts = check(&[
                (jump, 0, 0),
                (jump + 299, 299, 299),
                (jump + 300, 300, jump + 300),
                (jump + 305, 305, jump + 305),
            ]);
            let expect =
                [Verdict::Jumped(offset), Verdict::Away(offset), Verdict::Confirmed(offset), Verdict::Steady];
            assert_eq!(verdicts, expect);
        }
    }

    #[test]
    fn each_jump_has_to_last_by_itself() {
        let verdicts = check(&[(YEAR, 0, 0), (2 * YEAR, 200, 200), (2 * YEAR + 200, 400, 400)]);
        let jumped = |seconds| Verdict::Jumped(SignedDuration::from_secs(seconds));
        let away = Verdict::Away(SignedDuration::from_secs(2 * YEAR - 200));
        assert_eq!(verdicts, [jumped(YEAR), jumped(2 * YEAR - 200), away]);
    }

    #[test]
    fn a_clock_behind_what_is_stored_is_not_followed_before_it_is_confirmed() {
        let system = || fluxora_store::still(at(0));
        let clock = |stored| GuardedClock::with(system(), Box::new(|| Duration::ZERO), stored);
        for (stored, expect, offset) in [
            (None, 0, None),
            (Some(at(-YEAR)), 0, None),
            (Some(at(20)), 0, None),
            (Some(at(YEAR)), YEAR, Some(-YEAR)),
        ] {
            let clock = clock(stored);
            assert_eq!(clock.now(), at(expect));
            assert_eq!(clock.offset(), offset.map(SignedDuration::from_secs));
        }
    }

    /// Readings after a start, each as seconds on the system clock and on the monotonic one, and the confirmed time.
    #[track_caller]
    fn check_start(stored: i64, readings: &[(i64, u64, i64)]) {
        let (wall, elapsed) = (Arc::new(Mutex::new(at(readings[0].0))), Arc::new(Mutex::new(Duration::ZERO)));
        let monotonic = Arc::clone(&elapsed);
        let system = Arc::new(Wall(Arc::clone(&wall)));
        let clock =
            GuardedClock::with(system, Box::new(move || *monotonic.lock().unwrap()), Some(at(stored)));
        for (second, passed, expect) in readings {
            (*wall.lock().unwrap(), *elapsed.lock().unwrap()) = (at(*second), Duration::from_secs(*passed));
            assert_eq!(clock.confirmed_now(), at(*expect), "at {second} after {passed}");
        }
    }

    struct Wall(Arc<Mutex<Timestamp>>);

    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }

    #[test]
    fn a_clock_far_ahead_of_what_is_stored_is_confirmed_before_anything_is_recorded_or_deleted() {
        check_start(0, &[(YEAR, 0, 0), (YEAR + 299, 299, 299), (YEAR + 300, 300, YEAR + 300)]);
        // It is corrected before it is confirmed: the correction is confirmed as every jump is.
        check_start(0, &[(YEAR, 0, 0), (200, 200, 200), (320, 320, 320), (500, 500, 500), (501, 501, 501)]);
    }

    #[test]
    fn a_clock_near_what_is_stored_needs_no_confirmation() {
        for stored in [0, -3_600] {
            check_start(stored, &[(0, 0, 0), (5, 5, 5)]);
        }
    }
}
