use std::collections::{BTreeMap, HashMap};

use thiserror::Error;

use crate::projection::{Class, Subjects, classify};
use crate::{ContractEvent, Ledger, Opaque};

/// An event as it was pushed: with the hash of the ledger that it lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The event.
    pub event: ContractEvent,
    /// The hash of its ledger.
    pub ledger_hash: Opaque,
    /// The hash of the ledger before that, where the pusher knows it.
    pub previous_hash: Option<Opaque>,
}

/// What a pusher brings at once. It agrees with itself: one hash for each ledger, each link between ledgers sound, each id once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    ledgers: BTreeMap<u32, Ledger>,
    /// In the order in which they were pushed.
    events: Vec<ContractEvent>,
    /// What each of the events is about.
    classes: Vec<(Class, Subjects)>,
}

/// Why what was pushed is no batch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchFault {
    /// There is neither an event nor a tip.
    #[error("a batch needs 1 to {limit} events; without a tip it cannot be empty")]
    Empty {
        /// How many events a batch may hold.
        limit: usize,
    },
    /// There are too many events.
    #[error("a batch needs 1 to {limit} events, not {count}")]
    TooMany {
        /// How many there are.
        count: usize,
        /// How many events a batch may hold.
        limit: usize,
    },
    /// One ledger has two hashes.
    #[error("ledger {ledger} has another hash earlier in this batch")]
    TwoHashes {
        /// The ledger.
        ledger: u32,
        /// Who says so.
        reported_by: BatchSource,
    },
    /// One ledger has two predecessors.
    #[error("ledger {ledger} has another previous hash earlier in this batch")]
    TwoPreviousHashes {
        /// The ledger.
        ledger: u32,
        /// Who says so.
        reported_by: BatchSource,
    },
    /// Two neighbouring ledgers do not belong to one chain.
    #[error(
        "the previous hash of ledger {ledger} is not the hash that this batch gives for the ledger before it"
    )]
    BrokenLink {
        /// The later of the two.
        ledger: u32,
    },
    /// The tip is not the newest ledger.
    #[error("the tip must be the newest ledger of the batch: there is an event in ledger {ledger}")]
    TipTooLow {
        /// The newest ledger that has an event.
        ledger: u32,
    },
    /// An id is given to two events.
    #[error("this event id is given twice in the batch")]
    DuplicateId {
        /// The place of the second event in the batch.
        index: usize,
    },
}

/// Which part of a batch speaks of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSource {
    /// The event at this place.
    Event(usize),
    /// The tip.
    Tip,
}

impl Batch {
    /// Takes what was pushed, at most `limit` events, if it agrees with itself.
    ///
    /// # Errors
    /// Every fault that was found.
    pub fn new(events: Vec<Pushed>, tip: Option<Ledger>, limit: usize) -> Result<Self, Vec<BatchFault>> {
        let mut reading = Reading::default();
        if events.is_empty() && tip.is_none() {
            reading.faults.push(BatchFault::Empty { limit });
        }
        if events.len() > limit {
            return Err(vec![BatchFault::TooMany { count: events.len(), limit }]);
        }
        let newest = events.iter().map(|pushed| pushed.event.position.ledger).max();
        if let (Some(tip), Some(newest)) = (&tip, newest)
            && tip.sequence < newest
        {
            reading.faults.push(BatchFault::TipTooLow { ledger: newest });
        }
        let mut taken = Vec::with_capacity(events.len());
        for (index, pushed) in events.into_iter().enumerate() {
            reading.event(index, &pushed);
            taken.push(pushed.event);
        }
        if let Some(tip) = tip {
            reading.ledger(BatchSource::Tip, tip);
        }
        reading.check_links();
        if reading.faults.is_empty() {
            // Here, where batches come side by side, and not where they wait for each other to be written.
            let classes = taken.iter().map(classify).collect();
            Ok(Self { ledgers: reading.ledgers, events: taken, classes })
        } else {
            Err(reading.faults)
        }
    }

    /// The ledgers it speaks of, in order.
    pub fn ledgers(&self) -> impl DoubleEndedIterator<Item = &Ledger> {
        self.ledgers.values()
    }

    /// The events, in the order in which they were pushed.
    pub fn events(&self) -> &[ContractEvent] {
        &self.events
    }

    /// The event at this place, what kind it is, and the streams it is about.
    pub fn classified(&self, index: usize) -> Option<(&ContractEvent, Class, Subjects)> {
        let (class, subjects) = *self.classes.get(index)?;
        Some((self.events.get(index)?, class, subjects))
    }

    /// The sequences whose stored ledgers [`plan`](crate::plan) must see: each of its own, and the neighbours of each.
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
pub(crate) fn differ(one: Option<&Opaque>, other: Option<&Opaque>) -> bool {
    matches!((one, other), (Some(one), Some(other)) if one != other)
}
