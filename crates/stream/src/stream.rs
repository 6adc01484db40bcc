use jiff::Timestamp;
use thiserror::Error;

use crate::event::Closing;
use crate::{
    Address, Balance, Fact, OnChain, Origin, Schedule, Status, StatusName, StreamEvent, StreamId, Terms,
    UnixTime,
};
use fluxora_decimal::Amount;

/// A start and an end.
const MOST_TRANSITIONS_DUE: usize = 2;

/// A payment stream: the fold of its events.
///
/// A plain value. Recorded instants have millisecond precision, as they are stored and shown. It changes by [`apply`](Self::apply) alone; [`create`](Self::create), [`catch_up`](Self::catch_up) and
/// [`cancel`](Self::cancel) decide which events that takes and hand back both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its identity.
    pub id: StreamId,
    /// Who pays.
    pub sender: Address,
    /// Who is paid.
    pub recipient: Address,
    /// How the deposit flows.
    pub schedule: Schedule,
    /// What the recipient has taken out.
    pub withdrawn: Amount,
    /// The status its events have recorded; [`status_at`](Self::status_at) also knows what has fallen due since.
    pub status: Status,
    /// When its first event was recorded; for a stream of the chain, when the ledger closed that made it.
    pub created_at: Timestamp,
    /// When its last event was recorded; for a stream of the chain, when the ledger closed that changed it last.
    pub updated_at: Timestamp,
    /// How many events it has.
    pub events: u32,
    /// What only a stream of the chain has; present exactly where [`id`](Self::id) is a chain's.
    pub chain: Option<Box<OnChain>>,
}

/// A stream after a decision, with the events that made it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The stream with the events applied.
    pub stream: Stream,
    /// The events, in order; none if nothing happened.
    pub events: Vec<StreamEvent>,
}

/// Why a stream cannot be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CancelRefused {
    /// Only the contract changes a stream of the chain.
    #[error("this stream lives on chain: cancel it through the contract")]
    ChainManaged,
    /// The stream has ended already.
    #[error("this stream is already {0}")]
    Ended(StatusName),
}

/// Events that do not make a life: one that cannot follow what came before it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("event {number} ({fact}) cannot follow event {after} of stream {stream}")]
pub struct HistoryError {
    /// Whose history.
    pub stream: StreamId,
    /// The event's number.
    pub number: u32,
    /// The number of the event before it; 0 if there is none.
    pub after: u32,
    /// What the event says happened.
    pub fact: &'static str,
}

impl Stream {
    /// A stream on these terms, made through the API at `now`.
    pub fn create(id: StreamId, terms: Terms, now: Timestamp) -> (Self, StreamEvent) {
        let event = StreamEvent {
            stream: id,
            number: 1,
            occurred_at: now,
            recorded_at: now,
            fact: Fact::Created(terms),
        };
        (Self::created(&event, &terms), event)
    }

    fn created(event: &StreamEvent, terms: &Terms) -> Self {
        let scheduled = terms.start_time > UnixTime::of(event.occurred_at);
        Self {
            id: event.stream,
            sender: terms.sender,
            recipient: terms.recipient,
            schedule: terms.schedule(),
            withdrawn: Amount::ZERO,
            status: if scheduled { Status::Scheduled } else { Status::Active },
            created_at: event.recorded_at,
            updated_at: event.recorded_at,
            events: event.number,
            chain: None,
        }
    }

    /// Who makes and changes the stream.
    pub const fn origin(&self) -> Origin {
        self.id.origin()
    }

