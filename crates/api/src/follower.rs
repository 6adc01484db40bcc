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
    /// What it does: `starting`, `standby`, `catching_up`, `at_tip`, `waiting`, `trial` or `halted`.
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
    /// The ledgers that were read for the contracts.
    pub coverage: Vec<FollowedRange>,
    /// The past of contracts that were added later, while it is read.
    pub backfill: Option<FollowedBackfill>,
    /// How many streams differ from the entries that a source shows for them.
    pub drift_count: u64,
    /// The first of them.
    pub drifts: Vec<FollowedDrift>,
}

/// A stream that differs from the contract's entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FollowedDrift {
    /// Id of the stream.
    pub stream: String,
    /// The ledger that wrote the entry.
    pub ledger: u32,
    /// The fields that differ, by their name in the contract.
    pub fields: Vec<String>,
}

/// Ledgers that were read for a contract, without a gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FollowedRange {
    /// The contract.
    pub contract: String,
    /// The first ledger.
    pub from: u32,
    /// The last ledger.
    pub to: u32,
}

/// Ledgers that are read for contracts that were added later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowedBackfill {
    /// The contracts.
    pub contracts: Vec<String>,
    /// The first ledger.
    pub from: u32,
    /// The last ledger.
    pub to: u32,
    /// The next ledger.
    pub next: u32,
    /// The last error, while it lasts.
    pub last_error: Option<String>,
}

/// A source of ledgers.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Follower"))]
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
    sources: Vec<SourceView<'a>>,
    coverage: &'a [FollowedRange],
    backfill: Option<BackfillView<'a>>,
    drift_count: u64,
    drifts: &'a [FollowedDrift],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FollowedSource"))]
struct SourceView<'a> {
    name: Option<&'a str>,
    state: &'static str,
    latest_ledger: Option<u32>,
    failures: u32,
    last_error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FollowedBackfill"))]
struct BackfillView<'a> {
    contracts: &'a [String],
    from: u32,
    to: u32,
    next: u32,
    last_error: Option<&'a str>,
}

impl<'a> SourceView<'a> {
    fn of(source: &'a FollowedSource, details: bool) -> Self {
        let FollowedSource { name, state, latest_ledger, failures, last_error } = source;
        let last_error = last_error.as_deref().filter(|_| details);
        let name = Some(name.as_str()).filter(|_| details);
        Self { name, state, latest_ledger: *latest_ledger, failures: *failures, last_error }
    }
}

impl<'a> BackfillView<'a> {
    fn of(backfill: &'a FollowedBackfill, details: bool) -> Self {
        let FollowedBackfill { contracts, from, to, next, last_error } = backfill;
        let last_error = last_error.as_deref().filter(|_| details);
        Self { contracts, from: *from, to: *to, next: *next, last_error }
    }
}

impl<'a> FollowerView<'a> {
    /// Without details, hosts of sources and errors are left out.
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
            sources: health.sources.iter().map(|source| SourceView::of(source, details)).collect(),
            coverage: &health.coverage,
            backfill: health.backfill.as_ref().map(|backfill| BackfillView::of(backfill, details)),
            drift_count: health.drift_count,
            drifts: &health.drifts,
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
            coverage: Vec::new(),
            backfill: None,
            drift_count: 0,
            drifts: Vec::new(),
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
    fn hosts_and_errors_are_details() {
        let error = || Some("HTTP 500 of https://rpc.example".to_owned());
        let name = "https://rpc.example".to_owned();
        let source =
            FollowedSource { name, state: "resting", latest_ledger: None, failures: 1, last_error: error() };
        let contracts = vec!["C".to_owned()];
        let backfill = FollowedBackfill { contracts, from: 1, to: 2, next: 1, last_error: error() };
        let health = FollowerHealth {
            phase: "waiting",
            is_degraded: true,
            verification: "L3",
            contracts: Vec::new(),
            ledger: None,
            latest: None,
            answered_at: None,
            last_error: error(),
            sources: vec![source],
            coverage: Vec::new(),
            backfill: Some(backfill),
            drift_count: 0,
            drifts: Vec::new(),
        };
        let clock = still(Timestamp::UNIX_EPOCH);
        let view =
            |details| serde_json::to_string(&FollowerView::of(&health, clock.as_ref(), details)).unwrap();
        assert_eq!(view(true).matches("rpc.example").count(), 4);
        assert_eq!(view(false).matches("rpc.example").count(), 0);
    }
}
