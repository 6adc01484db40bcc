use jiff::{SignedDuration, Timestamp};

/// Freshness of the stored chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FreshnessStatus {
    /// Batches arrive in time.
    Healthy,
    /// No batch has arrived; the threshold has not passed.
    Starting,
    /// No batch has arrived within the threshold.
    Stalled,
    /// No batch can arrive: no worker token is configured.
    NotConfigured,
}

/// Effect on readers of chain streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientImpact {
    /// None.
    None,
    /// Readers see an old state.
    StaleChainState,
}

/// Action for an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatorAction {
    /// None.
    None,
    /// Watch it.
    Observe,
    /// Page the operator on duty.
    Page,
}

/// Input of the freshness decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// Start of the process, since when batches can arrive. `None` if none can.
    pub expected_since: Option<Timestamp>,
    /// Time of the last accepted batch.
    pub last_success: Option<Timestamp>,
    /// Age of the last success from which on it counts as stalled, in milliseconds.
    pub threshold_ms: u32,
}

/// The freshness of the stored chain at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The status.
    pub status: FreshnessStatus,
    /// Milliseconds since the last accepted batch; `None` if there was none. 0 where clocks disagree.
    pub lag_ms: Option<u64>,
}

impl Freshness {
    /// The freshness at `now`.
    pub fn at(now: Timestamp, sync: Sync) -> Self {
        let lag_ms = sync.last_success.map(|success| milliseconds(success, now));
        let late = |since| milliseconds(since, now) >= u64::from(sync.threshold_ms);
        let status = match (sync.expected_since, sync.last_success) {
            (None, _) => FreshnessStatus::NotConfigured,
            (Some(_), Some(success)) if !late(success) => FreshnessStatus::Healthy,
            (Some(since), None) if !late(since) => FreshnessStatus::Starting,
            (Some(_), _) => FreshnessStatus::Stalled,
        };
        Self { status, lag_ms }
    }
}

impl FreshnessStatus {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Starting => "starting",
            Self::Stalled => "stalled",
            Self::NotConfigured => "not_configured",
        }
    }

    /// Effect on readers of chain streams.
    pub const fn client_impact(self) -> ClientImpact {
        match self {
            Self::Healthy | Self::NotConfigured => ClientImpact::None,
            Self::Starting | Self::Stalled => ClientImpact::StaleChainState,
        }
    }

    /// Action for an operator.
    pub const fn operator_action(self) -> OperatorAction {
        match self {
            Self::Healthy | Self::NotConfigured => OperatorAction::None,
            Self::Starting => OperatorAction::Observe,
            Self::Stalled => OperatorAction::Page,
        }
    }
}

impl ClientImpact {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StaleChainState => "stale_chain_state",
        }
    }
}

impl OperatorAction {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Observe => "observe",
            Self::Page => "page",
        }
    }
}

fn milliseconds(from: Timestamp, to: Timestamp) -> u64 {
    let passed = to.duration_since(from).max(SignedDuration::ZERO);
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[track_caller]
    fn check(since: Option<i64>, success: Option<i64>, now: i64, expect: (FreshnessStatus, Option<u64>)) {
        let sync = Sync {
            expected_since: since.map(instant),
            last_success: success.map(instant),
            threshold_ms: 1_000,
        };
        let freshness = Freshness::at(instant(now), sync);
        assert_eq!((freshness.status, freshness.lag_ms), expect);
    }

    #[test]
    fn a_success_is_fresh_until_the_threshold_is_reached() {
        check(Some(0), Some(0), 999, (FreshnessStatus::Healthy, Some(999)));
        check(Some(0), Some(0), 1_000, (FreshnessStatus::Stalled, Some(1_000)));
    }

    #[test]
    fn without_a_success_it_is_starting_for_as_long_as_the_threshold() {
        check(Some(0), None, 999, (FreshnessStatus::Starting, None));
        check(Some(0), None, 1_000, (FreshnessStatus::Stalled, None));
    }

    #[test]
    fn a_success_of_an_earlier_process_counts_by_its_age() {
        check(Some(5_000), Some(4_500), 5_000, (FreshnessStatus::Healthy, Some(500)));
        check(Some(5_000), Some(0), 5_000, (FreshnessStatus::Stalled, Some(5_000)));
    }

    #[test]
    fn nothing_stalls_where_nothing_can_arrive() {
        check(None, None, 9_999, (FreshnessStatus::NotConfigured, None));
        check(None, Some(0), 9_999, (FreshnessStatus::NotConfigured, Some(9_999)));
    }

    #[test]
    fn a_success_in_the_future_has_no_lag() {
        check(Some(0), Some(9), 5, (FreshnessStatus::Healthy, Some(0)));
    }
}
