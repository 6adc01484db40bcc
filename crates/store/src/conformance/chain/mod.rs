//! What every backend must make of the chain.

mod copying;
mod events;
mod evidence;
mod fault_injection;
mod forks;
mod history;
mod holes;
mod identity;
mod ingesting;
mod invocations;
mod listing;
mod random;
mod reference_model;
mod vesting;
mod vesting_events;

pub(super) use copying::{go_on, live_through_forks, removed_stream};
pub use evidence::*;
pub use fault_injection::Failing;
pub use forks::*;
pub use history::*;
pub use holes::*;
pub use identity::*;
pub use ingesting::*;
pub use invocations::{
    a_pusher_cannot_contradict_a_stored_invocation, an_invocation_is_kept_and_decides,
    an_invocation_that_comes_later_corrects_the_stream,
};
pub use listing::*;
pub use random::{chain_seeds, random_chains_end_as_a_rebuild_from_scratch_does};
pub use vesting::*;

use std::sync::Arc;

use fluxora_indexer::{Batch, ContractEvent, Ledger, Opaque, Pushed, Refusal, Rules};
use fluxora_stream::{Stream, StreamId};

use super::fixtures::{flow, t, v9};
use crate::Store;
use crate::chain::{ChainState, Ingested};

pub(super) use events::closed_at;
pub(super) use events::contract;

/// Events of vesting stream 0, each alone in its ledger.
pub(super) mod vesting_steps {
    use fluxora_indexer::ContractEvent;
    use fluxora_stream::StreamId;

    use super::events::At;
    use super::vesting_events::{vesting_created, vesting_id, vesting_topped_up, vesting_withdrawn};

    pub(in crate::conformance) fn id() -> StreamId {
        vesting_id(0)
    }

    pub(in crate::conformance) fn created(ledger: u32) -> ContractEvent {
        vesting_created(At(ledger, 1, 0), 0, 100, 0)
    }

    pub(in crate::conformance) fn withdrawn(ledger: u32) -> ContractEvent {
        vesting_withdrawn(At(ledger, 1, 0), 0, 5, 5, 100)
    }

    pub(in crate::conformance) fn topped_up(ledger: u32) -> ContractEvent {
        vesting_topped_up(At(ledger, 1, 0), 0, 150, 250)
    }
}

/// One way the chain can take: the ledgers from `from` on are its own, those before are its parent's.
#[derive(Clone, Copy)]
pub(super) struct Branch<'p> {
    /// Whether each ledger is pushed with the hash of the one before. If not, only the first two of a fork are: a
    /// source that leaves out ledgers cannot vouch for the links between those it pushes.
    is_linked: bool,
    name: &'static str,
    from: u32,
    parent: Option<&'p Branch<'p>>,
}

pub(super) const MAIN: Branch<'_> = Branch { is_linked: false, name: "a", from: 0, parent: None };
/// The same ledgers, each with its link.
pub(super) const LINKED: Branch<'_> = Branch { is_linked: true, ..MAIN };

impl<'p> Branch<'p> {
    pub(super) const fn forked(&'p self, name: &'static str, from: u32) -> Self {
        Self { is_linked: self.is_linked, name, from, parent: Some(self) }
    }

    pub(super) fn hash(&self, ledger: u32) -> Opaque {
        match self.parent {
            Some(parent) if ledger < self.from => parent.hash(ledger),
            _ => Opaque::new(&format!("{}{ledger}", self.name)).unwrap(),
        }
    }

    fn previous(&self, ledger: u32) -> Option<Opaque> {
        let is_start = self.parent.is_some() && (self.from..=self.from + 1).contains(&ledger);
        ledger.checked_sub(1).filter(|_| self.is_linked || is_start).map(|before| self.hash(before))
    }

    pub(super) fn ledger(&self, sequence: u32) -> Ledger {
        Ledger {
            sequence,
            hash: self.hash(sequence),
            previous_hash: self.previous(sequence),
            closed_at: Some(closed_at(sequence)),
        }
    }

    pub(super) fn batch(&self, events: &[ContractEvent], tip: Option<u32>) -> Arc<Batch> {
        let pushed = events.iter().map(|event| Pushed {
            event: event.clone(),
            ledger_hash: self.hash(event.position.ledger),
            previous_hash: self.previous(event.position.ledger),
        });
        Arc::new(Batch::new(pushed.collect(), tip.map(|tip| self.ledger(tip)), 100).unwrap())
    }

    /// Pushes events, and the tip if one is given; the batch must be taken.
    pub(super) async fn push(
        &self,
        store: &impl Store,
        events: &[ContractEvent],
        tip: Option<u32>,
    ) -> Ingested {
        self.try_push(store, events, tip).await.unwrap()
    }

    pub(super) async fn try_push(
        &self,
        store: &impl Store,
        events: &[ContractEvent],
        tip: Option<u32>,
    ) -> Result<Ingested, Refusal> {
        store.ingest(self.batch(events, tip), Rules::default(), t(1_000)).await.unwrap()
    }
}

/// Pushes one event of a stream into a ledger that is safe at once: its creation, a withdrawal, a pause, a resumption or
/// its end. `false` if the store refuses it.
pub(super) async fn push_one(store: &impl Store, ledger: u32, stream: u64, what: u8) -> bool {
    let at = events::At(ledger, 1, 0);
    let event = match what {
        0 | 1 => events::created(at, stream, 1_000 + i128::from(ledger), 2),
        2 => events::withdrew(at, stream, 5),
        3 => events::paused(at, stream),
        4 => events::resumed(at, stream),
        _ => events::cancelled(at, stream),
    };
    MAIN.try_push(store, &[event], Some(ledger + 1)).await.is_ok()
}

/// Two batches: a chain, and a fork of it that removes a stream, changes one and its share, and brings another.
pub fn a_chain_and_a_fork() -> [Arc<Batch>; 2] {
    let chain = [
        events::created(events::At(10, 1, 0), 0, 1_000, 2),
        events::shared(events::At(11, 1, 0), 0, 1, 1, 1),
        events::created(events::At(12, 1, 0), 2, 1_000, 2),
        events::withdrew(events::At(12, 2, 0), 1, 5),
    ];
    let fork =
        [events::withdrew(events::At(12, 1, 0), 1, 7), events::created(events::At(12, 2, 0), 3, 1_000, 2)];
    [MAIN.batch(&chain, Some(15)), MAIN.forked("b", 12).batch(&fork, Some(15))]
}

pub(super) async fn withdrawn(store: &impl Store, number: u64) -> Option<i128> {
    stream(store, number).await.map(|stream| flow(&stream).withdrawn.stroops())
}

pub(super) async fn stream(store: &impl Store, number: u64) -> Option<Stream> {
    store.stream(&events::id(number)).await.unwrap()
}

pub(super) async fn emitted(store: &impl Store, id: &StreamId) -> Vec<&'static str> {
    let page = store.stream_events(id, 0, 1_000).await.unwrap();
    page.map_or_else(Vec::new, |page| page.events.iter().map(|event| event.event.kind.name()).collect())
}

pub(super) fn reached(state: &ChainState) -> (Option<u32>, Option<u32>, u64) {
    (state.frontier.tip.as_ref().map(|tip| tip.ledger), state.frontier.last_safe, state.pending)
}
