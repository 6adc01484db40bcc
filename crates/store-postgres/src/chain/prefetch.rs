//! Rows that every batch needs: queried together with the chain state, and handed out when the steps ask for them.

use fluxora_indexer::{Batch, Rules};
use fluxora_store::chain::StoredEvent;
use tokio_postgres::Row;

use super::events::EventKeys;
use crate::columns;

/// Answers that came before they were asked for. Each is handed out once, where exactly what it answers is asked, and none after
/// something was written that could make it another; what is not here is asked as ever.
#[derive(Default)]
pub(crate) struct Prefetch {
    pub(crate) keys: Option<PrefetchKeys>,
    ledgers: Option<(Vec<u32>, Vec<Row>)>,
    known: Option<(EventKeys, [Vec<Row>; 2])>,
    waiting: Option<Waiting>,
}

/// What will be asked.
pub(crate) struct PrefetchKeys {
    pub(crate) ledgers: Vec<u32>,
    pub(crate) events: EventKeys,
    /// The ledger that will be the last safe one, if the batch brings the newest.
    pub(crate) upto: Option<u32>,
}

/// The rows for [`PrefetchKeys`], not decoded yet: a row that cannot be read is an error of the step that uses it.
pub(crate) struct Prefetched {
    pub(crate) ledgers: Vec<Row>,
    pub(crate) known: [Vec<Row>; 2],
    pub(crate) waiting: Vec<Row>,
}

/// The events of the ledgers after one, up to and with another.
pub(crate) struct Waiting {
    after: Option<u32>,
    upto: u32,
    /// Those that were stored.
    pub(crate) stored: Vec<Row>,
    /// Those that were written since.
    pub(crate) written: Vec<StoredEvent>,
}

impl Prefetch {
    /// Foresees what a batch needs.
    pub(crate) fn of(batch: &Batch, rules: Rules) -> Self {
        let newest = batch.ledgers().next_back().map(|ledger| ledger.sequence);
        let keys = PrefetchKeys {
            ledgers: batch.neighbourhood(),
            events: EventKeys::of(batch.events()),
            upto: newest.and_then(|newest| newest.checked_sub(rules.safety_margin)),
        };
        Self { keys: Some(keys), ..Self::default() }
    }

    /// Keeps what was found, where `last_safe` is the last safe ledger.
    pub(crate) fn keep(&mut self, keys: PrefetchKeys, found: Prefetched, last_safe: Option<u32>) {
        let PrefetchKeys { ledgers, events, upto } = keys;
        self.ledgers = Some((ledgers, found.ledgers));
        self.known = Some((events, found.known));
        let (stored, written) = (found.waiting, Vec::new());
        self.waiting = upto.map(|upto| Waiting { after: last_safe, upto, stored, written });
    }

    pub(crate) fn ledgers(&mut self, sequences: &[u32]) -> Option<Vec<Row>> {
        self.ledgers.take().filter(|(asked, _)| asked == sequences).map(|(_, rows)| rows)
    }

    pub(crate) fn known(&mut self, keys: &EventKeys) -> Option<[Vec<Row>; 2]> {
        self.known.take().filter(|(asked, _)| asked == keys).map(|(_, rows)| rows)
    }

    pub(crate) fn waiting(&mut self, after: Option<u32>, upto: u32) -> Option<Waiting> {
        self.waiting.take().filter(|waiting| (waiting.after, waiting.upto) == (after, upto))
    }

    /// Ledgers are being written.
    pub(crate) fn ledgers_written(&mut self) {
        self.ledgers = None;
    }

    /// Events are being written.
    pub(crate) fn events_inserted(&mut self, events: &[StoredEvent]) {
        self.known = None;
        let Some(Waiting { after, upto, written, .. }) = &mut self.waiting else { return };
        let within = |ledger| Some(ledger) > *after && ledger <= *upto;
        let within = events.iter().filter(|stored| within(stored.event.position.ledger)).cloned();
        written.extend(within.map(|mut stored| {
            stored.event.happened_at = columns::instant(stored.event.happened_at);
            stored
        }));
    }

    /// What is stored becomes something else.
    pub(crate) fn invalidate(&mut self) {
        *self = Self::default();
    }
}
