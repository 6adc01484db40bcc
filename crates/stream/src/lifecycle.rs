//! The life cycle of an API stream: decisions as events, and the fold of events.

use fluxora_decimal::Amount;
use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::{
    Balance, Body, Cause, Changes, EventData, EventKind, Origin, RateFlow, Schedule, Settlement, Status,
    StatusName, Stream, StreamEvent, StreamId, Terms, UnixTime,
};

/// A start and an end.
const MOST_TRANSITIONS_DUE: usize = 2;

/// A stream after a decision, with the events that record it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The stream with the events applied.
    pub stream: Stream,
    /// The events, in order; empty if nothing changed.
    pub events: Vec<StreamEvent>,
}

/// Why a stream cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CancelRefused {
    /// A chain stream: only its contract changes it.
    #[error("this stream lives on chain: cancel it through the contract")]
    ChainManaged,
    /// The stream has ended already.
    #[error("this stream is already {0}")]
    Ended(StatusName),
}

/// An event that cannot follow the events before it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("event {stream_seq} ({kind}) cannot follow event {after} of stream {stream}")]
pub struct HistoryError {
    /// The stream that the event names.
    pub stream: StreamId,
    /// The event's position in the history.
    pub stream_seq: u32,
    /// The position of the event before it; 0 if there is none.
    pub after: u32,
    /// The event's type.
    pub kind: EventKind,
}

impl Stream {
    /// A stream on these terms, created through the API at `now`.
    pub fn create(id: Uuid, terms: &Terms, now: Timestamp) -> (Self, StreamEvent) {
        let scheduled = terms.start_time > UnixTime::of(now);
        let stream = Self {
            body: Body::Api { id, flow: RateFlow { schedule: terms.schedule(), withdrawn: Amount::ZERO } },
            sender: terms.sender,
            recipient: terms.recipient,
            status: if scheduled { Status::Scheduled } else { Status::Active },
            created_at: now,
            updated_at: now,
            event_count: 1,
        };
        let changes = Box::new(Changes::between(None, &stream));
        let event = StreamEvent {
            stream: stream.id(),
            stream_seq: 1,
            occurred_at: now,
            recorded_at: now,
            kind: EventKind::Created,
            data: EventData { cause: Cause::Api, changes, settlement: None, retracts: None, runway: None },
        };
        (stream, event)
    }

