//! Sums of the money of each party, kept beside the streams.
//!
//! The transaction that changes a stream marks it: a trigger writes the mark, so that no writer can leave it out. A worker
//! counts marked streams again ([`count_again`]): it takes what a stream brought to the sums of its parties away, and adds
//! what it brings now. A reading adds up the sums, and replaces what the streams brought that are marked, or that time has
//! changed since they were counted ([`party`](super::party)). So the worker decides what a reading costs, never what it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fluxora_stream::{Sequence, Stream, UnixTime};
use fluxora_treasury::{Asset, Contribution, Party, Role, Sums};
use jiff::Timestamp;

use super::{PartyStreams, read::safe_close};
use crate::CorruptRow;

/// The sums of a party in one asset, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSums {
    /// Number of the row, by which contributions refer to it.
    pub id: i64,
    /// The party.
    pub party: Party,
    /// The asset.
    pub asset: Asset,
    /// The sums.
    pub sums: Sums,
    /// The newest instant from which a contribution in it counts. At an earlier one the sums say nothing.
    pub latest: UnixTime,
}

/// What a stream brought to the sums of its parties when it was last counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredContribution {
    /// The stream.
    pub stream: Sequence,
    /// The numbers of the sums, by side.
    pub of: [i64; 2],
    /// The instant from which it counts.
    pub from: UnixTime,
    /// The next instant at which time changes it.
    pub changes_at: Option<UnixTime>,
    /// The next instant from which nothing accrues.
    pub exhausted_at: Option<UnixTime>,
    /// What it brought.
    pub sums: Sums,
}

/// A stream row: the stream, or why it cannot be read.
pub type StreamRead = (Sequence, Result<Stream, CorruptRow>);

/// Streams to count again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// The numbers of the marks.
    pub marks: Vec<i64>,
    /// The streams, each once.
    pub streams: Vec<Sequence>,
}

/// The outcome of one step of counting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Streams that were counted.
    pub streams: usize,
    /// Rows that cannot be read; they are in no sum.
    pub unreadable: Vec<CorruptRow>,
    /// Whether more streams wait.
    pub more: bool,
}

/// The storage operations of the sums, inside one transaction.
#[expect(async_fn_in_trait, reason = "used with concrete types, which are Send where that is needed")]
pub trait SumsTransaction: PartyStreams {
    /// Whether every stream has been counted at least once, and no more than `most` marks wait.
    async fn is_ready(&mut self, most: u32) -> Result<bool, Self::Fault>;

    /// Reads the sums of a party.
    async fn sums_of(&mut self, party: &Party) -> Result<Vec<StoredSums>, Self::Fault>;

    /// Reads up to `limit` marked streams that are a party's, or were when they were last counted.
    async fn marked_of(&mut self, party: &Party, limit: u32) -> Result<Vec<Sequence>, Self::Fault>;

    /// Reads up to `limit` streams in these sums that time changes up to and with `until`.
    async fn due_of(
        &mut self,
        role: Role,
        sums: &[i64],
        until: UnixTime,
        limit: u32,
    ) -> Result<Vec<Sequence>, Self::Fault>;

    /// Reads up to `limit` streams in these sums that time changes after an instant, in the order of the change.
    async fn changes_after(
        &mut self,
        role: Role,
        sums: i64,
        after: UnixTime,
        limit: u32,
    ) -> Result<Vec<(UnixTime, Sequence)>, Self::Fault>;

    /// Reads up to `limit` streams in these sums whose accrual ends after an instant: the first ones, or the last ones.
    async fn exhausted_after(
        &mut self,
        role: Role,
        sums: i64,
        after: UnixTime,
        last: bool,
        limit: u32,
    ) -> Result<Vec<(UnixTime, Sequence)>, Self::Fault>;

    /// Reads those of these streams that are stored.
    async fn rows(&mut self, streams: &[Sequence]) -> Result<Vec<StreamRead>, Self::Fault>;

    /// Reads what those of these streams brought that were counted.
    async fn contributions(&mut self, streams: &[Sequence]) -> Result<Vec<StoredContribution>, Self::Fault>;

