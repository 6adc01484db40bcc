//! Which of several sources is asked: a state machine without clock and network.

use std::time::Duration;

use jiff::Timestamp;

use super::{Advice, SourceError};

/// The wait after the first failure. It doubles with each one that follows.
const REST_MIN: Duration = Duration::from_secs(1);
/// The longest wait after failures.
const REST_MAX: Duration = Duration::from_secs(60);
/// The wait of a source that gave something false.
const DEMOTION: Duration = Duration::from_secs(600);
/// How many ledgers a source may be behind the newest one that any source reported.
const LAG_TOLERATED: u32 = 3;

/// The sources of a follower, in the order of preference.
#[derive(Clone, Debug)]
pub struct Endpoints(Vec<Endpoint>);

#[derive(Clone, Debug)]
struct Endpoint {
    name: String,
    /// Failures since the last success.
    failures: u32,
    resting_until: Option<Timestamp>,
    demoted: bool,
    latest: Option<u32>,
    last_error: Option<String>,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// The source with this index.
    Ask(usize),
    /// No source until this instant: every source rests.
    Wait(Timestamp),
    /// There is no source.
    None,
}

/// A source as `GET /health` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointStatus {
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: EndpointState,
    /// The newest ledger that it reported.
    pub latest: Option<u32>,
    /// Failures since the last success.
    pub failures: u32,
    /// The last error since the last success.
    pub last_error: Option<String>,
}

/// The state of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// It can be asked.
    Healthy,
    /// It can be asked, and its newest ledger is behind that of another source.
    Lagging,
    /// It failed and is not asked for a while.
    Resting,
    /// It gave something false and is not asked for a long while.
    Demoted,
}

impl Endpoints {
    /// Sources with these names, the preferred one first.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        let endpoint = |name| Endpoint {
            name,
            failures: 0,
            resting_until: None,
            demoted: false,
            latest: None,
            last_error: None,
        };
        Self(names.into_iter().map(endpoint).collect())
    }

    /// The source to ask for ledger `from`: the first one that does not rest, of those that do not lag if there are any. A
    /// source that is known to have the ledger is not lagging.
    pub fn choose(&self, now: Timestamp, from: u32) -> Choice {
        let mut ready = self.0.iter().enumerate().filter(|(_, endpoint)| !endpoint.rests(now)).peekable();
        if ready.peek().is_none() {
            let wake = self.0.iter().filter_map(|endpoint| endpoint.resting_until).min();
            return wake.map_or(Choice::None, Choice::Wait);
        }
        let mut first = None;
        for (index, endpoint) in ready {
            if !self.lags(endpoint) || endpoint.latest.is_some_and(|latest| latest >= from) {
                return Choice::Ask(index);
            }
            first.get_or_insert(index);
        }
        first.map_or(Choice::None, Choice::Ask)
    }

    /// A source answered. A newest ledger lower than before is kept as it is: the source lags, and proves nothing.
    pub fn succeeded(&mut self, index: usize, latest: Option<u32>) {
        if let Some(endpoint) = self.0.get_mut(index) {
            endpoint.failures = 0;
            endpoint.resting_until = None;
            endpoint.demoted = false;
            endpoint.last_error = None;
            endpoint.latest = latest.or(endpoint.latest);
        }
    }

    /// A source failed. An answer that asks for fewer ledgers is a failure too: a source that answers no size at all must rest.
    pub fn failed(&mut self, index: usize, now: Timestamp, error: &SourceError) {
        let Some(endpoint) = self.0.get_mut(index) else { return };
        endpoint.failures = endpoint.failures.saturating_add(1);
        endpoint.last_error = Some(error.to_string());
        let advice = error.advice();
        let rest = match advice {
            Advice::Wait(Some(wait)) => wait.clamp(REST_MIN, DEMOTION),
            Advice::Demote => DEMOTION,
            Advice::Shrink if endpoint.failures < 4 => Duration::ZERO,
            Advice::Wait(None) | Advice::Shrink | Advice::Rotate | Advice::AskLake | Advice::Halt => {
                growing(endpoint.failures)
            }
        };
        endpoint.demoted = advice == Advice::Demote;
        endpoint.resting_until = now.checked_add(rest).ok();
    }

    /// The newest ledger that any source reported which did not give something false.
    pub fn latest(&self) -> Option<u32> {
        self.0.iter().filter(|endpoint| !endpoint.demoted).filter_map(|endpoint| endpoint.latest).max()
    }

    /// The sources that can be asked, except for this one.
    pub fn others(&self, now: Timestamp, index: usize) -> Vec<usize> {
        let ready = self.0.iter().enumerate().filter(|(_, endpoint)| !endpoint.rests(now));
        ready.map(|(other, _)| other).filter(|other| *other != index).collect()
    }

    /// Every source, for `GET /health`.
    pub fn status(&self, now: Timestamp) -> Vec<EndpointStatus> {
        let status = |endpoint: &Endpoint| EndpointStatus {
            name: endpoint.name.clone(),
            state: match endpoint.rests(now) {
                true if endpoint.demoted => EndpointState::Demoted,
                true => EndpointState::Resting,
                false if self.lags(endpoint) => EndpointState::Lagging,
                false => EndpointState::Healthy,
            },
            latest: endpoint.latest,
            failures: endpoint.failures,
            last_error: endpoint.last_error.clone(),
        };
        self.0.iter().map(status).collect()
    }

    fn lags(&self, endpoint: &Endpoint) -> bool {
        let newest = self.latest().unwrap_or(0);
        endpoint.latest.is_some_and(|latest| latest.saturating_add(LAG_TOLERATED) < newest)
    }
}

