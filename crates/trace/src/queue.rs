use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::span::Span;

/// Spans that wait to be sent.
const CAPACITY: usize = 2_048;

/// The queue of finished spans. Clones share it.
#[derive(Clone, Default)]
pub struct Spans(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<VecDeque<Span>>,
    dropped: AtomicU64,
    sent: AtomicU64,
    refused: AtomicU64,
}

impl Spans {
    /// Queues a span; drops and counts it where the queue is full.
    pub(crate) fn push(&self, span: Span) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < CAPACITY {
            waiting.push_back(span);
        } else {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes up to so many spans, the oldest first.
    pub fn take(&self, most: usize) -> Vec<Span> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(most);
        waiting.drain(..count).collect()
    }

    /// Spans that wait.
    pub fn waiting(&self) -> usize {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Counts spans that a collector accepted.
    pub fn count_sent(&self, spans: usize) {
        self.0.sent.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts spans that a collector refused for good.
    pub fn count_refused(&self, spans: usize) {
        self.0.refused.fetch_add(u64::try_from(spans).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Spans so far, by what became of them: accepted by a collector, refused by it, dropped because the queue was full.
    pub fn outcomes(&self) -> [(&'static str, u64); 3] {
        let Shared { sent, refused, dropped, .. } = self.0.as_ref();
        [("sent", sent), ("refused", refused), ("dropped", dropped)]
            .map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed)))
    }
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}