    /// Counts the streams of a party whose row cannot be decoded: those that were found when they were counted and are not
    /// marked, and those of `stale` that are the party's by their row.
    async fn unreadable_of(&mut self, party: &Party, stale: &[Sequence]) -> Result<u64, Self::Fault>;

    /// Reads up to `limit` streams after one, in the order of creation, whose row could not be decoded when they were counted.
    async fn unreadable_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<Sequence>, Self::Fault>;

    /// Records which of the streams `counted` could not be decoded; the others no longer count as such.
    async fn write_unreadable(
        &mut self,
        counted: &[Sequence],
        unreadable: &[Sequence],
    ) -> Result<(), Self::Fault>;

    /// Takes the lock on the sums, and reads the last stream that was counted since they were begun; `None` if all were.
    async fn begin_count(&mut self) -> Result<Option<Sequence>, Self::Fault>;

    /// Reads the same without a lock.
    async fn counted(&mut self) -> Result<Option<Sequence>, Self::Fault>;

    /// Records the last stream that was counted; `None` if all were.
    async fn record_count(&mut self, last: Option<Sequence>) -> Result<(), Self::Fault>;

    /// Reads up to `limit` streams after one, in the order of creation.
    async fn uncounted(&mut self, after: Sequence, limit: u32) -> Result<Vec<Sequence>, Self::Fault>;

    /// Reads up to `limit` marks.
    async fn marked(&mut self, limit: u32) -> Result<Marked, Self::Fault>;

    /// Reads up to `limit` streams that time changes up to and with `until`.
    async fn due(&mut self, until: UnixTime, limit: u32) -> Result<Vec<Sequence>, Self::Fault>;

    /// Reads the sums of these parties and assets, and makes those that are not stored.
    async fn sums_for_update(&mut self, keys: &[(Party, Asset)]) -> Result<Vec<StoredSums>, Self::Fault>;

    /// Reads sums by their numbers.
    async fn sums_by_id(&mut self, ids: &[i64]) -> Result<Vec<StoredSums>, Self::Fault>;

    /// Writes stored sums.
    async fn write_sums(&mut self, sums: &[StoredSums]) -> Result<(), Self::Fault>;

    /// Writes contributions, replaces those of the same streams, and removes those of `gone`.
    async fn write_contributions(
        &mut self,
        contributions: &[StoredContribution],
        gone: &[Sequence],
    ) -> Result<(), Self::Fault>;

    /// Reads up to `limit` sums after a number, in the order of their numbers.
    async fn sums_after(&mut self, after: i64, limit: u32) -> Result<Vec<StoredSums>, Self::Fault>;

    /// Reads up to `limit` contributions after a stream, in the order of creation.
    async fn contributions_after(
        &mut self,
        after: Sequence,
        limit: u32,
    ) -> Result<Vec<StoredContribution>, Self::Fault>;

    /// Deletes marks.
    async fn delete_marks(&mut self, marks: &[i64]) -> Result<(), Self::Fault>;

    /// Deletes every sum, every contribution and every record of a row that cannot be decoded.
    async fn forget_sums(&mut self) -> Result<(), Self::Fault>;
}

/// One step of counting, for up to `limit` streams of each sort: those that were never counted, marked ones, and those that
/// time has changed by the close of the last safe ledger.
pub async fn count_again<T: SumsTransaction>(
    transaction: &mut T,
    now: Timestamp,
    limit: u32,
) -> Result<Counted, T::Fault> {
    let begun = transaction.begin_count().await?;
    let until = safe_close(transaction).await?.unwrap_or_else(|| UnixTime::of(now));
    let full = |streams: usize| u32::try_from(streams).is_ok_and(|streams| streams >= limit);
    let mut work = BTreeSet::new();
    let mut more = false;
    if let Some(last) = begun {
        let uncounted = transaction.uncounted(last, limit).await?;
        let last = uncounted.last().copied().filter(|_| full(uncounted.len()));
        more |= last.is_some();
        work.extend(uncounted);
        transaction.record_count(last).await?;
    }
    let Marked { marks, streams } = transaction.marked(limit).await?;
    more |= full(marks.len());
    work.extend(streams);
    let due = transaction.due(until, limit).await?;
    more |= full(due.len());
    work.extend(due);
    let work: Vec<_> = work.into_iter().collect();
    let mut counted = Counted { streams: work.len(), more, unreadable: Vec::new() };
    if !work.is_empty() {
        counted.unreadable = count(transaction, &work, until).await?;
    }
    transaction.delete_marks(&marks).await?;
    Ok(counted)
}

