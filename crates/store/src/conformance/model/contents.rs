//! What the model stores.

use std::collections::BTreeMap;

use fluxora_audit::Row;
use fluxora_indexer::{Ledger, LedgerProof, Opaque};
use jiff::Timestamp;

use fluxora_stream::{Change, Stream, StreamEvent, StreamId};

use super::runway::ModelRunways;
use super::time_events::ModelInstants;
use super::webhooks::ModelWebhooks;
use crate::chain::{ChainState, ComparedEntry, ContractSummary, Coverage, Reorg, StoredEvent, StoredStream};
use crate::{KeyedResponse, Sequence, StoredKey};

#[derive(Clone, Debug, Default)]
pub(in crate::conformance) struct Contents {
    /// By their position in the order of creation.
    pub(in crate::conformance) streams: BTreeMap<Sequence, Stream>,
    /// The last position in that order that was used.
    places: u64,
    pub(in crate::conformance) events: Vec<StreamEvent>,
    pub(super) responses: Vec<KeyedResponse>,
    /// By stream.
    pub(super) owners: BTreeMap<StreamId, String>,
    pub(in crate::conformance) keys: Vec<StoredKey>,
    /// Keys that were ever created.
    pub(super) key_count: u64,
    pub(in crate::conformance) chain: ModelChain,
    pub(in crate::conformance) webhooks: ModelWebhooks,
    pub(in crate::conformance) audit: Vec<Row>,
    pub(in crate::conformance) instants: ModelInstants,
    pub(super) runways: ModelRunways,
}

impl Contents {
    pub(super) fn find(&self, id: &StreamId) -> Option<Sequence> {
        self.streams.iter().find(|(_, stream)| stream.id() == *id).map(|(place, _)| *place)
    }

    pub(super) fn next_place(&mut self) -> Sequence {
        self.places += 1;
        Sequence(self.places)
    }

    pub(super) fn write(&mut self, at: Sequence, change: Change) {
        self.streams.insert(at, change.stream);
        self.events.extend(change.events);
    }

    pub(super) fn of(&self, id: &StreamId) -> impl Iterator<Item = &StreamEvent> {
        self.events.iter().filter(move |event| event.stream == *id)
    }
}

#[derive(Clone, Debug, Default)]
pub(in crate::conformance) struct ModelChain {
    pub(in crate::conformance) state: ChainState,
    pub(in crate::conformance) ledgers: BTreeMap<u32, Ledger>,
    /// In the order of the chain.
    pub(in crate::conformance) events: Vec<StoredEvent>,
    /// The number of each event in the order of arrival.
    pub(in crate::conformance) arrivals: BTreeMap<Opaque, Sequence>,
    /// The last number that was given.
    pub(in crate::conformance) last_arrival: u64,
    pub(in crate::conformance) removed: Vec<StoredStream>,
    pub(in crate::conformance) reorgs: Vec<Reorg>,
    pub(in crate::conformance) coverage: Vec<Coverage>,
    pub(in crate::conformance) proofs: BTreeMap<u32, LedgerProof>,
    /// By the text of the stream's id.
    pub(in crate::conformance) drifts: BTreeMap<String, ComparedEntry>,
    /// Holder, token and end of each lease.
    pub(super) leases: BTreeMap<&'static str, (String, u64, Timestamp)>,
    pub(super) contracts: BTreeMap<Opaque, ContractSummary>,
}

impl ModelChain {
    pub(super) fn select(&self, which: impl Fn(&StoredEvent) -> bool) -> Vec<StoredEvent> {
        self.events.iter().filter(|stored| which(stored)).cloned().collect()
    }
}
