use std::time::Duration;

use fluxora_delivery::Policy;
use jiff::SignedDuration;

/// How much longer a claim lasts than an attempt may take: the time to settle the result.
const LEASE_MARGIN: Duration = Duration::from_secs(12);

/// Settings of the workers.
#[derive(Clone, Debug)]
pub struct Options {
    /// Attempts of this process at the same time; at least 1.
    pub max_in_flight: usize,
    /// How long the workers wait for a wake-up before they look into the store.
    pub poll_interval: Duration,
    /// What is decided with: schedule, time of an attempt, attempts of one endpoint at the same time, when an endpoint is held.
    pub policy: Policy,
    /// Names this process in claims.
    pub worker: String,
}

impl Options {
    /// 512 attempts of at most 10 seconds at the same time, a look into the store every second, the standard policy.
    pub fn new(worker: String) -> Self {
        Self { max_in_flight: 512, poll_interval: Duration::from_secs(1), policy: Policy::default(), worker }
    }

    /// How long a claim lasts, unless its endpoint has a longer time for an attempt: longer than an attempt, so that no other worker sends the same delivery meanwhile.
    pub(crate) fn lease(&self) -> SignedDuration {
        let margin = SignedDuration::try_from(LEASE_MARGIN).unwrap_or(SignedDuration::MAX);
        self.policy.attempt_timeout.saturating_add(margin)
    }

    /// The latest age of a claim at which its attempt is begun: after it, the attempt could outlast the claim.
    pub(crate) fn latest_start(&self) -> Duration {
        LEASE_MARGIN.checked_div(2).unwrap_or_default()
    }
}
