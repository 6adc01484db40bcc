//! Streams that depend on each other: clones, renewals and shares begin with what another stream was at that moment.

use std::collections::HashSet;

use fluxora_stream::StreamId;

use super::{ChainTransaction, StoredEvent};

/// Which kin are looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kin {
    /// Those that a stream began from: enough to tell what it was.
    Ancestors,
    /// Those that began from it as well: what is different if it is.
    All,
}

/// Streams and all that is needed to build them: their kin, and the events of these in the order of the chain.
pub(super) struct Family {
    pub(super) members: HashSet<StreamId>,
    pub(super) events: Vec<StoredEvent>,
}

/// Reads the family of some streams, as it is up to and with a ledger.
pub(super) async fn family<T: ChainTransaction>(
    transaction: &mut T,
    of: impl IntoIterator<Item = StreamId>,
    kin: Kin,
    upto: Option<u32>,
) -> Result<Family, T::Fault> {
    let mut members: HashSet<_> = of.into_iter().collect();
    let mut events = Vec::new();
    let mut unread: Vec<_> = members.iter().copied().collect();
    while let (false, Some(upto)) = (unread.is_empty(), upto) {
        // In one order whatever the hash map's, so that a run is like the next.
        unread.sort_unstable();
        let read = transaction.histories(&unread, upto).await?;
        unread.clear();
        for stored in &read {
            let Some(next) = related(stored, &members, kin) else { continue };
            if members.insert(next) {
                unread.push(next);
            }
        }
        events.extend(read);
    }
    events.sort_unstable_by(|a, b| a.event.order().cmp(&b.event.order()));
    events.dedup_by(|a, b| a.event.id == b.event.id);
    Ok(Family { members, events })
}

/// The stream that an event ties to a member. The first of its subjects is the one that begins from the other.
fn related(stored: &StoredEvent, members: &HashSet<StreamId>, kin: Kin) -> Option<StreamId> {
    let (begun, from) = (stored.subjects.stream?, stored.subjects.other?);
    if members.contains(&begun) {
        Some(from)
    } else {
        (kin == Kin::All && members.contains(&from)).then_some(begun)
    }
}
