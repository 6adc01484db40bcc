use std::ops::RangeInclusive;

use fluxora_indexer::projection::{Class, Subjects};
use fluxora_indexer::{ChainPosition, ContractEvent, Frontier, Ledger, LedgerProof, Opaque, Verification};
use fluxora_stream::{ChainStream, Stream, StreamEvent, StreamId};

use super::{ChainState, ContractTallies, Coverage, Reorg};
use crate::{Sequence, StoreError};

/// A stored contract event with its class and streams, as decoded on arrival or by the last reindex.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub event: ContractEvent,
    /// Class.
    pub class: Class,
    /// The streams of the event.
    pub subjects: Subjects,
}

/// A contract event that an earlier version stored at the position of another one. The migration to unique positions
/// kept the event with the lowest id there and set the others aside: no stream is made of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepeatedEvent {
    /// Number of the row: 1, 2, 3…
    pub number: u64,
    /// Id of the event that was kept at the position.
    pub kept: Opaque,
    /// The event that was set aside, as it was stored.
    pub stored: StoredEvent,
}

/// A listed contract event with the hash of its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedEvent {
    /// The event.
    pub event: ContractEvent,
    /// Hash of its ledger.
    pub ledger_hash: Opaque,
    /// How it is known.
    pub verification: Verification,
    /// Number in the order of arrival.
    pub arrival: Sequence,
}

/// Most contract events that one page looks through for those of a contract or a topic.
pub const CONTRACT_EVENT_WINDOW: u32 = 10_000;

/// A cursor in the list of contract events: the last event read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventCursor {
    /// Position on chain.
    pub position: ChainPosition,
    /// Id of the contract event.
    pub id: Opaque,
}

/// Numbers in the order of arrival: those above `after`, up to and with `upto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrivals {
    /// The last number that was read.
    pub after: Sequence,
    /// The last number to look at.
    pub upto: Sequence,
}

impl Arrivals {
    /// The numbers after this one that one page looks through.
    pub fn after(after: Sequence) -> Self {
        Self { after, upto: Sequence(after.0.saturating_add(CONTRACT_EVENT_WINDOW.into())) }
    }
}

/// A query for contract events, in chain order unless `arrivals` is given.
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
    /// Only events after this one on chain.
    pub after: Option<EventCursor>,
    /// Only events up to and with this one on chain. Without it a query for a contract or a topic looks through
    /// [`CONTRACT_EVENT_WINDOW`] events.
    pub until: Option<EventCursor>,
    /// The events of these numbers, in the order of arrival.
    pub arrivals: Option<Arrivals>,
    /// Most events of the page; at least 1.
    pub limit: u32,
}

/// A page of contract events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContractEventPage {
    /// The events.
    pub events: Vec<ListedEvent>,
    /// Whether more may follow.
    pub more: bool,
    /// The last event that was looked at, if the page ended before the list did: of the query, or found by it.
    pub until: Option<EventCursor>,
}

/// What is stored of a chain stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStream {
    /// Id of the stream.
    pub id: StreamId,
    /// Position in the order of creation.
    pub sequence: Sequence,
    /// How many stream events have been emitted for it.
    pub event_count: u32,
    /// The stream; `None` if it was removed because the ledgers that created it were replaced.
    pub stream: Option<ChainStream>,
}

/// A place where an event is about a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The transaction of the event: its ledger and its index in the ledger.
    pub transaction: (u32, u32),
    /// The stream of the event.
    pub stream: Option<StreamId>,
    /// The stream on which it depends.
    pub other: Option<StreamId>,
}

/// A change of a stored stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamWrite {
    /// Writes a stream that is not stored.
    Insert(Stream),
    /// Changes a stored stream.
    Update(Sequence, Stream),
    /// Writes a removed stream back at its position.
    Restore(Sequence, Stream),
    /// Removes a stream. Its position and its stream events stay.
    Remove {
        /// Position in the order of creation.
        sequence: Sequence,
        /// Id of the stream.
        id: StreamId,
        /// How many stream events have been emitted for it, `removed` included.
        event_count: u32,
    },
}

/// The storage operations of this module's steps, inside one transaction that holds the lock on the chain state.
///
/// Lists may be of any length; an empty one costs nothing. No operation decides anything.
#[expect(async_fn_in_trait, reason = "used with concrete types, which are Send where that is needed")]
pub trait ChainTransaction {
    /// A [`StoreError`], or a fault that the backend handles itself, such as a retry.
    type Fault: From<StoreError>;

    /// Reads the chain state and locks it until this transaction ends.
    async fn state(&mut self) -> Result<ChainState, Self::Fault>;

    /// Reads the frontier without a lock.
    async fn frontier(&mut self) -> Result<Frontier, Self::Fault>;

    /// Writes the chain state without the last reorg.
    async fn save(&mut self, state: &ChainState) -> Result<(), Self::Fault>;