/// Counts these streams; returns the rows that cannot be read.
async fn count<T: SumsTransaction>(
    transaction: &mut T,
    work: &[Sequence],
    until: UnixTime,
) -> Result<Vec<CorruptRow>, T::Fault> {
    let before = transaction.contributions(work).await?;
    let (mut streams, mut unreadable, mut corrupt) = (Vec::new(), Vec::new(), Vec::new());
    for (sequence, read) in transaction.rows(work).await? {
        match read {
            Ok(stream) => streams.push((sequence, stream)),
            Err(row) => {
                unreadable.push(sequence);
                corrupt.push(row);
            }
        }
    }
    transaction.write_unreadable(work, &unreadable).await?;
    let contributions: Vec<_> = streams
        .iter()
        .map(|(sequence, stream)| {
            let from = until.max(UnixTime::of(stream.updated_at));
            (*sequence, Party::of(stream), Contribution::of(stream, from))
        })
        .collect();
    let keys: BTreeSet<_> = contributions
        .iter()
        .flat_map(|(_, parties, contribution)| parties.map(|party| (party, contribution.asset)))
        .collect();
    let keys: Vec<_> = keys.into_iter().collect();
    let mut sums = HashMap::<i64, StoredSums>::new();
    let mut ids = BTreeMap::<(Party, Asset), i64>::new();
    for stored in transaction.sums_for_update(&keys).await? {
        ids.insert((stored.party, stored.asset), stored.id);
        sums.insert(stored.id, stored);
    }
    let others: BTreeSet<_> = before.iter().flat_map(|contribution| contribution.of).collect();
    let others: Vec<_> = others.into_iter().filter(|id| !sums.contains_key(id)).collect();
    for stored in transaction.sums_by_id(&others).await? {
        sums.insert(stored.id, stored);
    }
    for contribution in &before {
        for id in contribution.of {
            if let Some(stored) = sums.get_mut(&id) {
                stored.sums = stored.sums.minus(&contribution.sums);
            }
        }
    }
    let mut written = Vec::with_capacity(contributions.len());
    for (stream, parties, contribution) in contributions {
        let of = parties.map(|party| ids.get(&(party, contribution.asset)).copied().unwrap_or_default());
        for id in of {
            if let Some(stored) = sums.get_mut(&id) {
                stored.sums = stored.sums.plus(&contribution.sums);
                stored.latest = stored.latest.max(contribution.from);
            }
        }
        let Contribution { from, changes_at, exhausted_at, sums, asset: _ } = contribution;
        written.push(StoredContribution { stream, of, from, changes_at, exhausted_at, sums });
    }
    let present: BTreeSet<_> = written.iter().map(|contribution| contribution.stream).collect();
    let gone = before.iter().map(|contribution| contribution.stream);
    let gone: Vec<_> = gone.filter(|stream| !present.contains(stream)).collect();
    let mut sums: Vec<_> = sums.into_values().collect();
    sums.sort_unstable_by_key(|stored| stored.id);
    transaction.write_sums(&sums).await?;
    transaction.write_contributions(&written, &gone).await?;
    Ok(corrupt)
}

/// Forgets every sum: the next steps count every stream.
pub async fn forget<T: SumsTransaction>(transaction: &mut T) -> Result<(), T::Fault> {
    transaction.begin_count().await?;
    transaction.forget_sums().await?;
    transaction.record_count(Some(Sequence(0))).await
}
