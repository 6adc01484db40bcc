//! A second implementation of the chain rules, as simple as possible: the oracle of random histories.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_indexer::projection::{Class, Classified, Streams, classify, project};
use fluxora_indexer::{Batch, ChainPosition, ContractEvent, Opaque, Rules};
use fluxora_stream::{Stream, StreamId};

use crate::chain::ContractSummary;

#[derive(Debug, Default)]
pub(super) struct ReferenceModel {
    /// Hash and previous hash, by sequence.
    ledgers: BTreeMap<u32, (Opaque, Option<Opaque>)>,
    events: BTreeMap<ChainPosition, ContractEvent>,
    pub(super) last_safe: Option<u32>,
    pub(super) final_ledger: Option<u32>,
    /// First and last missing ledger of the lowest hole.
    pub(super) hole: Option<(u32, u32)>,
    pub(super) resync: BTreeSet<u32>,
    pub(super) met: Met,
}

/// How often a history met the cases that are easily missed.
#[derive(Debug, Default)]
pub(super) struct Met {
    /// Batches after which there was a hole.
    pub(super) holes: u32,
    /// Holes that were filled.
    pub(super) filled: u32,
    /// Forks that left ledgers to push again.
    pub(super) resyncs: u32,
    /// Forks that kept a stored ledger which the batch does not have.
    pub(super) kept: u32,
}

impl Met {
    pub(super) fn add(&mut self, other: &Self) {
        self.holes += other.holes;
        self.filled += other.filled;
        self.resyncs += other.resyncs;
        self.kept += other.kept;
    }

    pub(super) const fn is_everything(&self) -> bool {
        self.holes > 0 && self.filled > 0 && self.resyncs > 0 && self.kept > 0
    }
}

/// Whether two reports name one event. Every call that the histories give with it is the same one.
fn same_but_for_labels(known: &ContractEvent, event: &ContractEvent) -> bool {
    let (id, invocation) = (known.id.clone(), known.invocation.clone());
    *known == ContractEvent { id, invocation, ..event.clone() }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Number of new events, and the fork.
    Taken(usize, Option<u32>),
    TooDeep,
    Conflict,
}

impl ReferenceModel {
    pub(super) fn take(&mut self, batch: &Batch, rules: Rules) -> Verdict {
        if batch
            .ledgers()
            .any(|ledger| self.other_parent(ledger.sequence, &ledger.hash, ledger.previous_hash.as_ref()))
        {
            return Verdict::Conflict;
        }
        let fork = batch
            .ledgers()
            .filter_map(|ledger| {
                self.contradicted(ledger.sequence, &ledger.hash, ledger.previous_hash.as_ref())
            })
            .min();
        if fork.is_some() && fork <= self.final_ledger {
            return Verdict::TooDeep;
        }
        let (kept, unproven) = fork.map(|fork| self.descendants(batch, fork)).unwrap_or_default();
        let stays = |ledger: u32| fork.is_none_or(|fork| ledger < fork) || kept.contains(&ledger);
        let mut events = self.events.clone();
        events.retain(|position, _| stays(position.ledger));
        let mut new = 0;
        for event in batch.events() {
            match events.get_mut(&event.position) {
                None => new += usize::from(events.insert(event.position, event.clone()).is_none()),
                Some(known) if same_but_for_labels(known, event) => {
                    known.invocation = known.invocation.take().or_else(|| event.invocation.clone());
                }
                Some(_) => return Verdict::Conflict,
            }
        }
        let lost =
            self.events.keys().map(|position| position.ledger).filter(|ledger| unproven.contains(ledger));
        let known = self.resync.len();
        self.resync.extend(lost);
        self.met.resyncs += u32::from(self.resync.len() > known);
        let is_linked = |ledger: &u32| batch.ledger(*ledger).is_none();
        self.met.kept += u32::from(kept.iter().any(is_linked));
        self.ledgers.retain(|sequence, _| stays(*sequence));
        self.events = events;
        for ledger in batch.ledgers() {
            let pushed = (ledger.hash.clone(), ledger.previous_hash.clone());
            let known = self.ledgers.entry(ledger.sequence).or_insert(pushed);
            known.1 = known.1.take().or_else(|| ledger.previous_hash.clone());
            self.resync.remove(&ledger.sequence);
        }
        let reached = self.below_tip(rules.safety_margin);
        let valid = match fork {
            Some(fork) => self.last_safe.min(fork.checked_sub(1)).min(reached),
            None => self.last_safe,
        };
        let hole = self.hole.take();
        self.hole = self.first_hole(valid);
        self.met.holes += u32::from(self.hole.is_some());
        self.met.filled += u32::from(fork.is_none() && hole.is_some() && self.hole.is_none());
        let reached = self.hole.map_or(reached, |(from, _)| reached.min(Some(from - 1)));
        self.last_safe = if fork.is_some() { reached } else { self.last_safe.max(reached) };
        self.final_ledger = self.final_ledger.max(self.below_tip(rules.max_reorg_depth + 1));
        Verdict::Taken(new, fork)
    }

    pub(super) fn tip(&self) -> Option<u32> {
        self.ledgers.keys().next_back().copied()
    }

    pub(super) fn pending(&self) -> usize {
        self.events.keys().filter(|position| Some(position.ledger) > self.last_safe).count()
    }

    /// Every stream, made from all safe events at once.
    pub(super) fn streams(&self) -> BTreeMap<StreamId, Stream> {
        let mut streams = Streams::new();
        project(&mut streams, |_| true, self.safe());
        streams.into_iter().map(|(id, stream)| (id, stream.into())).collect()
    }

