use std::str::FromStr;

use fluxora_stream::{EventKind, Sequence, StreamId};
use jiff::Timestamp;
use thiserror::Error;

use crate::{DeadReason, Delivery, DeliveryState, DeliveryStatus, EndpointId, EndpointQueue, ReplayId};

/// A job that sends settled deliveries of an endpoint again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The id.
    pub id: ReplayId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Which deliveries.
    pub filter: ReplayFilter,
    /// How far it is.
    pub state: ReplayState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The last delivery, in the order of their creation, that was looked at.
    pub cursor: Sequence,
    /// The last delivery to look at: the newest one when it was asked for.
    pub upto: Sequence,
    /// Deliveries that matched when it was asked for.
    pub total: u64,
    /// Deliveries that are waiting to be sent again.
    pub replayed: u64,
}

/// Which settled deliveries are sent again; an absent condition leaves all in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayFilter {
    /// Only deliveries in these states; every settled one if the list is empty. States that are not settled match nothing.
    pub statuses: Vec<DeliveryStatus>,
    /// Only events of these kinds; of every kind if the list is empty.
    pub kinds: Vec<EventKind>,
    /// Only events of this stream.
    pub stream: Option<StreamId>,
    /// Only deliveries created at or after this instant.
    pub created_from: Option<Timestamp>,
    /// Only deliveries created before this instant.
    pub created_until: Option<Timestamp>,
    /// Only events at or after this position of the event log.
    pub from_sequence: Option<Sequence>,
    /// Only events at or before this position of the event log.
    pub to_sequence: Option<Sequence>,
}

/// How far a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayState {
    /// Deliveries are being made due.
    Running,
    /// All were made due.
    Done,
    /// A person ended it. What was made due stays so.
    Cancelled,
}

/// A text that names no state of a replay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no replay is {0:?}")]
pub struct UnknownReplayState(pub String);

impl ReplayState {
    /// The word used on the wire and in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for ReplayState {
    type Err = UnknownReplayState;

    fn from_str(name: &str) -> Result<Self, UnknownReplayState> {
        let known =
            [Self::Running, Self::Done, Self::Cancelled].into_iter().find(|state| state.name() == name);
        known.ok_or_else(|| UnknownReplayState(name.to_owned()))
    }
}

impl ReplayFilter {
    /// Whether a delivery is sent again. One whose body is too large never is.
    pub fn matches(&self, delivery: &Delivery) -> bool {
        let Self { statuses, kinds, stream, created_from, created_until, from_sequence, to_sequence } = self;
        let status = match delivery.state {
            DeliveryState::Pending { .. } | DeliveryState::InFlight(_) => return false,
            DeliveryState::Dead { reason: DeadReason::BodyTooLarge, .. } => return false,
            DeliveryState::Delivered { .. } => DeliveryStatus::Delivered,
            DeliveryState::Dead { .. } => DeliveryStatus::Dead,
            DeliveryState::Cancelled { .. } => DeliveryStatus::Cancelled,
        };
        (statuses.is_empty() || statuses.contains(&status))
            && (kinds.is_empty() || kinds.iter().any(|kind| kind.name() == delivery.event_type))
            && stream.is_none_or(|stream| stream == delivery.stream)
            && created_from.is_none_or(|from| from <= delivery.created_at)
            && created_until.is_none_or(|until| delivery.created_at < until)
            && from_sequence.is_none_or(|from| from <= delivery.sequence)
            && to_sequence.is_none_or(|to| delivery.sequence <= to)
    }
}

impl Delivery {
    /// Makes a settled delivery pending again, with the whole retry schedule before it; its place in its lane is not decided here.
    /// Whether it was done: not if it is pending or in flight, or its body is too large.
    pub fn replay(&mut self, queue: &mut EndpointQueue) -> bool {
        if !ReplayFilter::default().matches(self) {
            return false;
        }
        if matches!(self.state, DeliveryState::Dead { .. }) {
            queue.dead = queue.dead.saturating_sub(1);
        }
        queue.pending = queue.pending.saturating_add(1);
        self.state = DeliveryState::Pending { due_at: None };
        self.tries = 0;
        self.first_attempt_at = None;
        self.blocks_until = None;
        true
    }

    /// Cancels a delivery that is neither settled nor in flight. Whether it was done.
    pub fn cancel(&mut self, queue: &mut EndpointQueue, now: Timestamp) -> bool {
        if !matches!(self.state, DeliveryState::Pending { .. }) {
            return false;
        }
        queue.pending = queue.pending.saturating_sub(1);
        self.state = DeliveryState::Cancelled { at: now };
        self.blocks_until = None;
        true
    }
}
