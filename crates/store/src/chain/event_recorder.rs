use std::collections::HashMap;

use fluxora_stream::{EventData, EventKind, StreamEvent, StreamId};
use jiff::Timestamp;

use super::StoredStream;

/// Collects emitted stream events and numbers them, each stream from the end of its stored history.
pub(super) struct EventRecorder {
    counts: HashMap<StreamId, u32>,
    events: Vec<StreamEvent>,
    now: Timestamp,
}

impl EventRecorder {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { counts: HashMap::new(), events: Vec::new(), now }
    }

    /// Numbers the events of a stream after those that are stored.
    pub(super) fn continue_after(&mut self, stored: &StoredStream) {
        self.counts.insert(stored.id, stored.event_count);
    }

    pub(super) fn emit(
        &mut self,
        stream: StreamId,
        occurred_at: Timestamp,
        kind: EventKind,
        data: EventData,
    ) {
        let count = self.counts.entry(stream).or_default();
        *count = count.saturating_add(1);
        self.events.push(StreamEvent {
            stream,
            stream_seq: *count,
            occurred_at,
            recorded_at: self.now.max(occurred_at),
            kind,
            data,
        });
    }

    /// The number of events of a stream, stored and emitted.
    pub(super) fn event_count(&self, stream: &StreamId) -> u32 {
        self.counts.get(stream).copied().unwrap_or_default()
    }

    pub(super) fn into_events(self) -> Vec<StreamEvent> {
        self.events
    }
}
