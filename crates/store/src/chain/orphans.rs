//! Orphan events: safe events about streams that are not stored, because no creation of them was pushed.

use std::collections::{BTreeMap, BTreeSet};

use fluxora_indexer::Opaque;
use fluxora_stream::StreamId;

use super::dependents::DependencyGraph;
use super::project::Projection;
use super::{ChainState, ChainTransaction, StoredEvent};

/// An event about a stream that is not stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanEvent {
    /// Id of the contract event.
    pub event: Opaque,
    /// The stream of the event.
    pub stream: StreamId,
}

/// The events that a batch or a rewind moves over the boundary of the last safe ledger.
pub(super) struct Moved<'e> {
    /// Newest ledger whose events stay projected.
    pub(super) keep: Option<u32>,
    /// Whether the rebuild of the graph has read the events that have become safe.
    pub(super) reads_newly_safe: bool,
    /// Events that were safe, and are removed or pending again.
    pub(super) taken_back: &'e [StoredEvent],
    /// Inserted events of ledgers up to `keep`.
    pub(super) late: &'e [StoredEvent],
    /// Events that have become safe.
    pub(super) newly_safe: &'e [StoredEvent],
}

/// Counts the orphans of the streams that a batch or a rewind touches, and returns the new ones.
pub(super) async fn recount<T: ChainTransaction>(
    transaction: &mut T,
    state: &mut ChainState,
    projection: &Projection,
    graph: &DependencyGraph,
    moved: Moved<'_>,
) -> Result<Vec<OrphanEvent>, T::Fault> {
    let Moved { keep, reads_newly_safe, taken_back, late, newly_safe } = moved;
    let [taken_back, inserted, fresh] = [taken_back, late, newly_safe].map(by_stream);
    let is_member = |id: &StreamId| graph.members.contains(id);
    let created =
        fresh.keys().filter(|id| !is_member(id) && !projection.was_stored(id) && projection.has(id));
    let created: Vec<_> = created.copied().collect();
    let earlier = match keep.filter(|_| state.orphans > 0 && !created.is_empty()) {
        Some(keep) => earlier(transaction, &created, keep).await?,
        None => BTreeMap::new(),
    };
    let (mut before, mut after) = (0_u64, 0_u64);
    let touched: BTreeSet<_> = graph.members.iter().chain(fresh.keys()).copied().collect();
    for id in touched {
        let of = |tally: &BTreeMap<StreamId, u64>| tally.get(&id).copied().unwrap_or_default();
        // Events up to `keep`. For a stream that was absent and still is, those cancel out.
        let kept = match projection.rebuilt_events(&id) {
            Some(events) if reads_newly_safe => events.saturating_sub(of(&fresh)),
            Some(events) => events,
            None => of(&earlier),
        };
        if !projection.was_stored(&id) {
            let earlier = kept.saturating_sub(of(&inserted));
            before = before.saturating_add(earlier).saturating_add(of(&taken_back));
        }
        if !projection.has(&id) {
            after = after.saturating_add(kept).saturating_add(of(&fresh));
        }
    }
    state.orphans = state.orphans.saturating_add(after).saturating_sub(before);
    let found = late.iter().chain(newly_safe);
    let found = found.filter_map(|one| Some((one.event.id.clone(), one.subjects.stream?)));
    let found = found.filter(|(_, stream)| !projection.has(stream));
    Ok(found.map(|(event, stream)| OrphanEvent { event, stream }).collect())
}

/// Number of events of each stream.
pub(super) fn by_stream<'e>(events: impl IntoIterator<Item = &'e StoredEvent>) -> BTreeMap<StreamId, u64> {
    let mut tally: BTreeMap<StreamId, u64> = BTreeMap::new();
    for id in events.into_iter().filter_map(|stored| stored.subjects.stream) {
        let events = tally.entry(id).or_default();
        *events = events.saturating_add(1);
    }
    tally
}

/// Number of events of these streams up to and with a ledger.
async fn earlier<T: ChainTransaction>(
    transaction: &mut T,
    streams: &[StreamId],
    upto: u32,
) -> Result<BTreeMap<StreamId, u64>, T::Fault> {
    let mentions = transaction.mentions(streams, upto).await?;
    let transactions: BTreeSet<_> = mentions.iter().map(|mention| mention.transaction).collect();
    let transactions: Vec<_> = transactions.into_iter().collect();
    let events = transaction.events_of_transactions(&transactions).await?;
    Ok(by_stream(&events))
}

/// Number of orphans among safe events, given the number of events of each stream and the streams that exist.
pub(super) fn total(owned: &BTreeMap<StreamId, u64>, exists: impl Fn(&StreamId) -> bool) -> u64 {
    let orphans = owned.iter().filter(|(id, _)| !exists(id)).map(|(_, events)| *events);
    orphans.fold(0, u64::saturating_add)
}
