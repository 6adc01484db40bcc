use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A circuit breaker: limits attempts to connect to a server that cannot be reached, and refuses units at once instead of letting each wait.
///
/// After an attempt to connect has failed, one caller at a time tries again, after pauses that double up to a second; what
/// comes in between is refused at once.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The next attempt's time; `None` while the last one succeeded.
    next: Option<Instant>,
    failures: u32,
    reason: String,
}

impl Breaker {
    /// Asks to make an attempt that takes up to `limit`.
    ///
    /// # Errors
    /// Why the last attempt failed, if it is too early for the next.
    pub(crate) fn ask(&self, now: Instant, limit: Duration) -> Result<(), String> {
        let mut state = self.state();
        match state.next {
            Some(next) if now < next => Err(state.reason.clone()),
            Some(_) => {
                // One attempt at a time. An attempt without an outcome counts as failed after its limit.
                state.next = Some(now + limit);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(crate) fn failed(&self, now: Instant, reason: String) {
        let mut state = self.state();
        let pause = FIRST_PAUSE.saturating_mul(1 << state.failures.min(8)).min(LONGEST_PAUSE);
        *state = State { next: Some(now + pause), failures: state.failures.saturating_add(1), reason };
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(3);

    #[test]
    fn after_a_failure_one_tries_again_at_a_time_with_growing_pauses() {
        let breaker = Breaker::default();
        let begun = Instant::now();
        assert_eq!(
            (breaker.ask(begun, LIMIT), breaker.ask(begun, LIMIT)),
            (Ok(()), Ok(())),
            "all may try at first"
        );
        let mut now = begun;
        for pause in [50, 100, 200, 400, 800, 1_000, 1_000] {
            breaker.failed(now, "refused".to_owned());
            let pause = Duration::from_millis(pause);
            assert_eq!(breaker.ask(now + pause - Duration::from_millis(1), LIMIT), Err("refused".to_owned()));
            now += pause;
            assert_eq!(breaker.ask(now, LIMIT), Ok(()));
            assert!(breaker.ask(now, LIMIT).is_err(), "one at a time");
        }
        assert_eq!(breaker.ask(now + LIMIT, LIMIT), Ok(()), "an attempt that is never heard of again");
        breaker.succeeded();
        assert_eq!((breaker.ask(now, LIMIT), breaker.ask(now, LIMIT)), (Ok(()), Ok(())));
    }
}
