use std::collections::{BTreeSet, HashMap};

use fluxora_indexer::projection::{self, Projected, Streams};
use fluxora_stream::{Cause, ChainFact, Changes, News, Stream, StreamId};
use jiff::Timestamp;

use super::kinship::Family;
use super::numbering::Numbering;
use super::{ChainTransaction, StoredEvent, StoredStream, StreamWrite};

/// How streams that are stored differ from what the chain's events make of them.
pub(super) struct Projection {
    stored: HashMap<StreamId, StoredStream>,
    writes: Vec<StreamWrite>,
    numbering: Numbering,
    /// How many streams were built again and came out different.
    pub(super) rebuilt: u64,
}

impl Projection {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { stored: HashMap::new(), writes: Vec::new(), numbering: Numbering::new(now), rebuilt: 0 }
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
            self.numbering.after(&stored);
            self.stored.insert(stored.id, stored);
        }
        Ok(())
    }

    /// Carries streams on by the events of ledgers that have become safe. Members of the family are left alone.
    pub(super) fn carry_on(&mut self, fresh: &[StoredEvent], family: &Family) -> Projected {
        let present = |stored: &StoredStream| Some((stored.id, stored.stream.clone()?));
        let mut streams: Streams = self
            .stored
            .values()
            .filter(|stored| !family.members.contains(&stored.id))
            .filter_map(present)
            .collect();
        let within = |id: &StreamId| !family.members.contains(id);
        let events = fresh.iter().map(|stored| &stored.event);
        let mut projected = projection::project(&mut streams, within, events);
        for told in projected.told.drain(..) {
            self.numbering.tell(told.stream, told.at, told.fact);
        }
        let mut streams: Vec<_> = streams.into_iter().collect();
        streams.sort_unstable_by_key(|(_, stream)| (stream.created_at, stream.id));
        for (id, stream) in streams {
            self.put(id, Some(stream));
        }
        projected
    }

    /// Builds the members of a family again from all their events, and tells where that makes a difference.
    pub(super) fn build_again(&mut self, family: &Family, cause: &Cause, now: Timestamp) {
        let mut streams = Streams::new();
        let events = family.events.iter().map(|stored| &stored.event);
        projection::project(&mut streams, |id| family.members.contains(id), events);
        let mut members: Vec<_> = family.members.iter().copied().collect();
        members.sort_unstable();
        for id in members {
            self.correct(id, streams.remove(&id), cause, now);
        }
    }

    /// Puts a stream in the place of what is stored of it, and tells what is different.
    pub(super) fn correct(&mut self, id: StreamId, built: Option<Stream>, cause: &Cause, now: Timestamp) {
        let before = self.stored.get(&id).and_then(|stored| stored.stream.as_ref());
        let told = match (before, &built) {
            (None, None) => return,
            (None, Some(after)) => (News::Created, after.created_at, Changes::between(None, after)),
            (Some(_), None) => (News::Removed, now, Changes::default()),
            (Some(before), Some(after)) if same(before, after) => return,
            (Some(before), Some(after)) => (News::Corrected, now, Changes::between(Some(before), after)),
        };
        let (news, at, changes) = told;
        self.rebuilt = self.rebuilt.saturating_add(1);
        self.numbering.tell(id, at, ChainFact { news, cause: cause.clone(), changes });
        self.put(id, built);
    }

    /// Goes on after what is stored of a stream that was read elsewhere.
    pub(super) fn know(&mut self, stored: StoredStream) {
        self.numbering.after(&stored);
        self.stored.insert(stored.id, stored);
    }

    fn put(&mut self, id: StreamId, stream: Option<Stream>) {
        let events = self.numbering.of(&id);
        let stream = stream.map(|stream| Stream { events, ..stream });
        let write = match (self.stored.get(&id), stream) {
            (None, None) => return,
            (None, Some(stream)) => StreamWrite::Insert(stream),
            (Some(stored), Some(stream)) => match &stored.stream {
                Some(before) if *before == stream => return,
                Some(_) => StreamWrite::Update(stored.place, stream),
                None => StreamWrite::Restore(stored.place, stream),
            },
            (Some(stored), None) => StreamWrite::Remove { place: stored.place, id, events },
        };
        self.writes.push(write);
    }

    pub(super) async fn write<T: ChainTransaction>(self, transaction: &mut T) -> Result<(), T::Fault> {
        transaction.write(&self.writes, &self.numbering.into_events()).await
    }
}

/// Whether two streams are the same but for how much has been told of them.
pub(super) fn same(one: &Stream, other: &Stream) -> bool {
    let Stream { events: _, .. } = one;
    one == &Stream { events: one.events, ..other.clone() }
}
