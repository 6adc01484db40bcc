use fluxora_indexer::projection::{Class, Subjects};
use fluxora_indexer::{ChainPosition, ContractEvent, Frontier, Ledger, Opaque};
use fluxora_stream::{ChainStream, Stream, StreamEvent, StreamId};

use super::{ChainState, Reorg};
use crate::{Sequence, StoreError};

/// A contract event as it is stored: with what was read from it when it came, or when everything was last rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub event: ContractEvent,
    /// What kind it is.
    pub class: Class,
    /// The streams it is about.
    pub subjects: Subjects,
}

/// A contract event as it is listed: with the hash of its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEvent {
    /// The event.
    pub event: ContractEvent,
    /// The hash of its ledger.
    pub ledger_hash: Opaque,
}

/// A place in the list of contract events: the last one read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCursor {
    /// Where it lies on chain.
    pub position: ChainPosition,
    /// Its id.
    pub id: Opaque,
}

/// Which contract events are meant, in the order of the chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractEventQuery {
    /// The first ledger.
    pub from_ledger: Option<u32>,
    /// The last ledger.
    pub to_ledger: Option<u32>,
    /// Only events of this contract.
    pub contract: Option<Opaque>,
    /// Only events with this first topic.
    pub topic: Option<Opaque>,
    /// Only events after this one: the `next` of the page before.
    pub after: Option<EventCursor>,
    /// How many at most; at least 1.
    pub limit: u32,
}

/// A page of contract events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractEventPage {
    /// The events.
    pub events: Vec<ListedEvent>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// What is stored of a chain stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStream {
    /// Its id.
    pub id: StreamId,
    /// Its place in the order of creation.
    pub sequence: Sequence,
    /// How many stream events have been emitted for it.
    pub event_count: u32,
    /// The stream; `None` if it was removed because the ledgers that created it were replaced.
    pub stream: Option<ChainStream>,
}

/// A change of a stored stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamWrite {
    /// It was not there.
    Insert(Stream),
    /// It is different.
    Update(Sequence, Stream),
    /// It had been removed, and is back in its place.
    Restore(Sequence, Stream),
    /// It goes. Its place, and what was told of it, are kept.
    Remove {
        /// Its place in the order of creation.
        sequence: Sequence,
        /// Which.
        id: StreamId,
        /// How many stream events have been emitted for it, `removed` included.
        event_count: u32,
    },
}

/// What the steps of this module need of a backend, inside one transaction that nobody else's writes to the chain can cross.
///
/// Lists may be of any length; an empty one costs nothing. Nothing here decides anything.
#[expect(async_fn_in_trait, reason = "used with concrete types, which are Send where that is needed")]
pub trait ChainTransaction {
    /// What can go wrong: a [`StoreError`], or what a backend handles by itself.
    type Fault: From<StoreError>;

    /// Reads how the chain stands. Whoever else asks waits until this transaction ends.
    async fn state(&mut self) -> Result<ChainState, Self::Fault>;

    /// Reads how far the chain is known, and keeps nobody waiting.
    async fn frontier(&mut self) -> Result<Frontier, Self::Fault>;

    /// Writes how the chain stands, but for the last reorg.
    async fn save(&mut self, state: &ChainState) -> Result<(), Self::Fault>;

    /// Reads the stored ones of these ledgers.
    async fn ledgers(&mut self, sequences: &[u32]) -> Result<Vec<Ledger>, Self::Fault>;

    /// Reads the newest stored ledger up to a sequence.
    async fn newest_ledger(&mut self, upto: u32) -> Result<Option<Ledger>, Self::Fault>;

    /// Writes ledgers, in place of what is stored of them.
    async fn write_ledgers(&mut self, ledgers: &[Ledger]) -> Result<(), Self::Fault>;

    /// Reads the stored ones of the events with these ids.
    async fn events_by_id(&mut self, ids: &[Opaque]) -> Result<Vec<ContractEvent>, Self::Fault>;

    /// Writes events that are not stored.
    async fn insert_events(&mut self, events: &[StoredEvent]) -> Result<(), Self::Fault>;

    /// Writes anew of what class stored events are and which streams they are about; nothing else of them.
    async fn reclassify(&mut self, events: &[StoredEvent]) -> Result<(), Self::Fault>;

    /// Removes every ledger from a sequence on, with its events; hands back the events, in any order. There may be very many of
    /// them: payloads are left out (they are empty).
    async fn remove_from(&mut self, sequence: u32) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads the events of the ledgers after one, up to and with another, in the order of the chain.
    async fn events_between(
        &mut self,
        after: Option<u32>,
        upto: u32,
    ) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads all events of these transactions, each named by its ledger and its place in it, in any order.
    async fn events_of_transactions(
        &mut self,
        transactions: &[(u32, u32)],
    ) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads all events of every transaction, up to and with a ledger, that has an event about one of these streams; in any
    /// order, and perhaps more than once.
    async fn histories(&mut self, streams: &[StreamId], upto: u32) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads up to `limit` events after one, up to and with a ledger, in the order of the chain.
    async fn events_after(
        &mut self,
        after: Option<&EventCursor>,
        upto: u32,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads what is stored of these streams, the removed ones among them.
    async fn streams(&mut self, ids: &[StreamId]) -> Result<Vec<StoredStream>, Self::Fault>;

    /// Reads up to `limit` streams of the chain in the order of their creation, after a place; without the removed ones.
    async fn streams_after(
        &mut self,
        after: Option<Sequence>,
        limit: u32,
    ) -> Result<Vec<StoredStream>, Self::Fault>;

    /// Changes streams, and then writes what is told of them, in this order.
    async fn write(&mut self, streams: &[StreamWrite], events: &[StreamEvent]) -> Result<(), Self::Fault>;

    /// Records a reorg and numbers it.
    async fn record_reorg(&mut self, reorg: &Reorg) -> Result<u64, Self::Fault>;
}
