use std::fmt;
use std::str::FromStr;

use fluxora_stream::{Sequence, StreamId};
use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::{DeliveryId, EndpointId, EndpointState, body_of_replay};

/// One event for one endpoint.
#[derive(Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The id: the same on every attempt, and on every replay that does not ask for another one.
    pub id: DeliveryId,
    /// The delivery whose event it delivers again under a new id: the first one, also for a replay of a replay.
    pub replay_of: Option<DeliveryId>,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The event's position in the event log.
    pub sequence: Sequence,
    /// The event's stream. Together with the endpoint it is the lane.
    pub stream: StreamId,
    /// The event's type, for example `stream.created`.
    pub event_type: String,
    /// The body of every attempt, fixed at fan-out.
    pub body: Vec<u8>,
    /// What has become of it.
    pub state: DeliveryState,
    /// Attempts that were made, the lost ones among them.
    pub attempts: u32,
    /// Attempts that count for the retry schedule: those with a result since the delivery was created or last replayed.
    pub tries: u32,
    /// When the first attempt since the delivery was created or last replayed was begun.
    pub first_attempt_at: Option<Timestamp>,
    /// Until when the later deliveries of its lane wait although it has not the turn: it is dead and blocks its lane, or it has held the
    /// lane up for as long as it may and is attempted beside it.
    pub blocks_until: Option<Timestamp>,
    /// How often it was claimed. It is the fence of the present claim.
    pub claims: u32,
    /// When it was created.
    pub created_at: Timestamp,
}

/// What has become of a delivery, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits.
    Pending {
        /// When its next attempt is due; `None` while an earlier delivery of its lane is not settled.
        due_at: Option<Timestamp>,
    },
    /// A worker sends it.
    InFlight(Lease),
    /// The receiver has acknowledged it.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// It is given up. A replay sends it again.
    Dead {
        /// When.
        at: Timestamp,
        /// Why.
        reason: DeadReason,
    },
    /// Its owner does not want it.
    Cancelled {
        /// When.
        at: Timestamp,
    },
}

/// A worker's claim on a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Names the worker.
    pub worker: String,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// When others may claim it.
    pub until: Timestamp,
}

/// Why a delivery is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadReason {
    /// Every attempt of the schedule failed.
    Exhausted,
    /// The last attempt was made at the end of [`HORIZON`](crate::HORIZON).
    Expired,
    /// The body is over [`MAX_BODY_BYTES`](crate::MAX_BODY_BYTES): no attempt was made.
    BodyTooLarge,
}

/// The state of a delivery, as it is shown: a pending delivery of an endpoint that is not active is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// It waits for an attempt or for its turn.
    Pending,
    /// A worker sends it.
    InFlight,
    /// It waits for its endpoint to be active.
    Held,
    /// The receiver has acknowledged it.
    Delivered,
    /// It is given up.
    Dead,
    /// Its owner does not want it.
    Cancelled,
}

/// A text that names no reason for giving a delivery up.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no delivery is dead for {0:?}")]
pub struct UnknownDeadReason(pub String);

/// A text that names no status of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no delivery has the status {0:?}")]
pub struct UnknownDeliveryStatus(pub String);

impl Delivery {
    /// The status in which it is shown, given the state of its endpoint.
    pub const fn status(&self, endpoint: &EndpointState) -> DeliveryStatus {
        match self.state {
            DeliveryState::Pending { .. } if endpoint.is_active() => DeliveryStatus::Pending,
            DeliveryState::Pending { .. } => DeliveryStatus::Held,
            DeliveryState::InFlight(_) => DeliveryStatus::InFlight,
            DeliveryState::Delivered { .. } => DeliveryStatus::Delivered,
            DeliveryState::Dead { .. } => DeliveryStatus::Dead,
            DeliveryState::Cancelled { .. } => DeliveryStatus::Cancelled,
        }
    }
}

impl Delivery {
    /// The first delivery of its event to its endpoint.
    pub fn original(&self) -> DeliveryId {
        self.replay_of.unwrap_or(self.id)
    }

