//! Random histories of a chain: it grows, forks at every depth and returns to earlier branches; events are pushed in pieces, late, twice
//! and out of order. In every case a store must hold what a rebuild from scratch gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fluxora_indexer::{Batch, ContractEvent, InvocationSource, Ledger, Opaque, Pushed, Refusal, Rules};
use fluxora_stream::{Stream, UnixTime};

use super::events::*;
use super::invocations::with_call;
use super::reference_model::{Met, ReferenceModel, Verdict};
use super::vesting_events::*;
use crate::chain::Rewind;
use crate::conformance::fixtures::t;
use crate::conformance::runway::RunwayModel;
use crate::conformance::time_events;
use crate::conformance::treasury::agrees;
use crate::{Store, StreamFilter, StreamQuery};

const STREAMS: u64 = 5;
const STEPS: usize = 8;

/// The seeds to run: the first 200, or as `FLUXORA_CHAIN_SEEDS` says, `from..to`.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is its caller's choice")]
pub fn chain_seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("FLUXORA_CHAIN_SEEDS") else { return 0..200 };
    let (from, to) = text.split_once("..").expect("FLUXORA_CHAIN_SEEDS is written from..to");
    from.parse().unwrap()..to.parse().unwrap()
}

/// The histories of one store in which low runways are compared. In one of 1,175 the measurement from all streams had a crossing that
/// the store did not emit.
const WITH_RUNWAYS: u32 = 100;

/// The histories of one store in which time events are compared.
const WITH_TIME_EVENTS: u32 = 1_000;

/// Runs the histories of these seeds, one after the other, on one store.
pub async fn random_chains_end_as_a_rebuild_from_scratch_does(
    store: &impl Store,
    seeds: impl IntoIterator<Item = u64>,
) {
    let (mut histories, mut compared, mut met) = (0_u32, 0_u32, Met::default());
    let mut runways = RunwayModel::default();
    for seed in seeds {
        let rewind = Rewind { to_ledger: 0, reason: "the next history".to_owned() };
        // Refused before the first history, when the store is empty.
        store.rewind(rewind, Rules::default(), t(0)).await.unwrap().ok();
        histories += 1;
        let measured = (histories <= WITH_RUNWAYS).then_some(&mut runways);
        let mut history = History::new(seed);
        history.compares_time_events = histories <= WITH_TIME_EVENTS;
        compared += u32::from(history.run(store, &mut met, measured).await);
    }
    assert!(histories < 100 || met.is_everything(), "holes and branches are drawn");
    assert!(histories < 100 || runways.crossings > 5, "{} thresholds were crossed", runways.crossings);
    assert!(compared * 2 >= histories, "only {compared} of {histories} could be compared with a fresh chain");
}

/// A ledger of the chain as it really is.
#[derive(Clone, Debug)]
struct Block {
    sequence: u32,
    hash: Opaque,
    previous: Opaque,
    events: Vec<ContractEvent>,
}

