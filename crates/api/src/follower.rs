use fluxora_store::Clock;
use jiff::Timestamp;
use serde::Serialize;

/// Says what the chain follower is doing.
pub trait FollowerReport: Send + Sync {
    /// The present state.
    fn report(&self) -> FollowerHealth;
}

/// What the chain follower is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowerHealth {
    /// What it does: `starting`, `catching_up`, `at_tip`, `waiting`, `trial` or `halted`.
    pub phase: &'static str,
    /// Whether it stores no new ledgers.
    pub is_degraded: bool,
    /// What is verified of each ledger.
    pub verification: &'static str,
    /// The contracts.
    pub contracts: Vec<String>,
    /// The newest ledger that it stored since the start of the process, and when it closed.
    pub ledger: Option<(u32, Timestamp)>,
    /// The newest ledger that any source reported.
    pub latest: Option<u32>,
    /// When a source last answered.
    pub answered_at: Option<Timestamp>,
    /// The last error, while it lasts.
    pub last_error: Option<String>,
    /// The sources.
    pub sources: Vec<FollowedSource>,
}

/// A source of ledgers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowedSource {
    /// Scheme and host.
    pub name: String,
    /// `healthy`, `lagging`, `resting` or `demoted`.
    pub state: &'static str,
    /// The newest ledger that it reported.
    pub latest_ledger: Option<u32>,
    /// Failures since the last success.
    pub failures: u32,
    /// The last error since the last success.
    pub last_error: Option<String>,
}

/// The member `follower` of `GET /health`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FollowerView<'a> {
    status: &'static str,
    verification: &'static str,
    contracts: &'a [String],
    ledger: Option<u32>,
    latest_ledger: Option<u32>,
    lag_ledgers: Option<u32>,
    /// From the close of the newest stored ledger to now.
    lag_seconds: Option<i64>,
    /// From the last answer of a source to now.
    silent_seconds: Option<i64>,
    last_error: Option<&'a str>,
    /// Without details absent: it has the places.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<&'a [FollowedSource]>,
}

impl<'a> FollowerView<'a> {
    pub(crate) fn of(health: &'a FollowerHealth, clock: &dyn Clock, details: bool) -> Self {
        let now = clock.now();
        let since = |instant: Timestamp| now.as_second().saturating_sub(instant.as_second()).max(0);
        let ledger = health.ledger.map(|(sequence, _)| sequence);
        Self {
            status: health.phase,
            verification: health.verification,
            contracts: &health.contracts,
            ledger,
            latest_ledger: health.latest,
            lag_ledgers: health.latest.zip(ledger).map(|(latest, ledger)| latest.saturating_sub(ledger)),
            lag_seconds: health.ledger.map(|(_, closed_at)| since(closed_at)),
            silent_seconds: health.answered_at.map(since),
            last_error: health.last_error.as_deref().filter(|_| details),
            sources: details.then_some(&health.sources),
        }
    }
}

#[cfg(test)]
mod tests {
    use fluxora_store::still;

    use super::*;

    #[test]
    fn lag_is_shown_in_ledgers_and_in_seconds_and_apart_from_the_silence_of_the_sources() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let health = FollowerHealth {
            phase: "at_tip",
            is_degraded: false,
            verification: "L3",
            contracts: Vec::new(),
            ledger: Some((7, at(100))),
            latest: Some(9),
            answered_at: Some(at(129)),
            last_error: None,
            sources: Vec::new(),
        };
        let clock = still(at(130));
        let view = serde_json::to_value(FollowerView::of(&health, clock.as_ref(), true)).unwrap();
        assert_eq!((&view["lagLedgers"], &view["lagSeconds"]), (&2.into(), &30.into()));
        assert_eq!(view["silentSeconds"], 1);
        let behind = FollowerHealth { latest: Some(3), answered_at: None, ..health };
        let clock = still(at(90));
        let view = serde_json::to_value(FollowerView::of(&behind, clock.as_ref(), true)).unwrap();
        assert_eq!((&view["lagLedgers"], &view["lagSeconds"]), (&0.into(), &0.into()));
    }

    #[test]
    fn places_and_errors_are_shown_only_with_details() {
        let source = FollowedSource {
            name: "https://rpc.example".to_owned(),
            state: "resting",
            latest_ledger: None,
            failures: 1,
            last_error: Some("connection refused".to_owned()),
        };
        let health = FollowerHealth {
            phase: "waiting",
            is_degraded: true,
            verification: "L3",
            contracts: Vec::new(),
            ledger: None,
            latest: None,
            answered_at: None,
            last_error: Some("no answer from https://rpc.example".to_owned()),
            sources: vec![source],
        };
        let clock = still(Timestamp::UNIX_EPOCH);
        let view =
            |details| serde_json::to_string(&FollowerView::of(&health, clock.as_ref(), details)).unwrap();
        assert!(view(true).contains("rpc.example") && view(true).contains("connection refused"));
        assert!(!view(false).contains("rpc.example") && !view(false).contains("refused"));
    }
}
