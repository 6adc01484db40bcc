use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use crate::projection::{Classified, classify};
use crate::{ContractEvent, Evidence, Ledger, Opaque};

/// A pushed contract event with the hash of its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The contract event.
    pub event: ContractEvent,
    /// Hash of its ledger.
    pub ledger_hash: Opaque,
    /// Hash of the ledger before, if the pusher knows it.
    pub previous_hash: Option<Opaque>,
}

/// The contract events and ledgers of one push. They are consistent: one hash and one close time for each ledger, no
/// broken link between ledgers, no id twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    ledgers: BTreeMap<u32, Ledger>,
    /// In the order of the push.
    events: Vec<ContractEvent>,
    /// Class, streams and version of each event.
    classes: Vec<Classified>,
    /// For each event, the index of the first event of the batch at its position, unless it is that event.
    repeats: Vec<Option<usize>>,
    evidence: Evidence,
}

/// Why a push is not a batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchFault {
    /// Neither an event nor a tip.
    #[error("a batch needs 1 to {limit} events; without a tip it cannot be empty")]
    Empty {
        /// Most events of a batch.
        limit: usize,
    },
    /// Too many events.
    #[error("a batch needs 1 to {limit} events, not {count}")]
    TooMany {
        /// Number of events.
        count: usize,
        /// Most events of a batch.
        limit: usize,
    },
    /// Two hashes for one ledger.
    #[error("ledger {ledger} has another hash earlier in this batch")]
    TwoHashes {
        /// Sequence of the ledger.
        ledger: u32,
        /// The part of the batch with the second one.
        reported_by: BatchSource,
    },
    /// Two previous hashes for one ledger.
    #[error("ledger {ledger} has another previous hash earlier in this batch")]
    TwoPreviousHashes {
        /// Sequence of the ledger.
        ledger: u32,
        /// The part of the batch with the second one.
        reported_by: BatchSource,
    },
    /// Two close times for one ledger.
    #[error("ledger {ledger} has another close time earlier in this batch")]
    TwoCloseTimes {
        /// Sequence of the ledger.
        ledger: u32,
        /// The part of the batch with the second one.
        reported_by: BatchSource,
    },
    /// The previous hash of a ledger is not the hash of the ledger before it.
    #[error(
        "the previous hash of ledger {ledger} is not the hash that this batch gives for the ledger before it"
    )]
    BrokenLink {
        /// Sequence of the later ledger.
        ledger: u32,
    },
    /// The tip is older than a ledger with events.
    #[error("the tip must be the newest ledger of the batch: there is an event in ledger {ledger}")]
    TipTooLow {
        /// The newest ledger with an event.
        ledger: u32,
    },
    /// Two events with one id.
    #[error("this event id is given twice in the batch")]
    DuplicateId {
        /// Index of the second event in the batch.
        index: usize,
    },
}

/// The part of a batch that names a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSource {
    /// The event at this index.
    Event(usize),
    /// The tip.
    Tip,
}

impl Batch {
    /// A batch of a push of at most `limit` events, if it is consistent.
    ///
    /// # Errors
    /// Every fault found.
    pub fn new(events: Vec<Pushed>, tip: Option<Ledger>, limit: usize) -> Result<Self, Vec<BatchFault>> {
        Self::of_ledgers(events, tip.into_iter().collect(), limit)
    }

    /// A batch of whole ledgers, in order, with at most `limit` events: the last ledger is the tip. A ledger without
    /// events is part of the batch too.
    ///
    /// # Errors
    /// Every fault found.
    pub fn of_ledgers(
        events: Vec<Pushed>,
        ledgers: Vec<Ledger>,
        limit: usize,
    ) -> Result<Self, Vec<BatchFault>> {
        let mut reading = Reading::default();
        if events.is_empty() && ledgers.is_empty() {
            reading.faults.push(BatchFault::Empty { limit });
        }
        if events.len() > limit {
            return Err(vec![BatchFault::TooMany { count: events.len(), limit }]);
        }
        let newest = events.iter().map(|pushed| pushed.event.position.ledger).max();
        if let (Some(tip), Some(newest)) = (ledgers.last(), newest)
            && tip.sequence < newest
        {
            reading.faults.push(BatchFault::TipTooLow { ledger: newest });
        }
        let mut taken = Vec::with_capacity(events.len());
        for (index, pushed) in events.into_iter().enumerate() {
            reading.event(index, &pushed);
            taken.push(pushed.event);
        }
        for ledger in ledgers {
            reading.ledger(BatchSource::Tip, ledger);
        }
        reading.check_links();
        if reading.faults.is_empty() {
            // Classified here, where batches are read in parallel, not where they wait for the lock on the chain.
            let classes = taken.iter().map(classify).collect();
            let mut first = HashMap::with_capacity(taken.len());
            let repeats = taken.iter().enumerate().map(|(index, event)| {
                let first = *first.entry(event.position).or_insert(index);
                (first != index).then_some(first)
            });
            let repeats = repeats.collect();
            let evidence = Evidence::default();
            Ok(Self { ledgers: reading.ledgers, events: taken, classes, repeats, evidence })
        } else {
            Err(reading.faults)
        }
    }

