use std::collections::{BTreeSet, HashMap};

use fluxora_indexer::projection::{self, Projected, Streams};
use fluxora_stream::{Cause, ChainStream, Changes, EventData, EventKind, StreamId};
use jiff::Timestamp;

use super::dependents::Family;
use super::numbering::Numbering;
use super::{ChainTransaction, StoredEvent, StoredStream, StreamWrite};

/// How streams that are stored differ from what the chain's events make of them.
pub(super) struct Projection {
    stored: HashMap<StreamId, StoredStream>,
    /// The streams as they are so far.
    streams: Streams,
    numbering: Numbering,
    now: Timestamp,
    /// How many streams were built again and came out different.
    pub(super) rebuilt: u64,
}

impl Projection {
    pub(super) fn new(now: Timestamp) -> Self {
        let (stored, streams) = (HashMap::new(), Streams::new());
        Self { stored, streams, numbering: Numbering::new(now), now, rebuilt: 0 }
    }

    /// Reads what is stored of the streams that `fresh` events are about, and of the members of a family.
    pub(super) async fn load<T: ChainTransaction>(
        &mut self,
        transaction: &mut T,
        fresh: &[StoredEvent],
        family: &Family,
    ) -> Result<(), T::Fault> {
        let subjects = fresh.iter().flat_map(|stored| [stored.subjects.stream, stored.subjects.other]);
        let ids: BTreeSet<_> = subjects.flatten().chain(family.members.iter().copied()).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        for stored in transaction.streams(&ids).await? {
            self.know(stored);
        }
        Ok(())
    }

    /// Goes on after what is stored of a stream.
    pub(super) fn know(&mut self, stored: StoredStream) {
        self.numbering.after(&stored);
        self.streams.extend(stored.stream.clone().map(|stream| (stored.id, stream)));
        self.stored.insert(stored.id, stored);
    }

    /// Carries streams on by events of ledgers that have become safe, and tells each of them. Streams that are not `within` are
    /// left alone.
    pub(super) fn carry_on(
        &mut self,
        fresh: &[StoredEvent],
        within: impl Fn(&StreamId) -> bool,
    ) -> Projected {
        let events = fresh.iter().map(|stored| &stored.event);
        let mut projected = projection::project(&mut self.streams, within, events);
        for event in projected.emitted.drain(..) {
            self.numbering.emit(event.stream, event.at, event.kind, event.data);
        }
        projected
    }

    /// Builds the members of a family again from all their events, and tells where that makes a difference.
    pub(super) fn build_again(&mut self, family: &Family, cause: &Cause) -> Projected {
        let mut built = Streams::new();
        let events = family.events.iter().map(|stored| &stored.event);
        let mut projected = projection::project(&mut built, |id| family.needs(id), events);
        projected.emitted.clear();
        let mut members: Vec<_> = family.members.iter().copied().collect();
        members.sort_unstable();
        for id in members {
            self.correct(id, built.remove(&id), cause);
        }
        projected
    }

    /// Puts a stream in the place of what it is so far, and tells what is different.
    pub(super) fn correct(&mut self, id: StreamId, built: Option<ChainStream>, cause: &Cause) {
        let before = self.streams.get(&id);
        let (kind, at, changes) = match (before, &built) {
            (None, None) => return,
            (None, Some(after)) => (EventKind::Created, after.created_at, Changes::between(None, after)),
            (Some(_), None) => (EventKind::Removed, self.now, Changes::default()),
            (Some(before), Some(after)) if same(before, after) => return,
            (Some(before), Some(after)) => {
                (EventKind::Corrected, self.now, Changes::between(Some(before), after))
            }
        };
        self.rebuilt = self.rebuilt.saturating_add(1);
        let data = EventData { cause: cause.clone(), changes: Box::new(changes), settlement: None };
        self.numbering.emit(id, at, kind, data);
        match built {
            Some(stream) => drop(self.streams.insert(id, stream)),
            None => drop(self.streams.remove(&id)),
        }
    }

    /// Writes what is different from what was stored, and what is told.
    pub(super) async fn write<T: ChainTransaction>(mut self, transaction: &mut T) -> Result<(), T::Fault> {
        let gone = self.stored.values().filter(|stored| !self.streams.contains_key(&stored.id));
        let mut ids: Vec<_> =
            gone.filter(|stored| stored.stream.is_some()).map(|stored| (None, stored.id)).collect();
        ids.extend(self.streams.iter().map(|(id, stream)| (Some(stream.created_at), *id)));
        ids.sort_unstable();
        let mut writes = Vec::with_capacity(ids.len());
        for (_, id) in ids {
            let event_count = self.numbering.of(&id);
            let stream = self.streams.remove(&id).map(|stream| ChainStream { event_count, ..stream });
            writes.extend(change(self.stored.get(&id), id, stream, event_count));
        }
        transaction.write(&writes, &self.numbering.into_events()).await
    }
}

/// What has to be written for a stream to be as it is; nothing if it is stored so.
fn change(
    stored: Option<&StoredStream>,
    id: StreamId,
    stream: Option<ChainStream>,
    event_count: u32,
) -> Option<StreamWrite> {
    Some(match (stored, stream) {
        (None, stream) => StreamWrite::Insert(stream?.into()),
        (Some(stored), Some(stream)) => match &stored.stream {
            Some(before) if *before == stream => return None,
            Some(_) => StreamWrite::Update(stored.sequence, stream.into()),
            None => StreamWrite::Restore(stored.sequence, stream.into()),
        },
        (Some(stored), None) => StreamWrite::Remove { sequence: stored.sequence, id, event_count },
    })
}

/// Whether two streams are the same but for how much has been told of them.
pub(super) fn same(one: &ChainStream, other: &ChainStream) -> bool {
    one == &ChainStream { event_count: one.event_count, ..other.clone() }
}