    /// Reads those of these ledgers that are stored.
    async fn ledgers(&mut self, sequences: &[u32]) -> Result<Vec<Ledger>, Self::Fault>;

    /// Reads the stored ledgers from a sequence on, in order.
    async fn ledgers_from(&mut self, sequence: u32) -> Result<Vec<Ledger>, Self::Fault>;

    /// Reads the newest stored ledger up to a sequence.
    async fn newest_ledger(&mut self, upto: u32) -> Result<Option<Ledger>, Self::Fault>;

    /// Writes ledgers; stored ones are replaced.
    async fn write_ledgers(&mut self, ledgers: &[Ledger]) -> Result<(), Self::Fault>;

    /// Reads the coverage of every contract that has some, in any order.
    async fn coverage(&mut self) -> Result<Vec<Coverage>, Self::Fault>;

    /// Writes the coverage of contracts; stored ones are replaced, and removed where no ledger is left.
    async fn write_coverage(&mut self, coverage: &[Coverage]) -> Result<(), Self::Fault>;

    /// Reads the proofs of those of these ledgers that have some.
    async fn ledger_proofs(&mut self, ledgers: &[u32]) -> Result<Vec<LedgerProof>, Self::Fault>;

    /// Writes proofs; those of the same ledgers are replaced.
    async fn write_ledger_proofs(&mut self, proofs: &[LedgerProof]) -> Result<(), Self::Fault>;

    /// Reads the token of the holder of a lease, who cannot change until this transaction ends.
    async fn lease_token(&mut self, lease: &'static str) -> Result<Option<u64>, Self::Fault>;

    /// Reads the stored events that have the id or the position of one of these, in any order, each once.
    async fn known_events(&mut self, events: &[ContractEvent]) -> Result<Vec<ContractEvent>, Self::Fault>;

    /// Reads the events that the migration to unique positions set aside.
    async fn repeated_events(&mut self) -> Result<Vec<RepeatedEvent>, Self::Fault>;

    /// Writes events that are not stored.
    async fn insert_events(&mut self, events: &[StoredEvent]) -> Result<(), Self::Fault>;

    /// Writes the invocations of the stored events at the positions of these, each named once.
    async fn write_invocations(&mut self, events: &[ContractEvent]) -> Result<(), Self::Fault>;

    /// Writes class and streams of stored events.
    async fn reclassify(&mut self, events: &[StoredEvent]) -> Result<(), Self::Fault>;

    /// Removes every ledger in a range with its events and proofs, set aside events included. Returns the events in any
    /// order, without payloads: there may be very many.
    async fn remove_ledgers(&mut self, ledgers: RangeInclusive<u32>)
    -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads the events of the ledgers after one, up to and with another, in chain order.
    async fn events_between(
        &mut self,
        after: Option<u32>,
        upto: u32,
    ) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads all events of these transactions, each named by its ledger and its index in the ledger, in any order.
    async fn events_of_transactions(
        &mut self,
        transactions: &[(u32, u32)],
    ) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Expects a rebuild: from here on the transaction may take as long as the backend lets a rebuild take.
    async fn expect_rebuild(&mut self) -> Result<(), Self::Fault>;

    /// Reads the streams that depend on one of these by an event of these ledgers, in any order. A stream may come more
    /// than once.
    async fn dependents(
        &mut self,
        streams: &[StreamId],
        ledgers: RangeInclusive<u32>,
    ) -> Result<Vec<StreamId>, Self::Fault>;

    /// Reads where one of these streams is the first or the second stream of an event, up to and with a ledger, in any
    /// order. An event may come more than once.
    async fn mentions(&mut self, streams: &[StreamId], upto: u32) -> Result<Vec<Mention>, Self::Fault>;

    /// Reads up to `limit` events after one, up to and with a ledger, in chain order.
    async fn events_after(
        &mut self,
        after: Option<&EventCursor>,
        upto: u32,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, Self::Fault>;

    /// Reads those of these streams that are stored, removed ones included.
    async fn streams(&mut self, ids: &[StreamId]) -> Result<Vec<StoredStream>, Self::Fault>;

    /// Reads up to `limit` chain streams in the order of creation after a position, without removed ones.
    async fn streams_after(
        &mut self,
        after: Option<Sequence>,
        limit: u32,
    ) -> Result<Vec<StoredStream>, Self::Fault>;

    /// Writes changes of streams, then their stream events in this order.
    async fn write(&mut self, streams: &[StreamWrite], events: &[StreamEvent]) -> Result<(), Self::Fault>;

    /// Records a reorg and numbers it.
    async fn record_reorg(&mut self, reorg: &Reorg) -> Result<u64, Self::Fault>;

    /// Adds to the counts of contracts, which begin at 0. A contract without events is forgotten.
    async fn tally(&mut self, contracts: &ContractTallies) -> Result<(), Self::Fault>;

    /// Forgets the counts of every contract.
    async fn forget_contracts(&mut self) -> Result<(), Self::Fault>;
}
