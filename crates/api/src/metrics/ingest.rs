use std::fmt;
use std::sync::Arc;

use fluxora_ingest::{Observation, Observer, RefusalKind};
use fluxora_metrics::Counter;

/// Counts what happened to batches. Clones count together.
#[derive(Clone, Default)]
pub struct IngestMetrics(Arc<Counts>);

#[derive(Default)]
pub(super) struct Counts {
    outcomes: [Counter; 7],
    pub(super) inserted: Counter,
    pub(super) duplicates: Counter,
    pub(super) unprojected: Counter,
    pub(super) orphans: Counter,
    pub(super) anomalies: Counter,
}

/// What became of a batch, in the order of the counters.
const OUTCOMES: [&str; 7] = [
    "stored",
    "reorg_too_deep",
    "event_conflict",
    "implausible_tip",
    "ledger_conflict",
    "lease_lost",
    "store_failed",
];

impl IngestMetrics {
    pub(super) fn counts(&self) -> &Counts {
        &self.0
    }
}

impl Counts {
    /// Batches by what became of them.
    pub(super) fn batches(&self) -> impl Iterator<Item = (&'static str, u64)> {
        OUTCOMES.into_iter().zip(self.outcomes.iter().map(Counter::value))
    }
}

impl Observer for IngestMetrics {
    fn observe(&self, observation: Observation) {
        let Counts { outcomes, inserted, duplicates, unprojected, orphans, anomalies } = self.0.as_ref();
        let [stored, too_deep, event_conflict, implausible_tip, ledger_conflict, lease_lost, failed] =
            outcomes;
        let add = |counter: &Counter, number: usize| counter.add(u64::try_from(number).unwrap_or(u64::MAX));
        match observation {
            Observation::Stored { events, duplicates: repeated } => {
                stored.increment();
                add(inserted, events);
                add(duplicates, repeated);
            }
            // The database counts reorgs, rewinds among them.
            Observation::ReorgApplied { .. } => {}
            Observation::Orphans { events } => add(orphans, events),
            Observation::Unprojected { events } => add(unprojected, events),
            Observation::Anomalies { count } => add(anomalies, count),
            Observation::Refused(RefusalKind::ReorgTooDeep) => too_deep.increment(),
            Observation::Refused(RefusalKind::EventConflict) => event_conflict.increment(),
            Observation::Refused(RefusalKind::ImplausibleTip) => implausible_tip.increment(),
            Observation::Refused(RefusalKind::LedgerConflict) => ledger_conflict.increment(),
            Observation::Refused(RefusalKind::LeaseLost) => lease_lost.increment(),
            Observation::StoreFailed => failed.increment(),
        }
    }
}

impl fmt::Debug for IngestMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IngestMetrics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_counted_by_what_became_of_it() {
        let metrics = IngestMetrics::default();
        for observation in [
            Observation::Stored { events: 3, duplicates: 2 },
            Observation::Anomalies { count: 1 },
            Observation::Refused(RefusalKind::LedgerConflict),
            Observation::StoreFailed,
            Observation::StoreFailed,
        ] {
            metrics.clone().observe(observation);
        }
        let batches: Vec<_> = metrics.counts().batches().map(|(_, count)| count).collect();
        assert_eq!(batches, [1, 0, 0, 0, 1, 0, 2]);
        let counts = metrics.counts();
        assert_eq!((counts.inserted.value(), counts.duplicates.value()), (3, 2));
        assert_eq!((counts.anomalies.value(), counts.orphans.value()), (1, 0));
    }
}