    /// The stream that these events, from the first on, have made; `None` if there are none.
    ///
    /// # Errors
    /// [`HistoryError`] names the first event that cannot follow the ones before it.
    pub fn replay<'a>(
        events: impl IntoIterator<Item = &'a StreamEvent>,
    ) -> Result<Option<Self>, HistoryError> {
        let mut stream: Option<Self> = None;
        for event in events {
            match (&mut stream, &event.fact) {
                (Some(stream), _) => stream.apply(event)?,
                (None, Fact::Created(terms)) if event.number == 1 => {
                    stream = Some(Self::created(event, terms));
                }
                (None, _) => return Err(out_of_order(event, 0)),
            }
        }
        Ok(stream)
    }

    /// Applies the next event of this stream's life.
    ///
    /// # Errors
    /// [`HistoryError`] if the event is not the next one or cannot happen in this status; the stream is unchanged.
    pub fn apply(&mut self, event: &StreamEvent) -> Result<(), HistoryError> {
        let refused = || out_of_order(event, self.events);
        if event.stream != self.id || self.events.checked_add(1) != Some(event.number) {
            return Err(refused());
        }
        self.status = match (self.status, &event.fact) {
            (Status::Scheduled, Fact::Started) | (Status::Paused { .. }, Fact::Resumed) => Status::Active,
            (Status::Active, Fact::Paused) => Status::Paused { at: event.occurred_at },
            (Status::Active | Status::Paused { .. }, Fact::Completed(_)) => Status::Completed,
            (Status::Scheduled | Status::Active | Status::Paused { .. }, Fact::Cancelled(_)) => {
                Status::Cancelled { at: event.occurred_at }
            }
            _ => return Err(refused()),
        };
        self.events = event.number;
        self.updated_at = event.recorded_at;
        Ok(())
    }

    /// Records what has fallen due by `now`: the start, the end, both or nothing. Streams of the chain never fall due here.
    pub fn catch_up(&self, now: Timestamp) -> Change {
        let mut change = Change { stream: self.clone(), events: Vec::new() };
        for _ in 0..MOST_TRANSITIONS_DUE {
            let Some(due) = change.stream.due_at().filter(|due| *due <= UnixTime::of(now)) else { break };
            let fact = match change.stream.status {
                Status::Scheduled => Fact::Started,
                _ => Fact::Completed(change.stream.closing(due)),
            };
            let occurred_at = due.instant().max(self.created_at);
            change = change.and(fact, occurred_at, now);
        }
        change
    }

    /// Ends the stream at `now`; what has fallen due before is recorded first.
    ///
    /// # Errors
    /// [`CancelRefused`] if the stream lives on chain, or has ended (also where its end has come but is not recorded yet).
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
        let closing = change.stream.closing(UnixTime::of(now));
        Ok(change.and(Fact::Cancelled(closing), now, now))
    }

    /// When the stream clock next has to act on this stream; `None` if it never has to.
    pub fn due_at(&self) -> Option<UnixTime> {
        match (self.origin(), self.status) {
            (Origin::Api, Status::Scheduled) => Some(self.schedule.start),
            (Origin::Api, Status::Active) => Some(self.schedule.end),
            _ => None,
        }
    }

    /// The status at `at`, which must not lie before the stream's last event: what falls due by then counts as happened.
    pub fn status_at(&self, at: UnixTime) -> StatusName {
        match (self.origin(), self.status) {
            (Origin::Api, Status::Scheduled | Status::Active) if at >= self.schedule.end => {
                StatusName::Completed
            }
            (Origin::Api, Status::Scheduled) if at >= self.schedule.start => StatusName::Active,
            (_, status) => status.name(),
        }
    }

    /// How the deposit is divided at `at`, which must not lie before the stream's last event.
    pub fn balance_at(&self, at: UnixTime) -> Balance {
        let ended = self.status_at(at).is_terminal();
        let decimals = self.schedule.decimals();
        let balance =
            Balance::divide(self.schedule.deposit, self.streamed_at(at), self.withdrawn, ended, decimals);
        match (self.origin(), self.status) {
            // The contract's own answer: it lets nobody withdraw from a stream that is held, and owes nothing for one completed.
            (Origin::Chain, Status::Paused { .. } | Status::Completed) => balance.nothing_withdrawable(),
            _ => balance,
        }
    }

    fn streamed_at(&self, at: UnixTime) -> Amount {
        match (self.origin(), self.status) {
            (_, Status::Cancelled { at: cancelled }) => self.schedule.accrued(UnixTime::of(cancelled)),
            (Origin::Chain, Status::Completed) => self.schedule.deposit,
            (Origin::Api, Status::Completed) => self.schedule.accrued(UnixTime::MAX),
            _ => self.schedule.accrued(at),
        }
    }

    fn closing(&self, at: UnixTime) -> Closing {
        let streamed = self.streamed_at(at);
        let balance =
            Balance::divide(self.schedule.deposit, streamed, self.withdrawn, true, self.schedule.decimals());
        Closing { streamed_amount: balance.streamed, refunded_amount: balance.refunded }
    }
}

impl Change {
    /// Goes on with one more fact. A fact that cannot happen in the present status is not recorded.
    fn and(mut self, fact: Fact, occurred_at: Timestamp, recorded_at: Timestamp) -> Self {
        let event = StreamEvent {
            stream: self.stream.id,
            number: self.stream.events.saturating_add(1),
            occurred_at,
            recorded_at: recorded_at.max(occurred_at),
            fact,
        };
        if self.stream.apply(&event).is_ok() {
            self.events.push(event);
        }
        self
    }
}

fn out_of_order(event: &StreamEvent, after: u32) -> HistoryError {
    HistoryError { stream: event.stream, number: event.number, after, fact: event.fact.name() }
}
