//! The event log: every stream event, in commit order.

use async_trait::async_trait;
use fluxora_stream::{EventFilter, LoggedEvent, Sequence};

use crate::StoreError;

/// How many positions of the log one page looks through at most. A filter that matches little makes a page short, not slow.
pub const EVENT_LOG_WINDOW: u64 = 10_000;

/// A page of the event log, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventLogPage {
    /// The events that match.
    pub events: Vec<LoggedEvent>,
    /// The position up to which the log has been read: `after` of the next page. It advances although nothing matches.
    pub next: Sequence,
    /// The newest position when the page was read. A reader has reached the end of the log if `next` is not before it.
    pub head: Sequence,
}

/// The range of positions that a page looks through: after the first, up to and with the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLogRange {
    /// The position after which the page begins.
    pub after: Sequence,
    /// The last position that the page may reach.
    pub upto: Sequence,
}

impl EventLogRange {
    /// The positions that a page with this filter looks through in a log whose newest position is `head`.
    pub fn of(filter: &EventFilter, after: Sequence, head: Sequence) -> Self {
        let Sequence(first) = after;
        let window = Sequence(first.saturating_add(EVENT_LOG_WINDOW));
        let upto = if filter.stream.is_some() { head } else { window.min(head) };
        Self { after, upto: upto.max(after) }
    }

    /// The page of these events, of which no more than `limit` were asked for.
    pub fn page(self, events: Vec<LoggedEvent>, limit: u32, head: Sequence) -> EventLogPage {
        let full = usize::try_from(limit).is_ok_and(|limit| events.len() >= limit);
        let last = events.last().map(|logged| logged.sequence).filter(|_| full);
        EventLogPage { next: last.unwrap_or(self.upto), events, head }
    }
}

/// Every stream event in commit order: positions 1, 2, 3 and so on without gaps, never reused.
///
/// A reader that starts at 0 and passes each page's [`next`](EventLogPage::next) as `after` misses nothing and sees nothing twice
/// while others write: an event is visible only when every earlier one is.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Reads up to `limit` matching events after a position, at least 1, looking through [`EVENT_LOG_WINDOW`] positions at most.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a matching event cannot be read.
    async fn events_after(
        &self,
        after: Sequence,
        filter: &EventFilter,
        limit: u32,
    ) -> Result<EventLogPage, StoreError>;

    /// The newest position; 0 while the log is empty.
    async fn head(&self) -> Result<Sequence, StoreError>;

    /// The oldest position that is kept; 0 while the log is empty.
    async fn oldest(&self) -> Result<Sequence, StoreError>;

    /// Returns when events may have been appended since the call was first polled, or since the last call of a process with one
    /// reader returned. A hint: it may return without an event, and another process's events need not end the wait, so a reader
    /// also polls.
    async fn appended(&self) {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use fluxora_stream::{ContractId, StreamId};

    use super::*;

    #[track_caller]
    fn check(filter: &EventFilter, after: u64, head: u64, upto: u64) {
        let range = EventLogRange::of(filter, Sequence(after), Sequence(head));
        assert_eq!(range, EventLogRange { after: Sequence(after), upto: Sequence(upto) });
        let page = range.page(Vec::new(), 10, Sequence(head));
        assert_eq!(page.next, Sequence(upto), "a page without events advances to its end");
    }

    #[test]
    fn a_page_looks_through_a_window_that_ends_at_the_head() {
        let all = EventFilter::default();
        check(&all, 0, 0, 0);
        check(&all, 7, 9, 9);
        check(&all, 7, EVENT_LOG_WINDOW + 100, EVENT_LOG_WINDOW + 7);
        check(&all, u64::MAX, 9, u64::MAX);
    }

    #[test]
    fn a_reader_of_one_stream_is_at_the_head_after_its_last_event() {
        let stream = StreamId::chain(ContractId::from_hash([7; 32]), 0);
        check(&EventFilter { stream: Some(stream), ..EventFilter::default() }, 7, 1_000_000, 1_000_000);
    }

    #[test]
    fn a_reader_ahead_of_the_log_stays_where_it_is() {
        check(&EventFilter::default(), 9, 7, 9);
    }
}
