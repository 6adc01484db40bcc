//! Dependencies between streams: clones, renewals and shares start from the state of another stream.

use std::collections::HashSet;

use fluxora_stream::StreamId;

use super::{ChainTransaction, StoredEvent};

/// The streams of a rebuild, and the contract events that it needs.
pub(super) struct DependencyGraph {
    /// The streams to rebuild: those asked for and all their dependents.
    pub(super) members: HashSet<StreamId>,
    /// Streams that members depend on. They are projected along and not written.
    pub(super) ancestors: HashSet<StreamId>,
    /// The events of members and ancestors in chain order, with all events of their transactions.
    pub(super) events: Vec<StoredEvent>,
}

impl DependencyGraph {
    /// Whether the rebuild has to project a stream.
    pub(super) fn needs(&self, id: &StreamId) -> bool {
        self.members.contains(id) || self.ancestors.contains(id)
    }
}

/// Reads the streams that depend on `roots`, and their ancestors, up to and with ledger `upto`.
pub(super) async fn dependency_graph<T: ChainTransaction>(
    transaction: &mut T,
    roots: impl IntoIterator<Item = StreamId>,
    upto: Option<u32>,
) -> Result<DependencyGraph, T::Fault> {
    let mut members = HashSet::new();
    let to_dependent = |stored: &StoredEvent| stored.subjects.other.zip(stored.subjects.stream);
    let mut events = follow(transaction, roots, &mut members, upto, to_dependent).await?;
    let first: Vec<_> =
        events.iter().filter_map(to_ancestor).filter(|(dependent, _)| members.contains(dependent)).collect();
    let first = first.into_iter().map(|(_, ancestor)| ancestor).filter(|id| !members.contains(id));
    let mut ancestors = members.clone();
    let read = follow(transaction, first, &mut ancestors, upto, to_ancestor).await?;
    events.extend(read);
    ancestors.retain(|id| !members.contains(id));
    Ok(DependencyGraph { members, ancestors, events: in_chain_order(events) })
}

/// Reads one stream and its ancestors, without its dependents: what the state of this stream alone needs.
pub(super) async fn ancestry<T: ChainTransaction>(
    transaction: &mut T,
    id: StreamId,
    upto: Option<u32>,
) -> Result<DependencyGraph, T::Fault> {
    let mut ancestors = HashSet::new();
    let events = follow(transaction, [id], &mut ancestors, upto, to_ancestor).await?;
    Ok(DependencyGraph { members: HashSet::from([id]), ancestors, events: in_chain_order(events) })
}

/// The dependent stream of an event about two streams, and the stream that it depends on.
fn to_ancestor(stored: &StoredEvent) -> Option<(StreamId, StreamId)> {
    stored.subjects.stream.zip(stored.subjects.other)
}

/// Adds `from` to `found`, and each stream that an event's edge (`from`, `to`) reaches from a found one. Returns the
/// events of all added streams.
async fn follow<T: ChainTransaction>(
    transaction: &mut T,
    from: impl IntoIterator<Item = StreamId>,
    found: &mut HashSet<StreamId>,
    upto: Option<u32>,
    edge: impl Fn(&StoredEvent) -> Option<(StreamId, StreamId)>,
) -> Result<Vec<StoredEvent>, T::Fault> {
    let mut unread: Vec<_> = from.into_iter().filter(|id| found.insert(*id)).collect();
    let mut events = Vec::new();
    while let (false, Some(upto)) = (unread.is_empty(), upto) {
        // Sorted, since the order of a hash set differs from run to run.
        unread.sort_unstable();
        let read = transaction.histories(&unread, upto).await?;
        unread.clear();
        for (from, to) in read.iter().filter_map(&edge) {
            if found.contains(&from) && found.insert(to) {
                unread.push(to);
            }
        }
        events.extend(read);
    }
    Ok(events)
}

fn in_chain_order(mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
    events.sort_unstable_by(|a, b| a.event.order().cmp(&b.event.order()));
    events.dedup_by(|a, b| a.event.id == b.event.id);
    events
}