    /// The counts of every stored event by contract. A store may keep the version that a removed event showed,
    /// and name a removed event as the first one that is not usable.
    pub(super) fn contracts(&self) -> BTreeMap<Opaque, ContractSummary> {
        let mut contracts = BTreeMap::<Opaque, ContractSummary>::new();
        for event in self.events.values() {
            let Classified { class, version, .. } = classify(event);
            let is = |known| u64::from(class == known);
            let summary = contracts
                .entry(event.contract.clone())
                .or_insert_with(|| ContractSummary::empty(event.contract.clone()));
            summary.events += 1;
            summary.unknown += is(Class::Unknown);
            summary.unreadable += is(Class::Unreadable);
            summary.transfers += is(Class::Transfer);
            summary.version = summary.version.max(version);
            if matches!(class, Class::Unknown | Class::Unreadable) {
                let this = Some((event.position.ledger, event.topic.clone()));
                summary.first_unusable = summary.first_unusable.take().into_iter().chain(this).min();
            }
        }
        for stream in self.streams().into_values().filter_map(Stream::into_chain) {
            let contract = Opaque::new(&stream.body.contract.to_string()).unwrap();
            contracts.get_mut(&contract).unwrap().anomalies += u64::from(stream.body.state.anomalies());
        }
        contracts
    }

    /// Number of safe events about streams that do not exist.
    pub(super) fn orphans(&self) -> usize {
        let streams = self.streams();
        let is_orphan = |event: &&ContractEvent| {
            classify(event).subjects.stream.is_some_and(|id| !streams.contains_key(&id))
        };
        self.safe().filter(is_orphan).count()
    }

    fn safe(&self) -> impl Iterator<Item = &ContractEvent> {
        self.events.values().filter(|event| Some(event.position.ledger) <= self.last_safe)
    }

    fn below_tip(&self, depth: u32) -> Option<u32> {
        self.tip()?.checked_sub(depth)
    }

    /// The lowest gap below a linked ledger and above a stored one that is not below `from`.
    fn first_hole(&self, from: Option<u32>) -> Option<(u32, u32)> {
        self.ledgers.iter().find_map(|(sequence, (_, link))| {
            let (below, _) = self.ledgers.range(..sequence).next_back()?;
            let is_gap = link.is_some() && below + 1 < *sequence && *below >= from.unwrap_or(0);
            is_gap.then_some((below + 1, sequence - 1))
        })
    }

    /// The stored ledgers from a fork on that are of the batch's branch, and those of an unknown branch.
    fn descendants(&self, batch: &Batch, fork: u32) -> (BTreeSet<u32>, BTreeSet<u32>) {
        let pushed: BTreeMap<_, _> = batch.ledgers().map(|ledger| (ledger.sequence, ledger)).collect();
        // The hash that each sequence has on the new branch, and on the old one, as far as known.
        let mut new: BTreeMap<u32, Opaque> =
            pushed.iter().map(|(sequence, ledger)| (*sequence, ledger.hash.clone())).collect();
        for (sequence, ledger) in &pushed {
            if let (Some(before), Some(link)) = (sequence.checked_sub(1), &ledger.previous_hash) {
                new.entry(before).or_insert_with(|| link.clone());
            }
        }
        let mut old: BTreeMap<u32, Opaque> = BTreeMap::new();
        let (mut kept, mut unproven) = (BTreeSet::new(), BTreeSet::new());
        for (sequence, (hash, link)) in self.ledgers.range(fork..) {
            let before = sequence.checked_sub(1);
            let is_child = |of: &BTreeMap<u32, Opaque>| {
                link.as_ref()
                    .zip(before.and_then(|before| of.get(&before)))
                    .map(|(link, parent)| link == parent)
            };
            let reported =
                before.is_some_and(|before| pushed.contains_key(&before) || kept.contains(&before));
            let child = is_child(&new).filter(|_| reported);
            let named = new.get(sequence).map(|known| known == hash);
            if child == Some(false) || named == Some(false) {
                old.insert(*sequence, hash.clone());
            } else if child == Some(true) || named == Some(true) {
                kept.insert(*sequence);
                new.insert(*sequence, hash.clone());
            } else if is_child(&old) == Some(true) {
                old.insert(*sequence, hash.clone());
            } else {
                unproven.insert(*sequence);
            }
        }
        (kept, unproven)
    }

    /// Whether a ledger is known by this hash and another parent.
    fn other_parent(&self, sequence: u32, hash: &Opaque, previous: Option<&Opaque>) -> bool {
        let known = self.ledgers.get(&sequence).filter(|(known, _)| known == hash);
        known.is_some_and(|(_, parent)| parent.is_some() && previous.is_some() && parent.as_ref() != previous)
    }

    /// The lowest stored ledger that cannot be on one chain with this one.
    fn contradicted(&self, sequence: u32, hash: &Opaque, previous: Option<&Opaque>) -> Option<u32> {
        let parent = sequence.checked_sub(1).and_then(|parent| Some((parent, self.ledgers.get(&parent)?)));
        if let (Some((parent, (known, _))), Some(previous)) = (parent, previous)
            && known != previous
        {
            return Some(parent);
        }
        if self.ledgers.get(&sequence).is_some_and(|(known, _)| known != hash) {
            return Some(sequence);
        }
        let child = self.ledgers.get(&(sequence + 1)).and_then(|(_, parent)| parent.as_ref());
        child.is_some_and(|parent| parent != hash).then_some(sequence + 1)
    }
}