    /// The batch of verified ledgers: what is known of them beside their events.
    #[must_use]
    pub fn with_evidence(self, evidence: Evidence) -> Self {
        Self { evidence, ..self }
    }

    /// What is known of the ledgers beside their events.
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// The ledgers of the batch, in order.
    pub fn ledgers(&self) -> impl DoubleEndedIterator<Item = &Ledger> {
        self.ledgers.values()
    }

    /// The ledger with this sequence, if the batch names it.
    pub fn ledger(&self, sequence: u32) -> Option<&Ledger> {
        self.ledgers.get(&sequence)
    }

    /// The events, in the order of the push.
    pub fn events(&self) -> &[ContractEvent] {
        &self.events
    }

    /// The event at this index, and what it is.
    pub fn classified(&self, index: usize) -> Option<(&ContractEvent, Classified)> {
        self.events.get(index).zip(self.classes.get(index).copied())
    }

    /// The first event of the batch at the position of the event at this index, unless it is that event.
    pub fn repeated(&self, index: usize) -> Option<&ContractEvent> {
        let first = (*self.repeats.get(index)?)?;
        self.events.get(first)
    }

    /// Sequences of the stored ledgers that [`plan`](crate::plan) needs: each ledger of the batch and its neighbours.
    pub fn neighbourhood(&self) -> Vec<u32> {
        let around = |sequence: &u32| [sequence.checked_sub(1), Some(*sequence), sequence.checked_add(1)];
        let mut sequences: Vec<_> = self.ledgers.keys().flat_map(around).flatten().collect();
        sequences.sort_unstable();
        sequences.dedup();
        sequences
    }
}

#[derive(Default)]
struct Reading {
    ledgers: BTreeMap<u32, Ledger>,
    ids: HashMap<Opaque, usize>,
    faults: Vec<BatchFault>,
}

impl Reading {
    fn event(&mut self, index: usize, pushed: &Pushed) {
        if self.ids.insert(pushed.event.id.clone(), index).is_some() {
            self.faults.push(BatchFault::DuplicateId { index });
        }
        let ledger = Ledger {
            sequence: pushed.event.position.ledger,
            hash: pushed.ledger_hash.clone(),
            previous_hash: pushed.previous_hash.clone(),
            closed_at: Some(pushed.event.happened_at),
        };
        self.ledger(BatchSource::Event(index), ledger);
    }

    fn ledger(&mut self, reported_by: BatchSource, ledger: Ledger) {
        let sequence = ledger.sequence;
        let Some(known) = self.ledgers.get_mut(&sequence) else {
            self.ledgers.insert(sequence, ledger);
            return;
        };
        if known.hash != ledger.hash {
            self.faults.push(BatchFault::TwoHashes { ledger: sequence, reported_by });
        } else if differ(known.previous_hash.as_ref(), ledger.previous_hash.as_ref()) {
            self.faults.push(BatchFault::TwoPreviousHashes { ledger: sequence, reported_by });
        } else if differ(known.closed_at.as_ref(), ledger.closed_at.as_ref()) {
            self.faults.push(BatchFault::TwoCloseTimes { ledger: sequence, reported_by });
        } else {
            known.enrich(&ledger);
        }
    }

    fn check_links(&mut self) {
        for (sequence, ledger) in &self.ledgers {
            let before = sequence.checked_sub(1).and_then(|before| self.ledgers.get(&before));
            if differ(ledger.previous_hash.as_ref(), before.map(|before| &before.hash)) {
                self.faults.push(BatchFault::BrokenLink { ledger: *sequence });
            }
        }
    }
}

/// Whether both are known and are not the same.
pub(crate) fn differ<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}
