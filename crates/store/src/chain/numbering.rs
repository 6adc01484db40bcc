use std::collections::HashMap;

use fluxora_stream::{EventData, EventKind, StreamEvent, StreamId};
use jiff::Timestamp;

use super::StoredStream;

/// Numbers what is told of streams, each from where its history ends.
pub(super) struct Numbering {
    emitted: HashMap<StreamId, u32>,
    events: Vec<StreamEvent>,
    now: Timestamp,
}

impl Numbering {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { emitted: HashMap::new(), events: Vec::new(), now }
    }

    /// Goes on after what is stored.
    pub(super) fn after(&mut self, stored: &StoredStream) {
        self.emitted.insert(stored.id, stored.event_count);
    }

    pub(super) fn emit(
        &mut self,
        stream: StreamId,
        occurred_at: Timestamp,
        kind: EventKind,
        data: EventData,
    ) {
        let count = self.emitted.entry(stream).or_default();
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

    /// How many events have been told of a stream.
    pub(super) fn of(&self, stream: &StreamId) -> u32 {
        self.emitted.get(stream).copied().unwrap_or_default()
    }

    pub(super) fn into_events(self) -> Vec<StreamEvent> {
        self.events
    }
}
