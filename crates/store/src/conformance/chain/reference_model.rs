//! The rules of the chain once more, as plainly as they can be written: the oracle of random histories.

use std::collections::BTreeMap;

use fluxora_indexer::projection::{Class, Classified, Streams, classify, project};
use fluxora_indexer::{Batch, ContractEvent, Opaque, Rules};
use fluxora_stream::Stream;

use crate::chain::ContractSummary;

#[derive(Debug, Default)]
pub(super) struct ReferenceModel {
    /// Hash and previous hash, by sequence.
    ledgers: BTreeMap<u32, (Opaque, Option<Opaque>)>,
    events: BTreeMap<Opaque, ContractEvent>,
    pub(super) last_safe: Option<u32>,
    pub(super) final_ledger: Option<u32>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// How many events were new, and where the chain forked.
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
        let stays = |ledger: u32| fork.is_none_or(|fork| ledger < fork);
        let known =
            |event: &ContractEvent| self.events.get(&event.id).filter(|known| stays(known.position.ledger));
        if batch.events().iter().any(|event| known(event).is_some_and(|known| known != event)) {
            return Verdict::Conflict;
        }
        let new = batch.events().iter().filter(|event| known(event).is_none()).count();
        self.ledgers.retain(|sequence, _| stays(*sequence));
        self.events.retain(|_, event| stays(event.position.ledger));
        for ledger in batch.ledgers() {
            let pushed = (ledger.hash.clone(), ledger.previous_hash.clone());
            let known = self.ledgers.entry(ledger.sequence).or_insert(pushed);
            known.1 = known.1.take().or_else(|| ledger.previous_hash.clone());
        }
        self.events.extend(batch.events().iter().map(|event| (event.id.clone(), event.clone())));
        let reached = self.below_tip(rules.safety_margin);
        self.last_safe = if fork.is_some() { reached } else { self.last_safe.max(reached) };
        self.final_ledger = self.final_ledger.max(self.below_tip(rules.max_reorg_depth + 1));
        Verdict::Taken(new, fork)
    }

    pub(super) fn tip(&self) -> Option<u32> {
        self.ledgers.keys().next_back().copied()
    }

    pub(super) fn pending(&self) -> usize {
        self.events.values().filter(|event| Some(event.position.ledger) > self.last_safe).count()
    }

    /// Every stream, made from all safe events at once.
    pub(super) fn streams(&self) -> BTreeMap<fluxora_stream::StreamId, Stream> {
        let mut events: Vec<_> =
            self.events.values().filter(|event| Some(event.position.ledger) <= self.last_safe).collect();
        events.sort_by_key(|event| event.order());
        let mut streams = Streams::new();
        project(&mut streams, |_| true, events);
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

    fn below_tip(&self, depth: u32) -> Option<u32> {
        self.tip()?.checked_sub(depth)
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
