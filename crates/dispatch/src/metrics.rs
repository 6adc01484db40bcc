use fluxora_delivery::{AttemptResult, DeliveryState, OutcomeCode};
use fluxora_metrics::{Counter, Histogram, Reading};
use fluxora_store::delivery::SettleOutcome;

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

/// Bounds of the time until an acknowledgement, in nanoseconds: 10 ms to a day.
static DELAYS: [u64; 10] = [
    10_000_000,
    50_000_000,
    250_000_000,
    1_000_000_000,
    5_000_000_000,
    30_000_000_000,
    300_000_000_000,
    3_600_000_000_000,
    21_600_000_000_000,
    86_400_000_000_000,
];

/// What the attempts of this process came to.
#[derive(Debug)]
pub struct AttemptMetrics {
    outcomes: [Counter; OutcomeCode::ALL.len()],
    durations: Histogram<9>,
    delays: Histogram<10>,
    stale: Counter,
}

impl AttemptMetrics {
    /// Nothing counted.
    pub const fn new() -> Self {
        let outcomes = [const { Counter::new() }; OutcomeCode::ALL.len()];
        Self {
            outcomes,
            durations: Histogram::new(&DURATIONS),
            delays: Histogram::new(&DELAYS),
            stale: Counter::new(),
        }
    }

    pub(crate) fn count(&self, result: &AttemptResult) {
        let outcomes = OutcomeCode::ALL.iter().zip(&self.outcomes);
        outcomes.filter(|(outcome, _)| **outcome == result.outcome).for_each(|(_, count)| count.increment());
        self.durations.observe(u64::try_from(result.duration.as_nanos()).unwrap_or_default());
    }

    pub(crate) fn settled(&self, outcome: &SettleOutcome) {
        match outcome {
            SettleOutcome::Recorded { delivery, .. } => {
                if let DeliveryState::Delivered { at } = delivery.state {
                    let delay = at.duration_since(delivery.created_at);
                    self.delays.observe(u64::try_from(delay.as_nanos()).unwrap_or_default());
                }
            }
            SettleOutcome::Stale => self.stale.increment(),
        }
    }

    /// Attempts by their outcome.
    pub fn outcomes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OutcomeCode::ALL.iter().map(|outcome| outcome.name()).zip(self.outcomes.iter().map(Counter::value))
    }

    /// Times from the creation of a delivery to its acknowledgement.
    pub fn delays(&self) -> Reading {
        self.delays.read()
    }

    /// Results that came after their claim had ended.
    pub fn stale_results(&self) -> u64 {
        self.stale.value()
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

#[cfg(test)]
mod tests {
    use fluxora_delivery::{Delivery, DeliveryId, EndpointId};
    use fluxora_store::Sequence;
    use fluxora_stream::StreamId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn recorded(state: DeliveryState) -> SettleOutcome {
        let endpoint = EndpointId::new(Uuid::from_u128(1));
        let delivery = Delivery {
            id: DeliveryId::of(endpoint, Sequence(1)),
            endpoint,
            sequence: Sequence(1),
            stream: StreamId::api(Uuid::from_u128(2)),
            event_type: "stream.created".to_owned(),
            body: Vec::new(),
            state,
            attempts: 2,
            tries: 2,
            first_attempt_at: None,
            blocks_until: None,
            replay_of: None,
            claims: 2,
            created_at: Timestamp::UNIX_EPOCH,
        };
        SettleOutcome::Recorded { delivery, held: None, failing_for: None }
    }

    #[test]
    fn a_delay_ends_with_the_acknowledgement_and_a_late_result_is_counted() {
        let metrics = AttemptMetrics::new();
        let at = Timestamp::from_second(30).unwrap();
        metrics.settled(&recorded(DeliveryState::Pending { due_at: Some(at) }));
        metrics.settled(&recorded(DeliveryState::Delivered { at }));
        metrics.settled(&SettleOutcome::Stale);
        let delays = metrics.delays();
        assert_eq!((delays.count, delays.sum), (1, 30_000_000_000));
        assert_eq!(metrics.stale_results(), 1);
    }
}
