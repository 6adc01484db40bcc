//! Streams being changed by contract events, for every family: which streams are changed, and what is emitted.

use fluxora_stream::{
    Cause, ChainBody, ChainStream, Changes, EventData, EventKind, FamilyState, Stream, StreamId,
};
use jiff::Timestamp;

use super::{Anomaly, EmittedEvent, Projected, ReportedAnomaly, Streams, Unprojected};
use crate::ContractEvent;

pub(super) struct Engine<'s, W> {
    streams: &'s mut Streams,
    within: W,
    projected: Projected,
}

/// What an event did to a stream.
#[derive(Debug)]
pub(super) struct Effect {
    /// Types of the stream events to emit. Of two, the second one reports the status.
    pub(super) kinds: &'static [EventKind],
    /// What contradicts the contract's rules.
    pub(super) anomalies: Vec<Anomaly>,
}

impl<'s, W: Fn(&StreamId) -> bool> Engine<'s, W> {
    pub(super) fn new(streams: &'s mut Streams, within: W) -> Self {
        Self { streams, within, projected: Projected::default() }
    }

    pub(super) fn finish(self) -> Projected {
        self.projected
    }

    /// Whether streams with this id are projected.
    pub(super) fn accepts(&self, id: &StreamId) -> bool {
        (self.within)(id)
    }

    /// A stream of the family with the state `S`.
    pub(super) fn stream<S: FamilyState>(&self, id: &StreamId) -> Option<Stream<ChainBody<S>>> {
        self.streams.get(id)?.of_family()
    }

    /// Whether there is a stream with this id.
    pub(super) fn holds(&self, id: &StreamId) -> bool {
        self.streams.contains_key(id)
    }

    /// Adds a stream and reports what its creation contradicts. It replaces a stream with the same id: a version 9
    /// contract reuses the ids of removed streams.
    pub(super) fn insert(
        &mut self,
        stream: impl Into<ChainStream>,
        anomalies: Vec<Anomaly>,
        event: &ContractEvent,
    ) {
        let mut stream = stream.into();
        let id = stream.id();
        if !self.accepts(&id) {
            return;
        }
        stream.event_count = self.streams.get(&id).map_or(0, |replaced| replaced.event_count);
        stream.created_at = recorded(event);
        stream.updated_at = stream.created_at;
        self.report(&mut stream, anomalies, event);
        self.emit(id, EventKind::Created, Changes::between(None, &stream), event);
        self.streams.insert(id, stream);
    }

    /// Changes a stream of the family with the state `S` and emits the change. An event that changes no field of
    /// [`Changes`] leaves the stream untouched; an event that shows an anomaly is counted on it.
    pub(super) fn change<S: FamilyState>(
        &mut self,
        id: StreamId,
        event: &ContractEvent,
        change: impl FnOnce(&mut Stream<ChainBody<S>>) -> Effect,
    ) {
        if !self.accepts(&id) {
            return;
        }
        let Some(before) = self.streams.get(&id) else { return };
        let Some(mut after) = before.of_family::<S>() else {
            return self.unreadable(Some(id), "the stream is of another contract family".to_owned(), event);
        };
        let Effect { kinds, anomalies } = change(&mut after);
        let mut after = ChainStream::from(after);
        self.report(&mut after, anomalies, event);
        self.store(id, after, kinds, event);
    }

    /// Reports what an event contradicts, and counts it on its stream.
    fn report(&mut self, stream: &mut ChainStream, anomalies: Vec<Anomaly>, event: &ContractEvent) {
        if anomalies.iter().any(Anomaly::makes_uncertain) {
            let count = stream.body.state.anomalies_mut();
            *count = count.saturating_add(1);
        }
        let id = stream.id();
        let report = |what| ReportedAnomaly { event: event.id.clone(), stream: id, what };
        self.projected.anomalies.extend(anomalies.into_iter().map(report));
    }

    /// Reports an event that cannot be applied, and counts it on its stream.
    pub(super) fn unreadable(&mut self, id: Option<StreamId>, reason: String, event: &ContractEvent) {
        let mut marks_stream = false;
        if let Some(id) = id {
            if !self.accepts(&id) {
                return;
            }
            if let Some(mut after) = self.streams.get(&id).cloned() {
                let count = after.body.state.unprojected_events_mut();
                *count = count.saturating_add(1);
                self.store(id, after, &[EventKind::Updated], event);
                marks_stream = true;
            }
        }
        let event = event.id.clone();
        self.projected.unprojected.push(Unprojected { event, stream: id, marks_stream, reason });
    }

    fn store(&mut self, id: StreamId, mut after: ChainStream, kinds: &[EventKind], event: &ContractEvent) {
        let Some(stored) = self.streams.get_mut(&id) else { return };
        if Changes::between(Some(stored), &after).is_empty() {
            return;
        }
        *after.body.state.last_ledger_mut() = event.position.ledger;
        after.updated_at = recorded(event);
        let before = std::mem::replace(stored, after.clone());
        let (first, last) = match kinds {
            [first, last] => (*first, Some(*last)),
            [first] => (*first, None),
            _ => (EventKind::Updated, None),
        };
        let middle = ChainStream {
            status: if last.is_some() { before.status } else { after.status },
            ..after.clone()
        };
        let steps = [(first, &before, &middle), (last.unwrap_or(first), &middle, &after)];
        for (kind, before, after) in steps {
            let changes = Changes::between(Some(before), after);
            if !changes.is_empty() {
                self.emit(id, kind, changes, event);
            }
        }
    }

    fn emit(&mut self, stream: StreamId, kind: EventKind, changes: Changes, event: &ContractEvent) {
        let cause = Cause::ContractEvent {
            ledger: event.position.ledger,
            tx_hash: event.tx_hash.as_str().to_owned(),
            event_id: event.id.as_str().to_owned(),
            topic: event.topic.as_str().to_owned(),
        };
        let data =
            EventData { cause, changes: Box::new(changes), settlement: None, retracts: None, runway: None };
        self.projected.emitted.push(EmittedEvent { stream, at: recorded(event), kind, data });
    }
}

/// The close time at millisecond precision, as it is recorded.
pub(super) fn recorded(event: &ContractEvent) -> Timestamp {
    let at = event.happened_at;
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