    /// Another delivery of the same event, under the id of a replay. It is not to be sent until it is
    /// [replayed](Self::replay). `None` if its body cannot carry another id.
    pub fn copied(&self, nonce: Uuid, now: Timestamp) -> Option<Self> {
        let id = DeliveryId::replayed(self.original(), nonce);
        Some(Self {
            id,
            replay_of: Some(self.original()),
            endpoint: self.endpoint,
            sequence: self.sequence,
            stream: self.stream,
            event_type: self.event_type.clone(),
            body: body_of_replay(&self.body, self.id, id)?,
            state: DeliveryState::Cancelled { at: now },
            attempts: 0,
            tries: 0,
            first_attempt_at: None,
            blocks_until: None,
            claims: 0,
            created_at: now,
        })
    }

    /// Whether the later deliveries of its lane wait for its turn to end.
    pub const fn is_in_lane(&self) -> bool {
        !self.state.is_settled() && self.blocks_until.is_none()
    }

    /// Lets the later deliveries of its lane go on: it blocks them no longer. Whether it did: it is dead and blocks its lane, or has the
    /// turn of its lane. One that is not settled is attempted on beside its lane.
    pub fn skip(&mut self, now: Timestamp) -> bool {
        match self.state {
            DeliveryState::Dead { .. } if self.blocks_until.is_some_and(|until| until > now) => {
                self.blocks_until = None;
            }
            DeliveryState::Pending { due_at: Some(_) } | DeliveryState::InFlight(_)
                if self.blocks_until.is_none_or(|until| until > now) =>
            {
                self.blocks_until = Some(now);
            }
            _ => return false,
        }
        true
    }
}

impl DeliveryState {
    /// The word used in storage.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::InFlight(_) => "in_flight",
            Self::Delivered { .. } => "delivered",
            Self::Dead { .. } => "dead",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// When it may be claimed next: the due time, or the end of the lease. `None` if it is settled or waits for its turn.
    pub const fn claimable_at(&self) -> Option<Timestamp> {
        match self {
            Self::Pending { due_at } => *due_at,
            Self::InFlight(lease) => Some(lease.until),
            Self::Delivered { .. } | Self::Dead { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// When it was settled.
    pub const fn settled_at(&self) -> Option<Timestamp> {
        match self {
            Self::Pending { .. } | Self::InFlight(_) => None,
            Self::Delivered { at } | Self::Dead { at, .. } | Self::Cancelled { at } => Some(*at),
        }
    }

    /// Whether no attempt follows unless it is replayed.
    pub const fn is_settled(&self) -> bool {
        self.settled_at().is_some()
    }

    /// The present claim.
    pub const fn lease(&self) -> Option<&Lease> {
        match self {
            Self::InFlight(lease) => Some(lease),
            _ => None,
        }
    }

    /// Why it was given up.
    pub const fn dead_reason(&self) -> Option<DeadReason> {
        match self {
            Self::Dead { reason, .. } => Some(*reason),
            _ => None,
        }
    }
}

impl DeadReason {
    /// Every reason.
    pub const ALL: [Self; 3] = [Self::Exhausted, Self::Expired, Self::BodyTooLarge];

    /// The word used on the wire and in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Expired => "expired",
            Self::BodyTooLarge => "body_too_large",
        }
    }
}

impl FromStr for DeadReason {
    type Err = UnknownDeadReason;

    fn from_str(name: &str) -> Result<Self, UnknownDeadReason> {
        let known = Self::ALL.into_iter().find(|reason| reason.name() == name);
        known.ok_or_else(|| UnknownDeadReason(name.to_owned()))
    }
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::InFlight, Self::Held, Self::Delivered, Self::Dead, Self::Cancelled];

    /// The word used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Held => "held",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }
}

impl FromStr for DeliveryStatus {
    type Err = UnknownDeliveryStatus;

    fn from_str(name: &str) -> Result<Self, UnknownDeliveryStatus> {
        let known = Self::ALL.into_iter().find(|status| status.name() == name);
        known.ok_or_else(|| UnknownDeliveryStatus(name.to_owned()))
    }
}

impl fmt::Debug for Delivery {
    /// Without the body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("sequence", &self.sequence)
            .field("stream", &self.stream)
            .field("event_type", &self.event_type)
            .field("body_bytes", &self.body.len())
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .field("tries", &self.tries)
            .field("blocks_until", &self.blocks_until)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}
