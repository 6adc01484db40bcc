use std::collections::HashMap;

use fluxora_stream::{ChainFact, Fact, StreamEvent, StreamId};
use jiff::Timestamp;

use super::StoredStream;

/// Numbers what is told of streams, each from where its history ends.
pub(super) struct Numbering {
    told: HashMap<StreamId, u32>,
    events: Vec<StreamEvent>,
    now: Timestamp,
}

impl Numbering {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { told: HashMap::new(), events: Vec::new(), now }
    }

    /// Goes on after what is stored.
    pub(super) fn after(&mut self, stored: &StoredStream) {
        self.told.insert(stored.id, stored.events);
    }

    pub(super) fn tell(&mut self, stream: StreamId, occurred_at: Timestamp, fact: ChainFact) {
        let number = self.told.entry(stream).or_default();
        *number = number.saturating_add(1);
        self.events.push(StreamEvent {
            stream,
            number: *number,
            occurred_at,
            recorded_at: self.now.max(occurred_at),
            fact: Fact::Chain(Box::new(fact)),
        });
    }

    /// How many events have been told of a stream.
    pub(super) fn of(&self, stream: &StreamId) -> u32 {
        self.told.get(stream).copied().unwrap_or_default()
    }

    pub(super) fn into_events(self) -> Vec<StreamEvent> {
        self.events
    }
}
