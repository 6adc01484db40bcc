use fluxora_delivery::{Delivery, DeliveryStatus, EndpointId, Replay};
use fluxora_stream::{EventKind, Sequence, StreamId};
use jiff::Timestamp;

/// A delivery as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDelivery {
    /// The position in the order of creation: the cursor of lists.
    pub sequence: Sequence,
    /// The delivery.
    pub delivery: Delivery,
    /// Its status, which depends on its endpoint.
    pub status: DeliveryStatus,
    /// The owner of its endpoint; `None` for the operator's.
    pub owner: Option<String>,
}

/// Deliveries to read, newest first; an absent condition leaves all in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryQuery {
    /// Only those of endpoints of this owner; `Some(None)` for the operator's.
    pub owner: Option<Option<String>>,
    /// Only those of this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only those with this status.
    pub status: Option<DeliveryStatus>,
    /// Only events of this stream.
    pub stream: Option<StreamId>,
    /// Only events of this kind.
    pub kind: Option<EventKind>,
    /// Only those created at or after this instant.
    pub created_from: Option<Timestamp>,
    /// Only those created before this instant.
    pub created_until: Option<Timestamp>,
    /// Only those created before this position: the `next` of the previous page.
    pub before: Option<Sequence>,
    /// How many at most; at least 1.
    pub limit: u32,
}

/// A page of deliveries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The deliveries.
    pub deliveries: Vec<ListedDelivery>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Sequence>,
}

/// A page of replays, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayPage {
    /// The replays.
    pub replays: Vec<Replay>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Sequence>,
}

/// Which replays to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayQuery {
    /// Only those of endpoints of this owner; `Some(None)` for the operator's.
    pub owner: Option<Option<String>>,
    /// Only those of this endpoint.
    pub endpoint: Option<EndpointId>,
    /// Only those that were asked for before this position.
    pub before: Option<Sequence>,
    /// The most replays to return, at least one.
    pub limit: u32,
}