    /// The API stream that these events make, from the first on; `None` if there are none.
    ///
    /// # Errors
    /// [`HistoryError`] names the first event that cannot follow the events before it.
    pub fn replay<'a>(
        events: impl IntoIterator<Item = &'a StreamEvent>,
    ) -> Result<Option<Self>, HistoryError> {
        let mut stream: Option<Self> = None;
        for event in events {
            match &mut stream {
                // One that was recorded late is of an instant before that of its predecessor, so a history up to an instant may
                // lack others between.
                Some(stream) if event.changes_nothing() => stream.event_count = event.stream_seq,
                Some(stream) => stream.follow(event)?,
                None => stream = Some(Self::created(event).ok_or_else(|| out_of_order(event, 0))?),
            }
        }
        Ok(stream)
    }

    /// The stream that a `created` event makes; `None` for any other event, or if a term is missing.
    fn created(event: &StreamEvent) -> Option<Self> {
        let StreamId::Api(id) = event.stream else { return None };
        if (event.kind, event.stream_seq) != (EventKind::Created, 1) {
            return None;
        }
        let changes = &event.data.changes;
        let schedule = Schedule::linear(
            changes.deposit_amount?,
            changes.rate_per_second?,
            changes.start_time?,
            changes.cliff_time?,
            changes.end_time?,
        );
        Some(Self {
            body: Body::Api { id, flow: RateFlow { schedule, withdrawn: changes.withdrawn_amount? } },
            sender: changes.sender?,
            recipient: changes.recipient?,
            status: Status::from_parts(changes.status?, None)?,
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            event_count: event.stream_seq,
        })
    }

    /// Applies the next event of an API stream.
    ///
    /// # Errors
    /// [`HistoryError`] if the event is not the next one or cannot occur in this status; the stream is unchanged.
    pub fn apply(&mut self, event: &StreamEvent) -> Result<(), HistoryError> {
        let is_next = event.stream == self.id() && self.event_count.checked_add(1) == Some(event.stream_seq);
        let status = self.after(event.kind, event.occurred_at).filter(|_| is_next);
        self.status = status.ok_or_else(|| out_of_order(event, self.event_count))?;
        self.event_count = event.stream_seq;
        self.updated_at = event.recorded_at;
        Ok(())
    }

    /// Applies an event of a history that may lack time events before it.
    fn follow(&mut self, event: &StreamEvent) -> Result<(), HistoryError> {
        let before = event.stream_seq.saturating_sub(1);
        self.event_count = self.event_count.max(before);
        self.apply(event)
    }

    /// The status after an event of an API stream; `None` if it cannot occur in the present one.
    fn after(&self, kind: EventKind, occurred_at: Timestamp) -> Option<Status> {
        match (&self.body, self.status, kind) {
            (Body::Api { .. }, Status::Scheduled, EventKind::Started) => Some(Status::Active),
            (Body::Api { .. }, Status::Active, EventKind::Completed) => Some(Status::Completed),
            (Body::Api { .. }, Status::Scheduled | Status::Active, EventKind::Cancelled) => {
                Some(Status::Cancelled { at: occurred_at })
            }
            _ => None,
        }
    }

    /// Records the transitions that are due by `now`: the start, the end, both or none. A chain stream has none.
    pub fn catch_up(&self, now: Timestamp) -> Change {
        let mut change = Change { stream: self.clone(), events: Vec::new() };
        for _ in 0..MOST_TRANSITIONS_DUE {
            let Some(due) = change.stream.due_at().filter(|due| *due <= UnixTime::of(now)) else { break };
            let (kind, settlement) = match change.stream.status {
                Status::Scheduled => (EventKind::Started, None),
                _ => (EventKind::Completed, change.stream.settlement(due)),
            };
            let occurred_at = due.instant().max(self.created_at);
            change = change.and(kind, Cause::Clock, settlement, occurred_at, now);
        }
        change
    }

    /// Cancels the stream at `now`. Transitions that are due before are recorded first.
    ///
    /// # Errors
    /// [`CancelRefused`] for a chain stream, and for a stream that has ended, including one whose end is due and not
    /// recorded.
    pub fn cancel(&self, now: Timestamp) -> Result<Change, CancelRefused> {
        if self.origin() == Origin::Chain {
            return Err(CancelRefused::ChainManaged);
        }
        let now = now.max(self.updated_at);
        let change = self.catch_up(now);
        let status = change.stream.status.name();
        if status.is_terminal() {
            return Err(CancelRefused::Ended(status));
        }
        let settlement = change.stream.settlement(UnixTime::of(now));
        Ok(change.and(EventKind::Cancelled, Cause::Api, settlement, now, now))
    }

    /// The time of the next transition that the stream clock has to record; `None` if there is none.
    pub fn due_at(&self) -> Option<UnixTime> {
        match (&self.body, self.status) {
            (Body::Api { flow, .. }, Status::Scheduled) => Some(flow.schedule.start),
            (Body::Api { flow, .. }, Status::Active) => Some(flow.schedule.end),
            _ => None,
        }
    }

    /// `None` for a vesting stream.
    fn settlement(&self, at: UnixTime) -> Option<Settlement> {
        let RateFlow { schedule, withdrawn } = *self.details().flow()?;
        let streamed = self.streamed_at(&schedule, at);
        let balance = Balance::divide(schedule.deposit, streamed, withdrawn, true, schedule.decimals());
        Some(Settlement { streamed_amount: balance.streamed, refunded_amount: balance.refunded })
    }
}

impl Change {
    /// Adds one event. An event that cannot occur in the present status is left out.
    fn and(
        mut self,
        kind: EventKind,
        cause: Cause,
        settlement: Option<Settlement>,
        occurred_at: Timestamp,
        recorded_at: Timestamp,
    ) -> Self {
        let Some(status) = self.stream.after(kind, occurred_at) else { return self };
        let after = Stream { status, ..self.stream.clone() };
        let changes = Box::new(Changes::between(Some(&self.stream), &after));
        let event = StreamEvent {
            stream: self.stream.id(),
            stream_seq: self.stream.event_count.saturating_add(1),
            occurred_at,
            recorded_at: recorded_at.max(occurred_at),
            kind,
            data: EventData { cause, changes, settlement, retracts: None, runway: None },
        };
        if self.stream.apply(&event).is_ok() {
            self.events.push(event);
        }
        self
    }
}

fn out_of_order(event: &StreamEvent, after: u32) -> HistoryError {
    HistoryError { stream: event.stream, stream_seq: event.stream_seq, after, kind: event.kind }
}
