//! The money of parties: what their streams hold, owe and pay at one instant.

mod check;
mod read;
mod sums;

use std::collections::BTreeMap;

use async_trait::async_trait;
use fluxora_indexer::Ledger;
use fluxora_stream::{Sequence, Stream, StreamId, UnixTime};
use fluxora_treasury::{Asset, Facts, Milestone, Party};
use jiff::Timestamp;

pub use check::{SumsDifference, SumsReport, check};
pub use read::{as_of, by_streams, due_changes, party};
pub use sums::{
    Counted, Marked, StoredContribution, StoredSums, StreamRead, SumsTransaction, count_again, forget,
};

use crate::StoreError;
use crate::chain::ChainTransaction;

/// The most streams that one reading looks at.
pub const PARTY_STREAMS: u32 = 10_000;

/// Whose money is read, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyQuery {
    /// The address and its side.
    pub party: Party,
    /// Only these assets; all if there is none.
    pub assets: Vec<Asset>,
    /// The instant; by default the close of the last safe ledger, or the present without one.
    pub at: Option<UnixTime>,
    /// The present.
    pub now: UnixTime,
    /// The streams are read too if there are no more than so many.
    pub with_streams: u32,
}

impl PartyQuery {
    pub(crate) fn asks_for(&self, asset: Asset) -> bool {
        self.assets.is_empty() || self.assets.contains(&asset)
    }
}

/// The state of the database that a reading shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// The newest stored ledger that is safe; `None` before the first.
    pub ledger: Option<Ledger>,
    /// Whether that ledger was read from the network and verified.
    pub is_verified: bool,
    /// The newest position of the event log.
    pub head: Sequence,
    /// The instant at which the money counts.
    pub at: UnixTime,
}

/// What the sums of a party are made of.
#[derive(Clone, Debug)]
pub struct PartyReading {
    /// The state it shows.
    pub as_of: AsOf,
    /// The facts by asset.
    pub assets: BTreeMap<Asset, Facts>,
    /// The streams, where the query wants them and there are few enough.
    pub streams: Option<Vec<Stream>>,
    /// Streams of the party whose row cannot be decoded, of any asset. They are in no sum.
    pub unreadable: u64,
}

/// The outcome of a reading.
#[derive(Clone, Debug)]
pub enum PartyOutcome {
    /// The facts.
    Read(Box<PartyReading>),
    /// The instant lies before this one. What the streams were at an earlier instant is not known without their history.
    TooEarly(UnixTime),
    /// The party has more streams than are read one by one, and its sums are not ready.
    TooMany,
}

/// A milestone of a stream that has come since the stream was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueChange {
    /// The stream.
    pub stream: StreamId,
    /// What has happened, and when.
    pub milestone: Milestone,
}

/// The money of parties. Each reading is one snapshot.
#[async_trait]
pub trait TreasuryStore: Send + Sync {
    /// Reads what the sums of a party are made of.
    ///
    /// Without `at` the money counts at the close of the last safe ledger, or at the last change of one of the party's
    /// streams if that is later.
    async fn party(&self, query: &PartyQuery) -> Result<PartyOutcome, StoreError>;

    /// One step of counting: up to `limit` streams of each sort are counted again (those that were never counted, marked
    /// ones, and those that time has changed). What [`party`](Self::party) says stays the same; it costs less.
    async fn count_streams_again(&self, now: Timestamp, limit: u32) -> Result<Counted, StoreError>;

    /// Reads the milestones up to and with `until` of up to `limit` streams that time has changed since they were counted,
    /// the longest due first.
    async fn due_changes(&self, until: UnixTime, limit: u32) -> Result<Vec<DueChange>, StoreError>;

    /// Compares every sum with the streams.
    async fn check_sums(&self) -> Result<SumsReport, StoreError>;

    /// Forgets every sum. The next steps of counting begin with the first stream.
    async fn forget_sums(&self) -> Result<(), StoreError>;
}

/// The streams of some rows.
#[derive(Clone, Debug, Default)]
pub struct StreamsRead {
    /// Those that can be decoded, in the order of the rows.
    pub streams: Vec<Stream>,
    /// The number of those that cannot.
    pub unreadable: u64,
}

impl StreamsRead {
    /// The number of rows.
    pub fn rows(&self) -> u64 {
        u64::try_from(self.streams.len()).map_or(u64::MAX, |rows| rows.saturating_add(self.unreadable))
    }
}

/// The storage operations of a reading by streams, inside one transaction.
#[expect(async_fn_in_trait, reason = "used with concrete types, which are Send where that is needed")]
pub trait PartyStreams: ChainTransaction {
    /// The newest position of the event log.
    async fn head(&mut self) -> Result<Sequence, Self::Fault>;

    /// Reads up to `limit` rows of a party's streams, newest first.
    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<StreamsRead, Self::Fault>;
}
