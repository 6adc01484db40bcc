use std::collections::VecDeque;
use std::sync::Arc;

use fluxora_stream::Sequence;

use crate::event::FeedEvent;

/// How much is kept in memory, for all subscribers together.
const MAX_EVENTS: usize = 8_192;
const MAX_BYTES: usize = 16 << 20;

/// The newest events of the log, without gaps: what live subscribers read.
#[derive(Debug)]
pub(crate) struct Tail {
    kept: Option<Kept>,
    max_events: usize,
    max_bytes: usize,
}

#[derive(Debug)]
struct Kept {
    /// The position before the oldest event.
    start: Sequence,
    /// The position up to which the log has been read.
    head: Sequence,
    events: VecDeque<Arc<FeedEvent>>,
    bytes: usize,
}

impl Default for Tail {
    fn default() -> Self {
        Self::bounded(MAX_EVENTS, MAX_BYTES)
    }
}

impl Tail {
    /// A tail that keeps nothing yet.
    pub(crate) const fn bounded(max_events: usize, max_bytes: usize) -> Self {
        Self { kept: None, max_events, max_bytes }
    }

    /// Keeps what comes after a position, and forgets everything before it.
    pub(crate) fn restart(&mut self, head: Sequence) {
        self.kept = Some(Kept { start: head, head, events: VecDeque::new(), bytes: 0 });
    }

    /// Keeps nothing.
    pub(crate) fn clear(&mut self) {
        self.kept = None;
    }

    /// Adds all events between its head and `next`, and drops the oldest beyond its bounds.
    pub(crate) fn append(&mut self, events: impl IntoIterator<Item = Arc<FeedEvent>>, next: Sequence) {
        let Some(kept) = &mut self.kept else { return };
        for event in events {
            kept.bytes = kept.bytes.saturating_add(event.size());
            kept.events.push_back(event);
        }
        kept.head = next;
        while kept.events.len() > self.max_events || kept.bytes > self.max_bytes {
            let Some(dropped) = kept.events.pop_front() else { break };
            kept.bytes = kept.bytes.saturating_sub(dropped.size());
            kept.start = dropped.sequence;
        }
    }

    /// The events after a position, and the position up to which they reach. `None` if some are not kept.
    pub(crate) fn after(
        &self,
        cursor: Sequence,
    ) -> Option<(impl Iterator<Item = &Arc<FeedEvent>>, Sequence)> {
        let kept = self.kept.as_ref().filter(|kept| kept.start <= cursor)?;
        let first = kept.events.partition_point(|event| event.sequence <= cursor);
        Some((kept.events.range(first..), kept.head.max(cursor)))
    }
}
