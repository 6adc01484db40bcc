use std::sync::atomic::{AtomicU64, Ordering};

/// Remembers that writes have failed until a written and committed proof shows that they work again.
///
/// A commit that writes nothing succeeds on a full disk too: after an outage, a health check has to write.
#[derive(Debug, Default)]
pub struct OutageTracker {
    recorded: AtomicU64,
    proven: AtomicU64,
}

/// How many outages had been recorded when a proof was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doubt(u64);

impl OutageTracker {
    /// Records an outage.
    pub fn record(&self) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
    }

    /// The doubt that a proof has to end; `None` if no outage was recorded since the last proof.
    pub fn doubt(&self) -> Option<Doubt> {
        let recorded = self.recorded.load(Ordering::Relaxed);
        (recorded != self.proven.load(Ordering::Relaxed)).then_some(Doubt(recorded))
    }

    /// Ends a doubt after a proof. Outages recorded since the proof was begun stay in doubt.
    pub fn prove(&self, Doubt(recorded): Doubt) {
        self.proven.fetch_max(recorded, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_ends_the_doubt_of_outages_before_it_and_of_no_later_one() {
        let outages = OutageTracker::default();
        assert_eq!(outages.doubt(), None);
        outages.record();
        outages.record();
        let doubt = outages.doubt().unwrap();
        outages.record();
        outages.prove(doubt);
        let later = outages.doubt().unwrap();
        assert_ne!(later, doubt);
        outages.prove(later);
        outages.prove(doubt);
        assert_eq!(outages.doubt(), None);
    }
}
