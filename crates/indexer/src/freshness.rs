use jiff::{SignedDuration, Timestamp};

/// How fresh what is known of the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FreshnessStatus {
    /// Batches arrive.
    Healthy,
    /// None has arrived yet, and it is early.
    Starting,
    /// None has arrived for too long.
    Stalled,
    /// None can arrive: nobody has been given the right to push.
    NotConfigured,
}

/// What it means for those who read streams of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientImpact {
    /// Nothing.
    None,
    /// They see what was, not what is.
    StaleChainState,
}

/// What an operator is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperatorAction {
    /// Nothing.
    None,
    /// Keep an eye on it.
    Observe,
    /// Get up.
    Page,
}

/// What freshness is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sync {
    /// Since when batches could have arrived: when the process started. `None` if none can.
    pub expected_since: Option<Timestamp>,
    /// When the last batch was taken.
    pub last_success: Option<Timestamp>,
    /// How old the last success is when it counts as stalled, in milliseconds.
    pub threshold_ms: u32,
}

/// A judgement of how fresh what is known of the chain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The judgement.
    pub status: FreshnessStatus,
    /// Milliseconds since the last batch was taken; `None` if none ever was. Never negative, also where clocks disagree.
    pub lag_ms: Option<u64>,
}

impl Freshness {
    /// Judges at `now`.
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

    /// What it means for those who read streams of the chain.
    pub const fn client_impact(self) -> ClientImpact {
        match self {
            Self::Healthy | Self::NotConfigured => ClientImpact::None,
            Self::Starting | Self::Stalled => ClientImpact::StaleChainState,
        }
    }

    /// What an operator is to do.
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
