use fluxora_delivery::{AttemptResult, OutcomeCode};
use fluxora_metrics::{Counter, Histogram, Reading};

/// Bounds of the time of an attempt, in nanoseconds: 5 ms to 30 s.
static DURATIONS: [u64; 9] = [
    5_000_000,
    25_000_000,
    100_000_000,
    250_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// What the attempts of this process came to.
#[derive(Debug)]
pub struct AttemptMetrics {
    outcomes: [Counter; OutcomeCode::ALL.len()],
    durations: Histogram<9>,
}

impl AttemptMetrics {
    /// Nothing counted.
    pub const fn new() -> Self {
        let outcomes = [const { Counter::new() }; OutcomeCode::ALL.len()];
        Self { outcomes, durations: Histogram::new(&DURATIONS) }
    }

    pub(crate) fn count(&self, result: &AttemptResult) {
        let outcomes = OutcomeCode::ALL.iter().zip(&self.outcomes);
        outcomes.filter(|(outcome, _)| **outcome == result.outcome).for_each(|(_, count)| count.increment());
        self.durations.observe(u64::try_from(result.duration.as_nanos()).unwrap_or_default());
    }

    /// Attempts by their outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OutcomeCode::ALL.iter().map(|outcome| outcome.name()).zip(self.outcomes.iter().map(Counter::value))
    }

    /// Times of attempts.
    pub fn durations(&self) -> Reading {
        self.durations.read()
    }
}

impl Default for AttemptMetrics {
    fn default() -> Self {
        Self::new()
    }
}
