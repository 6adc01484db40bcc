//! Streams that depend on each other: clones, renewals and shares begin with what another stream was at that moment.

use std::collections::HashSet;

use fluxora_stream::StreamId;

use super::{ChainTransaction, StoredEvent};

/// Streams to be built again, and all that this takes.
pub(super) struct Family {
    /// The streams themselves, and all that began from them.
    pub(super) members: HashSet<StreamId>,
    /// What members began from. They are built along, and are what they are.
    pub(super) ancestors: HashSet<StreamId>,
    /// The events of members and ancestors, in the order of the chain, with the rest of their transactions.
    pub(super) events: Vec<StoredEvent>,
}

impl Family {
    /// Whether a stream has to be built for its members' sake.
    pub(super) fn needs(&self, id: &StreamId) -> bool {
        self.members.contains(id) || self.ancestors.contains(id)
    }
}

/// Reads the family of some streams, as it is up to and with a ledger.
pub(super) async fn family<T: ChainTransaction>(
    transaction: &mut T,
    of: impl IntoIterator<Item = StreamId>,
    upto: Option<u32>,
) -> Result<Family, T::Fault> {
    let mut members = HashSet::new();
    let begun_from = |stored: &StoredEvent| stored.subjects.other.zip(stored.subjects.stream);
    let mut events = follow(transaction, of, &mut members, upto, begun_from).await?;
    let begins_from = |stored: &StoredEvent| stored.subjects.stream.zip(stored.subjects.other);
    let first: Vec<_> =
        events.iter().filter_map(begins_from).filter(|(begun, _)| members.contains(begun)).collect();
    let first = first.into_iter().map(|(_, from)| from).filter(|from| !members.contains(from));
    let mut ancestors = members.clone();
    let read = follow(transaction, first, &mut ancestors, upto, begins_from).await?;
    events.extend(read);
    ancestors.retain(|id| !members.contains(id));
    events.sort_unstable_by(|a, b| a.event.order().cmp(&b.event.order()));
    events.dedup_by(|a, b| a.event.id == b.event.id);
    Ok(Family { members, ancestors, events })
}

/// Reads the family that tells what one stream was: what it began from, and not what began from it.
pub(super) async fn lineage<T: ChainTransaction>(
    transaction: &mut T,
    of: StreamId,
    upto: Option<u32>,
) -> Result<Family, T::Fault> {
    let mut ancestors = HashSet::new();
    let begins_from = |stored: &StoredEvent| stored.subjects.stream.zip(stored.subjects.other);
    let mut events = follow(transaction, [of], &mut ancestors, upto, begins_from).await?;
    events.sort_unstable_by(|a, b| a.event.order().cmp(&b.event.order()));
    events.dedup_by(|a, b| a.event.id == b.event.id);
    Ok(Family { members: HashSet::from([of]), ancestors, events })
}

/// Adds streams to `found`, and those that their events lead to from one of `found` to another; reads the events of all it adds.
async fn follow<T: ChainTransaction>(
    transaction: &mut T,
    from: impl IntoIterator<Item = StreamId>,
    found: &mut HashSet<StreamId>,
    upto: Option<u32>,
    leads: impl Fn(&StoredEvent) -> Option<(StreamId, StreamId)>,
) -> Result<Vec<StoredEvent>, T::Fault> {
    let mut unread: Vec<_> = from.into_iter().filter(|id| found.insert(*id)).collect();
    let mut events = Vec::new();
    while let (false, Some(upto)) = (unread.is_empty(), upto) {
        // In one order whatever the hash map's, so that a run is like the next.
        unread.sort_unstable();
        let read = transaction.histories(&unread, upto).await?;
        unread.clear();
        for (here, there) in read.iter().filter_map(&leads) {
            if found.contains(&here) && found.insert(there) {
                unread.push(there);
            }
        }
        events.extend(read);
    }
    Ok(events)
}
