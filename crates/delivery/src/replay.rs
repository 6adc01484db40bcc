use std::str::FromStr;

use fluxora_stream::{EventKind, Sequence, StreamId};
use jiff::Timestamp;
use thiserror::Error;

use crate::{
    DeadReason, Delivery, DeliveryId, DeliveryState, DeliveryStatus, EndpointId, EndpointQueue, NoticeKind,
    ReplayId,
};

/// A job that sends settled deliveries of an endpoint again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The id.
    pub id: ReplayId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Which deliveries.
    pub filter: ReplayFilter,
    /// Whether each is sent again as another delivery, under a new id.
    pub fresh_ids: bool,
    /// How far it is.
    pub state: ReplayState,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The last delivery, in the order of their creation, that was looked at; the last event of the log if it looks for what is missing.
    pub cursor: Sequence,
    /// The last delivery or event to look at: the newest one when it was asked for.
    pub upto: Sequence,
    /// Deliveries that matched when it was asked for; 0 if it looks for what is missing, which is known at the end.
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
    /// Only these deliveries; all if the list is empty.
    pub deliveries: Vec<DeliveryId>,
    /// Every event that the endpoint wants and of which no delivery was acknowledged or waits. States and instants of creation are not
    /// looked at. An event without a delivery counts if it is after the endpoint's start and after what retention has deleted, or if
    /// `from_sequence` is given.
    pub missing: bool,
}

/// The most deliveries that a filter names.
pub const MAX_REPLAYED_DELIVERIES: usize = 100;

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

/// What an endpoint is missing of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing<'d> {
    /// Nothing: a delivery was acknowledged, or waits, or can never be sent.
    Nothing,
    /// This delivery, which is given up.
    Delivery(&'d Delivery),
    /// The event: it has no delivery.
    Event,
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
        let Self { statuses, created_from, created_until, deliveries, .. } = self;
        let status = match delivery.state {
            DeliveryState::Pending { .. } | DeliveryState::InFlight(_) => return false,
            DeliveryState::Dead { reason: DeadReason::BodyTooLarge, .. } => return false,
            DeliveryState::Delivered { .. } => DeliveryStatus::Delivered,
            DeliveryState::Dead { .. } => DeliveryStatus::Dead,
            DeliveryState::Cancelled { .. } => DeliveryStatus::Cancelled,
        };
        (statuses.is_empty() || statuses.contains(&status))
            && (deliveries.is_empty() || deliveries.contains(&delivery.id))
            && created_from.is_none_or(|from| from <= delivery.created_at)
            && created_until.is_none_or(|until| delivery.created_at < until)
            && self.wants(&delivery.event_type, delivery.stream, delivery.sequence)
    }

    /// Whether an event of this type, this stream and this position is among those that it names. A notice has no position: it is left out
    /// if there are bounds.
    pub fn wants(&self, event_type: &str, of_stream: StreamId, sequence: Sequence) -> bool {
        let Self { kinds, stream, from_sequence, to_sequence, .. } = self;
        (kinds.is_empty() || kinds.iter().any(|kind| kind.name() == event_type))
            && stream.is_none_or(|stream| stream == of_stream)
            && from_sequence.is_none_or(|from| from <= sequence)
            && to_sequence.is_none_or(|to| sequence <= to)
            && (!self.has_positions() || !NoticeKind::TYPES.contains(&event_type))
    }

    /// Whether it names positions of the event log.
    pub const fn has_positions(&self) -> bool {
        self.from_sequence.is_some() || self.to_sequence.is_some()
    }

    /// What is sent again of an event's deliveries to one endpoint: that which is given up, the first one if there are several.
    pub fn missing_of<'d>(of_event: impl IntoIterator<Item = &'d Delivery> + Clone) -> Missing<'d> {
        let is_there = |delivery: &Delivery| match delivery.state {
            DeliveryState::Pending { .. } | DeliveryState::InFlight(_) | DeliveryState::Delivered { .. } => {
                true
            }
            DeliveryState::Dead { reason, .. } => reason == DeadReason::BodyTooLarge,
            DeliveryState::Cancelled { .. } => false,
        };
        if of_event.clone().into_iter().any(is_there) {
            return Missing::Nothing;
        }
        let first =
            of_event.into_iter().min_by_key(|delivery| (delivery.replay_of.is_some(), delivery.created_at));
        first.map_or(Missing::Event, Missing::Delivery)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::Lease;

    fn delivery(n: u128, state: DeliveryState) -> Delivery {
        let id = DeliveryId::new(Uuid::from_u128(n));
        Delivery {
            id,
            replay_of: (n > 1).then(|| DeliveryId::new(Uuid::from_u128(1))),
            endpoint: EndpointId::new(Uuid::from_u128(9)),
            sequence: Sequence(1),
            stream: StreamId::api(Uuid::from_u128(2)),
            event_type: "stream.created".to_owned(),
            body: format!(r#"{{"delivery_id":"{id}"}}"#).into_bytes(),
            state,
            attempts: 3,
            tries: 3,
            first_attempt_at: Some(Timestamp::UNIX_EPOCH),
            blocks_until: None,
            claims: 3,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn states() -> [DeliveryState; 7] {
        let at = Timestamp::UNIX_EPOCH;
        [
            DeliveryState::Pending { due_at: None },
            DeliveryState::InFlight(Lease { worker: String::new(), claimed_at: at, until: at }),
            DeliveryState::Delivered { at },
            DeliveryState::Dead { at, reason: DeadReason::BodyTooLarge },
            DeliveryState::Dead { at, reason: DeadReason::Exhausted },
            DeliveryState::Dead { at, reason: DeadReason::Expired },
            DeliveryState::Cancelled { at },
        ]
    }

    #[test]
    fn a_copy_has_a_new_id_names_the_first_delivery_and_has_no_attempts() {
        let nonce = Uuid::from_u128(77);
        let first = delivery(1, states()[2].clone());
        let copy = first.copied(nonce, Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!((copy.replay_of, copy.attempts, copy.claims), (Some(first.id), 0, 0));
        assert_eq!(copy.body, format!(r#"{{"delivery_id":"{}"}}"#, copy.id).into_bytes());
        let again = copy.copied(Uuid::from_u128(78), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(again.replay_of, Some(first.id), "not the copy");
        assert_ne!(again.id, copy.id);
        assert_eq!(Delivery { body: Vec::new(), ..first }.copied(nonce, Timestamp::UNIX_EPOCH), None);
    }

    proptest! {
        #[test]
        fn an_event_is_missing_unless_one_of_its_deliveries_arrived_or_may_arrive(
            drawn in prop::collection::vec(0_usize..7, 0..5),
        ) {
            let deliveries: Vec<_> =
                (1..).zip(&drawn).map(|(n, state)| delivery(n, states()[*state].clone())).collect();
            let missing = ReplayFilter::missing_of(&deliveries);
            let expect = match deliveries.first() {
                _ if drawn.iter().any(|state| *state < 4) => Missing::Nothing,
                Some(first) => Missing::Delivery(first),
                None => Missing::Event,
            };
            prop_assert_eq!(missing, expect);
        }
    }
}