struct History {
    seed: u64,
    dice: Dice,
    rules: Rules,
    model: ReferenceModel,
    blocks: Vec<Block>,
    left: Vec<Vec<Block>>,
    hashes: u32,
    pushed: usize,
    compares_time_events: bool,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let rules = Rules {
            safety_margin: dice.below(4),
            max_reorg_depth: if dice.one_in(3) { 3 + dice.below(4) } else { 128 },
            ..Rules::default()
        };
        let (model, blocks, left) = (ReferenceModel::default(), Vec::new(), Vec::new());
        Self { seed, dice, rules, model, blocks, left, hashes: 0, pushed: 0, compares_time_events: true }
    }

    /// Whether its end could be compared with a fresh chain's.
    async fn run(mut self, store: &impl Store, met: &mut Met, mut runways: Option<&mut RunwayModel>) -> bool {
        // No event is emitted for instants that are over when time events begin.
        assert!(store.begin_time_events().await.unwrap());
        let since = store.head().await.unwrap();
        for _ in 0..STEPS {
            let from = self.step();
            self.push_from(store, from).await;
            if Dice(self.seed ^ u64::try_from(self.pushed).unwrap() << 16).one_in(2) {
                self.check_runways(store, runways.as_deref_mut()).await;
            }
        }
        // Pushed once more from the start and in order, the store has the whole chain, unless its end is refused as too deep.
        let everything = self.batches(0, false);
        let mut refused = false;
        for batch in everything {
            refused |= self.push(store, &batch).await != Ok(());
        }
        self.compare(store).await;
        self.check_runways(store, runways).await;
        met.add(&self.model.met);
        if refused {
            return false;
        }
        let (context, now) = (format!("seed {}", self.seed), t(i64::try_from(self.pushed).unwrap()));
        let ids: Vec<_> = self.model.streams().into_keys().collect();
        if self.compares_time_events {
            time_events::emitted_what_the_terms_say(store, &ids, since, now, &context).await;
        }
        let mut fresh = ReferenceModel::default();
        for batch in self.batches(0, false) {
            fresh.take(&batch, self.rules);
        }
        // A margin that was passed once is not gone back behind, so more may be safe than on a fresh chain.
        let comparable = self.model.last_safe == fresh.last_safe;
        if comparable {
            assert_eq!(self.model.streams(), fresh.streams(), "seed {}", self.seed);
        }
        comparable
    }

    /// Advances the chain; returns the first ledger that differs.
    fn step(&mut self) -> usize {
        let length = self.blocks.len();
        if length > 1 && self.dice.one_in(3) {
            let depth = 1 + self.dice.index(length.min(8));
            let at = length - depth;
            let left = self.blocks.clone();
            self.blocks.truncate(at);
            let gone: Vec<_> = left[at..].iter().flat_map(|block| block.events.clone()).collect();
            self.left.push(left);
            for _ in 0..=self.dice.index(depth + 1) {
                self.grow(&gone);
            }
            at
        } else if !self.left.is_empty() && self.dice.one_in(4) {
            let chosen = self.dice.index(self.left.len());
            let back = self.left.swap_remove(chosen);
            let same = back.iter().zip(&self.blocks).take_while(|(a, b)| a.hash == b.hash).count();
            self.left.push(std::mem::replace(&mut self.blocks, back));
            self.grow(&[]);
            same
        } else {
            for _ in 0..=self.dice.index(4) {
                self.grow(&[]);
            }
            length
        }
    }

    /// Adds a ledger. On a new branch, events of the old branch may come again, the same or changed.
    fn grow(&mut self, gone: &[ContractEvent]) {
        let sequence = self.blocks.last().map_or(1, |last| last.sequence + 1);
        let previous = self.blocks.last().map_or_else(|| hash(0), |last| last.hash.clone());
        self.hashes += 1;
        let mut events: Vec<_> = gone
            .iter()
            .filter(|event| event.position.ledger == sequence && self.dice.one_in(2))
            .cloned()
            .collect();
        let mut taken: BTreeSet<_> = events.iter().map(|event| event.position).collect();
        for transaction in 0..self.dice.below(3) {
            for index in 0..=self.dice.below(3) {
                let event = self.event(At(sequence, transaction, index));
                if taken.insert(event.position) {
                    events.push(event);
                }
            }
        }
        events.sort_by_key(|event| event.position);
        self.blocks.push(Block { sequence, hash: hash(self.hashes), previous, events });
    }

    fn event(&mut self, at: At) -> ContractEvent {
        let number = u64::from(self.dice.below(u32::try_from(STREAMS).unwrap()));
        let other = u64::from(self.dice.below(u32::try_from(STREAMS).unwrap()));
        let amount = i128::from(1 + self.dice.below(9));
        if self.dice.one_in(3) {
            return self.vesting_event(at, number, amount);
        }
        match self.dice.below(14) {
            0..=2 => created(at, number, 100 * amount, 1 + amount % 3),
            3..=5 => withdrew(at, number, amount),
            6 => transfer(at, amount),
            7 => cancelled(at, number),
            8 => paused(at, number),
            9 => resumed(at, number),
            10 => rate_updated(at, number, 2, 1 + amount % 3),
            11 if number != other => shared(at, number, other, 1, 1),
            12 => unreadable(at, number),
            13 => completed(at, number),
            _ => unknown(at),
        }
    }

    /// An event of the other contract, which counts its streams from 0 as well. Most contradict those before.
    fn vesting_event(&mut self, at: At, number: u64, amount: i128) -> ContractEvent {
        match self.dice.below(14) {
            0..=3 => vesting_created(at, number, 100 * amount, u32::try_from(amount % 3).unwrap()),
            4..=5 => vesting_withdrawn(at, number, amount, 10 * amount, 100 * amount),
            6 => vesting_withdrawn(at, number, amount, 100 * amount, 100 * amount),
            7 => vesting_paused(at, number),
            8 => vesting_resumed(at, number, 5),
            9 => vesting_cancelled(at, number, amount, 2 * amount),
            10 => vesting_topped_up(at, number, amount, 101 * amount),
            11 => vesting_transferred(at, number, u8::try_from(amount).unwrap()),
            12 => vesting_delegated(at, number, u32::try_from(amount).unwrap()),
            _ => vesting_unreadable(at, number),
        }
    }

    /// Pushes the chain from a ledger on, in batches that are cut and ordered at random.
    async fn push_from(&mut self, store: &impl Store, from: usize) {
        let shuffle = self.dice.one_in(3);
        let mut batches = self.batches(from, true);
        if shuffle {
            self.dice.shuffle(&mut batches);
        }
        for batch in batches {
            let times = if self.dice.one_in(6) { 2 } else { 1 };
            for _ in 0..times {
                self.push(store, &batch).await.ok();
            }
            // Separate draws: the histories stay what they are.
            let mut chance = Dice(self.seed ^ u64::try_from(self.pushed).unwrap() << 32);
            if chance.one_in(3) {
                let limit = 1 + chance.below(4);
                store.count_streams_again(t(i64::try_from(self.pushed).unwrap()), limit).await.unwrap();
            }
            if chance.one_in(3) {
                time_events::tick(store, t(i64::try_from(self.pushed).unwrap())).await;
            }
            if self.dice.one_in(4) {
                self.compare(store).await;
            }
        }
        self.compare(store).await;
    }

    async fn check_runways(&self, store: &impl Store, runways: Option<&mut RunwayModel>) {
        let Some(runways) = runways else { return };
        let context = format!("seed {}, push {}", self.seed, self.pushed);
        let streams: Vec<_> = self.model.streams().into_values().collect();
        runways.check(store, &streams, t(i64::try_from(self.pushed).unwrap()), &context).await;
    }

    fn batches(&mut self, from: usize, by_chance: bool) -> Vec<Arc<Batch>> {
        let from = if by_chance && self.dice.one_in(5) { from.saturating_sub(2) } else { from };
        let blocks = self.blocks.get(from..).unwrap_or_default().to_vec();
        let mut batches = Vec::new();
        let (mut events, mut tip) = (Vec::new(), None);
        for block in blocks {
            let linked = !by_chance || !self.dice.one_in(4);
            let previous_hash = linked.then(|| block.previous.clone());
            for event in &block.events {
                if by_chance && self.dice.one_in(12) {
                    continue; // pushed in the last round, when everything is pushed once more
                }
                let ledger_hash = block.hash.clone();
                // Separate draws: the histories stay what they are. Everything is pushed with its call in the last round.
                let mut chance =
                    Dice(self.seed ^ u64::try_from(self.pushed).unwrap() << 32 ^ u64::from(block.sequence));
                let is_with_call = !by_chance || chance.one_in(2);
                let event = match is_with_call {
                    // Which call it was follows from its place.
                    true => with_call(event.clone(), event.position.event % 2 == 1, InvocationSource::Pushed),
                    false => event.clone(),
                };
                events.push(Pushed { event, ledger_hash, previous_hash: previous_hash.clone() });
            }
            if !by_chance || self.dice.one_in(2) {
                let closed_at = Some(closed_at(block.sequence));
                tip = Some(Ledger {
                    sequence: block.sequence,
                    hash: block.hash.clone(),
                    previous_hash,
                    closed_at,
                });
            }
            let cut = !by_chance || self.dice.one_in(2);
            if cut && !(events.is_empty() && tip.is_none()) {
                batches.push((std::mem::take(&mut events), tip.take()));
            }
        }
        if !events.is_empty() || tip.is_some() {
            batches.push((events, tip));
        }
        let newest = |events: &[Pushed]| events.iter().map(|pushed| pushed.event.position.ledger).max();
        let batches = batches.into_iter().map(|(mut events, tip)| {
            if by_chance {
                self.rename(&mut events);
                self.dice.shuffle(&mut events);
            }
            let tip = tip.filter(|tip| newest(&events) <= Some(tip.sequence));
            Arc::new(Batch::new(events, tip, 100).unwrap())
        });
        batches.collect()
    }

    /// Several pushers report the chain, each with ids of its own; at times one batch has an event of two of them.
    fn rename(&mut self, events: &mut Vec<Pushed>) {
        let named = |pushed: &Pushed, pusher: u32| {
            let id = Opaque::new(&format!("{pusher}-{}", pushed.event.id)).unwrap();
            Pushed { event: ContractEvent { id, ..pushed.event.clone() }, ..pushed.clone() }
        };
        let twin = events.first().filter(|_| self.dice.one_in(8)).map(|first| named(first, 9));
        let pusher = self.dice.below(3);
        if pusher > 0 {
            events.iter_mut().for_each(|pushed| *pushed = named(pushed, pusher));
        }
        events.extend(twin);
    }

    /// Pushes a batch to the store and to the model chain: both must say the same.
    async fn push(&mut self, store: &impl Store, batch: &Arc<Batch>) -> Result<(), ()> {
        self.pushed += 1;
        let expect = self.model.take(batch, self.rules);
        let now = t(i64::try_from(self.pushed).unwrap());
        let outcome = store.ingest(Arc::clone(batch), self.rules, now).await.unwrap();
        let verdict = match &outcome {
            Ok(taken) => {
                Verdict::Taken(taken.inserted.len(), taken.reorg.as_ref().map(|reorg| reorg.fork_ledger))
            }
            Err(Refusal::TooDeep { .. }) => Verdict::TooDeep,
            Err(Refusal::EventConflict { .. } | Refusal::LedgerConflict { .. }) => Verdict::Conflict,
            Err(
                refusal @ (Refusal::ImplausibleTip { .. }
                | Refusal::CloseTimeConflict { .. }
                | Refusal::LeaseLost { .. }),
            ) => panic!("{refusal}"),
        };
        assert_eq!(verdict, expect, "seed {}, push {}: {batch:?}", self.seed, self.pushed);
        outcome.map(drop).map_err(drop)
    }

    async fn compare(&mut self, store: &impl Store) {
        let context = format!("seed {}, push {}", self.seed, self.pushed);
        let state = store.chain_state().await.unwrap();
        let stands = (
            state.frontier.tip.as_ref().map(|tip| tip.ledger),
            state.frontier.last_safe,
            state.frontier.final_ledger,
            usize::try_from(state.pending).unwrap(),
            state.frontier.hole.map(|hole| (hole.from, hole.to)),
            state.resync.0,
            usize::try_from(state.orphans).unwrap(),
        );
        let model = &self.model;
        let expect = (
            model.tip(),
            model.last_safe,
            model.final_ledger,
            model.pending(),
            model.hole,
            model.resync.clone(),
            model.orphans(),
        );
        assert_eq!(stands, expect, "{context}");
        // All of them, in one question: there may be none that the model chain does not know.
        let (filter, at) = (StreamFilter::default(), UnixTime::from_seconds(0));
        let limit = u32::try_from(2 * STREAMS).unwrap();
        let page = store.list_streams(&StreamQuery { filter, at, before: None, limit }).await.unwrap();
        assert_eq!((page.unreadable, page.next), (vec![], None), "{context}");
        if Dice(self.seed ^ u64::try_from(self.pushed).unwrap()).one_in(8) {
            let now = UnixTime::of(t(i64::try_from(self.pushed).unwrap()));
            agrees(store, &page.streams, now, &context).await;
        }
        let mut streams = self.model.streams();
        for stored in page.streams {
            let event_count = stored.event_count;
            let expect = streams.remove(&stored.id()).map(|stream| Stream { event_count, ..stream });
            assert_eq!(Some(stored), expect, "{context}");
        }
        assert!(streams.is_empty(), "{context}: {streams:?}");
        let contracts: Vec<_> = store.contracts(10).await.unwrap();
        let summaries: BTreeMap<_, _> =
            contracts.into_iter().map(|report| (report.summary.contract.clone(), report.summary)).collect();
        let mut expect = self.model.contracts();
        for (contract, expect) in &mut expect {
            let version = summaries.get(contract).and_then(|summary| summary.version);
            assert!(version >= expect.version, "{context}: {contract}");
            expect.version = version;
            let first = summaries.get(contract).and_then(|summary| summary.first_unusable.clone());
            assert!(first.is_some() == expect.first_unusable.is_some(), "{context}: {contract}");
            assert!(first <= expect.first_unusable, "{context}: {contract}");
            expect.first_unusable = first;
        }
        assert_eq!(summaries, expect, "{context}");
    }
}

fn hash(number: u32) -> Opaque {
    Opaque::new(&format!("hash-{number}")).unwrap()
}

/// SplitMix64: the same throws for the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit)).unwrap()
    }

    fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(length).unwrap()).unwrap()
    }

    fn one_in(&mut self, chances: u32) -> bool {
        self.below(chances) == 0
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.index(last + 1);
            items.swap(last, other);
        }
    }
}
