use fluxora_delivery::{Delivery, DeliveryStatus, EndpointId, Replay};
use fluxora_stream::{EventKind, Sequence, StreamId};
use jiff::Timestamp;

/// A delivery as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedDelivery {
    /// The position in the order of creation: the cursor of lists.
    pub sequence: Sequence,
    /// The delivery. It has no body in a page.
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

/// Most rows that one page of deliveries, endpoints or replays looks through, of those that its index alone finds.
pub const LIST_WINDOW: u32 = 5_000;

/// The index in whose order a page of deliveries is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryIndex {
    /// Those of events of a stream.
    Stream(StreamId),
    /// Those that are given up.
    Dead,
    /// Those of an endpoint.
    Endpoint(EndpointId),
    /// Those that are not settled.
    Open,
    /// All.
    All,
}

impl DeliveryQuery {
    /// The index that is likely to hold the fewest rows.
    pub fn index(&self) -> DeliveryIndex {
        match (self.stream, self.status, self.endpoint) {
            (Some(stream), _, _) => DeliveryIndex::Stream(stream),
            (None, Some(DeliveryStatus::Dead), _) => DeliveryIndex::Dead,
            (None, _, Some(endpoint)) => DeliveryIndex::Endpoint(endpoint),
            (None, Some(DeliveryStatus::Pending | DeliveryStatus::InFlight | DeliveryStatus::Held), None) => {
                DeliveryIndex::Open
            }
            (None, _, None) => DeliveryIndex::All,
        }
    }

    /// Whether the query has conditions beside its index, so that a page is limited to [`LIST_WINDOW`] rows of it.
    pub fn is_windowed(&self) -> bool {
        let Self { owner, endpoint, status, kind, created_from, created_until, .. } = self;
        let is_more = match self.index() {
            DeliveryIndex::Stream(_) => endpoint.is_some() || status.is_some(),
            DeliveryIndex::Dead => endpoint.is_some(),
            DeliveryIndex::Endpoint(_) | DeliveryIndex::Open | DeliveryIndex::All => status.is_some(),
        };
        is_more || owner.is_some() || kind.is_some() || created_from.is_some() || created_until.is_some()
    }
}

/// A page of deliveries, newest first. It ends with its limit or with its window.
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
