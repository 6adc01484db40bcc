use std::collections::{BTreeMap, BTreeSet, HashMap};

use fluxora_indexer::projection::{self, Projected, Streams};
use fluxora_stream::{Cause, ChainStream, Changes, EventData, EventKind, StreamId};
use jiff::Timestamp;

use super::dependents::{Built, DependencyGraph};
use super::event_recorder::EventRecorder;
use super::{ChainTransaction, ContractTallies, StoredEvent, StoredStream, StreamWrite};

/// Streams under change in one transaction: what is stored, what they have become, and the events emitted.
pub(super) struct Projection {
    stored: HashMap<StreamId, StoredStream>,
    /// The streams with the changes so far.
    streams: Streams,
    /// Number of events that the rebuild has read of each member of its graph.
    rebuilt_events: BTreeMap<StreamId, u64>,
    recorder: EventRecorder,
    now: Timestamp,
    /// Number of rebuilt streams that differ from before.
    pub(super) rebuilt: u64,
}

impl Projection {
    pub(super) fn new(now: Timestamp) -> Self {
        let (stored, streams) = (HashMap::new(), Streams::new());
        let recorder = EventRecorder::new(now);
        Self { stored, streams, rebuilt_events: BTreeMap::new(), recorder, now, rebuilt: 0 }
    }

    /// Loads the stored streams that `newly_safe` events are about, and the members of a dependency graph.
    pub(super) async fn load<T: ChainTransaction>(
        &mut self,
        transaction: &mut T,
        newly_safe: &[StoredEvent],
        graph: &DependencyGraph,
    ) -> Result<(), T::Fault> {
        let subjects = newly_safe.iter().flat_map(|stored| [stored.subjects.stream, stored.subjects.other]);
        let ids: BTreeSet<_> = subjects.flatten().chain(graph.members.iter().copied()).collect();
        let ids: Vec<_> = ids.into_iter().collect();
        for stored in transaction.streams(&ids).await? {
            self.add_stored(stored);
        }
        Ok(())
    }

    /// Adds a stored stream. Its events are numbered after those that are stored.
    pub(super) fn add_stored(&mut self, stored: StoredStream) {
        self.recorder.continue_after(&stored);
        self.streams.extend(stored.stream.clone().map(|stream| (stored.id, stream)));
        self.stored.insert(stored.id, stored);
    }

    /// Whether a stream was stored when it was loaded.
    pub(super) fn was_stored(&self, id: &StreamId) -> bool {
        self.stored.get(id).is_some_and(|stored| stored.stream.is_some())
    }

    /// Whether a stream exists after the changes so far.
    pub(super) fn has(&self, id: &StreamId) -> bool {
        self.streams.contains_key(id)
    }

    /// Number of events that the rebuild has read of a stream; `None` if it was not rebuilt.
    pub(super) fn rebuilt_events(&self, id: &StreamId) -> Option<u64> {
        self.rebuilt_events.get(id).copied()
    }

    /// Applies the events of ledgers that have become safe, and emits each change. Only streams that `within` accepts
    /// change.
    pub(super) fn advance(
        &mut self,
        newly_safe: &[StoredEvent],
        within: impl Fn(&StreamId) -> bool,
    ) -> Projected {
        let events = newly_safe.iter().map(|stored| &stored.event);
        let mut projected = projection::project(&mut self.streams, within, events);
        for event in projected.emitted.drain(..) {
            self.recorder.emit(event.stream, event.at, event.kind, event.data);
        }
        projected
    }

    /// Rebuilds the members of a dependency graph from all their events, and emits each difference.
    pub(super) async fn rebuild<T: ChainTransaction>(
        &mut self,
        transaction: &mut T,
        graph: &DependencyGraph,
        cause: &Cause,
    ) -> Result<Projected, T::Fault> {
        if graph.members.is_empty() {
            return Ok(Projected::default());
        }
        let Built { mut streams, projected, mut events_of, .. } = graph.build(transaction, None).await?;
        for id in &graph.members {
            events_of.entry(*id).or_default();
            self.correct(*id, streams.remove(id), cause);
        }
        self.rebuilt_events = events_of;
        Ok(projected)
    }

    /// Replaces a stream by its rebuilt state, and emits the difference.
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
        let data = EventData {
            cause: cause.clone(),
            changes: Box::new(changes),
            settlement: None,
            retracts: None,
            runway: None,
        };
        self.recorder.emit(id, at, kind, data);
        match built {
            Some(stream) => drop(self.streams.insert(id, stream)),
            None => drop(self.streams.remove(&id)),
        }
    }

    /// Writes the streams that differ from the stored ones, the emitted events, and the changed counts of contracts.
    /// Without `contracts` those are written elsewhere.
    pub(super) async fn write<T: ChainTransaction>(
        mut self,
        transaction: &mut T,
        contracts: Option<ContractTallies>,
    ) -> Result<(), T::Fault> {
        if let Some(mut contracts) = contracts {
            self.count_anomalies(&mut contracts);
            transaction.tally(&contracts).await?;
        }
        let gone = self.stored.values().filter(|stored| !self.streams.contains_key(&stored.id));
        let mut ids: Vec<_> =
            gone.filter(|stored| stored.stream.is_some()).map(|stored| (None, stored.id)).collect();
        ids.extend(self.streams.iter().map(|(id, stream)| (Some(stream.created_at), *id)));
        ids.sort_unstable();
        let mut writes = Vec::with_capacity(ids.len());
        for (_, id) in ids {
            let event_count = self.recorder.event_count(&id);
            let stream = self.streams.remove(&id).map(|stream| ChainStream { event_count, ..stream });
            writes.extend(change(self.stored.get(&id), id, stream, event_count));
        }
        transaction.write(&writes, &self.recorder.into_events()).await
    }

    fn count_anomalies(&self, contracts: &mut ContractTallies) {
        let stored = self.stored.values().filter_map(|stored| stored.stream.as_ref());
        for (stream, sign) in
            stored.map(|stream| (stream, -1)).chain(self.streams.values().map(|stream| (stream, 1)))
        {
            let count = i64::from(stream.body.state.anomalies());
            contracts.add_anomalies(stream.body.contract, count.saturating_mul(sign));
        }
    }
}

/// The write that stores a stream; `None` if it is stored already.
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

/// Whether two streams are the same apart from their event counts.
pub(super) fn same(one: &ChainStream, other: &ChainStream) -> bool {
    one == &ChainStream { event_count: one.event_count, ..other.clone() }
}
