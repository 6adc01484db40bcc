//! The money of a party: what its streams hold, owe and pay at one instant.

mod read;

use std::collections::BTreeMap;

use async_trait::async_trait;
use fluxora_indexer::Ledger;
use fluxora_stream::{Sequence, Stream, UnixTime};
use fluxora_treasury::{Asset, Facts, Party};

pub use read::party;

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
    /// Every stream of the party, where they were read one by one.
    pub streams: Option<Vec<Stream>>,
}

/// The outcome of a reading.
#[derive(Clone, Debug)]
pub enum PartyOutcome {
    /// The facts.
    Read(Box<PartyReading>),
    /// The instant lies before this one. What the streams were at an earlier instant is not known without their history.
    TooEarly(UnixTime),
    /// The party has more streams than are read one by one.
    TooMany,
}

/// Readings of the money of parties. Each is one snapshot.
#[async_trait]
pub trait TreasuryStore: Send + Sync {
    /// Reads what the sums of a party are made of.
    ///
    /// Without `at` the money counts at the close of the last safe ledger, or at the last change of one of the party's
    /// streams if that is later.
    async fn party(&self, query: &PartyQuery) -> Result<PartyOutcome, StoreError>;
}

/// The storage operations of this module's steps, inside one transaction.
#[expect(async_fn_in_trait, reason = "used with concrete types, which are Send where that is needed")]
pub trait TreasuryTransaction: ChainTransaction {
    /// The newest position of the event log.
    async fn head(&mut self) -> Result<Sequence, Self::Fault>;

    /// Reads up to `limit` streams of a party, newest first. Rows that cannot be read are left out.
    async fn streams_of(&mut self, party: &Party, limit: u32) -> Result<Vec<Stream>, Self::Fault>;
}