impl Endpoint {
    fn rests(&self, now: Timestamp) -> bool {
        self.resting_until.is_some_and(|until| now < until)
    }
}

fn growing(failures: u32) -> Duration {
    let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    REST_MIN.saturating_mul(factor).min(REST_MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Hash, LedgerError};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn three() -> Endpoints {
        Endpoints::new(["a", "b", "c"].map(str::to_owned))
    }

    fn lie() -> SourceError {
        let (claimed, computed) = (Hash::of(b"1"), Hash::of(b"2"));
        SourceError::Refused(LedgerError::HeaderHash { ledger: 1, claimed, computed })
    }

    fn status() -> SourceError {
        SourceError::Status { status: 500 }
    }

    #[test]
    fn the_preferred_source_is_asked_until_it_fails_and_again_after_its_rest() {
        let mut endpoints = three();
        assert_eq!(endpoints.choose(at(0), 1), Choice::Ask(0));
        endpoints.failed(0, at(0), &status());
        assert_eq!(endpoints.choose(at(0), 1), Choice::Ask(1));
        assert_eq!(endpoints.choose(at(1), 1), Choice::Ask(0));
    }

    #[test]
    fn each_failure_in_a_row_doubles_the_rest_up_to_a_minute_and_a_success_ends_it() {
        let mut endpoints = Endpoints::new(["a".to_owned()]);
        for rest in [1, 2, 4, 8, 16, 32, 60, 60] {
            endpoints.failed(0, at(0), &status());
            assert_eq!(endpoints.choose(at(0), 1), Choice::Wait(at(rest)));
        }
        endpoints.succeeded(0, None);
        endpoints.failed(0, at(0), &status());
        assert_eq!(endpoints.choose(at(0), 1), Choice::Wait(at(1)));
    }

    #[test]
    fn a_source_rests_as_long_as_it_asks_within_limits() {
        for (asked, rest) in [(30, 30), (0, 1), (100_000, 600)] {
            let mut endpoints = Endpoints::new(["a".to_owned()]);
            let retry_after = Some(Duration::from_secs(asked));
            endpoints.failed(0, at(0), &SourceError::RateLimited { retry_after });
            assert_eq!(endpoints.choose(at(0), 1), Choice::Wait(at(rest)));
        }
    }

    #[test]
    fn a_source_that_lied_is_left_for_ten_minutes_and_its_newest_ledger_counts_for_nothing() {
        let mut endpoints = three();
        endpoints.succeeded(0, Some(1_000_000));
        endpoints.succeeded(1, Some(100));
        endpoints.failed(0, at(0), &lie());
        assert_eq!(endpoints.latest(), Some(100));
        assert_eq!(endpoints.choose(at(599), 1), Choice::Ask(1));
        assert_eq!(endpoints.status(at(599))[0].state, EndpointState::Demoted);
        assert_eq!(endpoints.choose(at(600), 1), Choice::Ask(0));
    }

    #[test]
    fn a_source_that_asks_for_fewer_ledgers_is_asked_again_at_once_three_times() {
        let mut endpoints = three();
        for _ in 0..3 {
            endpoints.failed(0, at(0), &SourceError::ProcessingLimit);
            assert_eq!(endpoints.choose(at(0), 1), Choice::Ask(0));
        }
        endpoints.failed(0, at(0), &SourceError::ProcessingLimit);
        assert_eq!(endpoints.choose(at(0), 1), Choice::Ask(1));
    }

    #[test]
    fn a_lagging_source_is_passed_over_at_the_tip_and_asked_for_what_it_has() {
        let mut endpoints = three();
        endpoints.succeeded(0, Some(90));
        endpoints.succeeded(1, Some(100));
        assert_eq!(endpoints.status(at(0))[0].state, EndpointState::Lagging);
        assert_eq!(endpoints.choose(at(0), 101), Choice::Ask(1));
        assert_eq!(endpoints.choose(at(0), 90), Choice::Ask(0));
        endpoints.succeeded(0, Some(97));
        assert_eq!(endpoints.choose(at(0), 101), Choice::Ask(0));
    }

    #[test]
    fn a_lagging_source_is_asked_where_no_other_is_left() {
        let mut endpoints = Endpoints::new(["a", "b"].map(str::to_owned));
        endpoints.succeeded(0, Some(90));
        endpoints.succeeded(1, Some(100));
        endpoints.failed(1, at(0), &status());
        assert_eq!(endpoints.choose(at(0), 101), Choice::Ask(0));
    }

    #[test]
    fn without_sources_nobody_is_asked() {
        assert_eq!(Endpoints::new([]).choose(at(0), 1), Choice::None);
    }

    proptest! {
        #[test]
        fn a_source_is_asked_or_a_wait_ends_after_any_history(
            history in prop::collection::vec((0_usize..3, 0_u8..5, 0_u32..1000, 0_i64..30), 0..60),
        ) {
            let mut endpoints = three();
            let mut now = 0;
            for (index, kind, latest, passed) in history {
                now += passed;
                match kind {
                    0 | 1 => endpoints.succeeded(index, Some(latest)),
                    2 => endpoints.failed(index, at(now), &status()),
                    3 => endpoints.failed(index, at(now), &lie()),
                    _ => endpoints.failed(index, at(now), &SourceError::ProcessingLimit),
                }
                match endpoints.choose(at(now), latest) {
                    Choice::Ask(index) => prop_assert!(!endpoints.0[index].rests(at(now))),
                    Choice::Wait(until) => {
                        prop_assert!(until > at(now) && until <= at(now + 600));
                        prop_assert!(matches!(endpoints.choose(until, latest), Choice::Ask(_)));
                    }
                    Choice::None => prop_assert!(false, "there are sources"),
                }
            }
        }
    }
}
