use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{Attempt, Delivery, DeliveryId, EndpointId, Replay, ReplayFilter, ReplayId};
use fluxora_stream::{EventParties, LoggedEvent, Sequence, StreamId};
use jiff::Timestamp;

use super::StoredEndpoint;
use crate::StoreError;

/// One stream at one endpoint: deliveries keep their order within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// The stream.
    pub stream: StreamId,
}

/// A delivery with its position in the order of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDelivery {
    /// The position; 0 before it is written.
    pub sequence: Sequence,
    /// The delivery.
    pub delivery: Delivery,
}

/// An event to fan out, with the parties of its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventToFanOut {
    /// The event.
    pub logged: LoggedEvent,
    /// The present parties; those that its events named last if the stream was removed.
    pub parties: EventParties,
}

/// How far the event log was fanned out, and to which endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOutCursor {
    /// The position of the last event whose deliveries were written.
    pub sequence: Sequence,
    /// The version of the endpoints that follow the log. A trigger of the database changes it when an endpoint is created, deleted,
    /// caught up or gets another filter, to a number that it never had.
    pub followers: i64,
}

/// The live claims of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// How many leases have not ended.
    pub leases: u32,
    /// When the first of them ends.
    pub first_end: Timestamp,
}

/// The steps of a transaction on endpoints and deliveries, as the shared algorithms take them. A backend that several processes
/// share holds a lock on each endpoint that a step has read for writing, until the commit: it is the lock of all its lanes.
#[expect(async_fn_in_trait, reason = "used with concrete types alone")]
pub trait DeliveryTransaction {
    /// Why a step fails.
    type Fault: From<StoreError>;

    /// The instant of the transaction: the caller's, or the database's own.
    async fn now(&mut self, caller: Timestamp) -> Result<Timestamp, Self::Fault>;

    /// Reads endpoints for writing, in the order of their creation. Deleted ones are left out.
    async fn lock_endpoints(
        &mut self,
        ids: &BTreeSet<EndpointId>,
    ) -> Result<Vec<StoredEndpoint>, Self::Fault>;
    /// Reads up to `limit` endpoints for writing that are runnable at `now`, the longest runnable first. Endpoints that another
    /// transaction holds are passed over.
    async fn runnable_endpoints(
        &mut self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredEndpoint>, Self::Fault>;
    /// The earliest instant at which an endpoint is runnable.
    async fn next_runnable(&mut self) -> Result<Option<Timestamp>, Self::Fault>;
    /// Reads all endpoints that are not deleted, in the order of their creation.
    async fn all_endpoints(&mut self) -> Result<Vec<StoredEndpoint>, Self::Fault>;
    /// The first endpoint that is behind the fan-out cursor.
    async fn endpoint_behind(&mut self) -> Result<Option<EndpointId>, Self::Fault>;
    /// The first endpoint that has notices to be fanned out.
    async fn endpoint_with_notices(&mut self) -> Result<Option<EndpointId>, Self::Fault>;
    /// Writes the notices of an endpoint.
    async fn write_notices(&mut self, endpoint: &StoredEndpoint) -> Result<(), Self::Fault>;
    /// How many endpoints an owner has.
    async fn count_endpoints(&mut self, owner: Option<&str>) -> Result<u32, Self::Fault>;
    /// Writes a new endpoint and returns its position; `None` if its id is taken.
    async fn insert_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<Option<Sequence>, Self::Fault>;
    /// Writes everything of an endpoint that can change.
    async fn write_endpoint(&mut self, endpoint: &StoredEndpoint) -> Result<(), Self::Fault>;
    /// Writes queues and states of endpoints, and how far they are behind.
    async fn write_queues(&mut self, endpoints: &[StoredEndpoint]) -> Result<(), Self::Fault>;
    /// Marks an endpoint as deleted.
    async fn mark_deleted(&mut self, id: EndpointId, at: Timestamp) -> Result<(), Self::Fault>;

    /// Reads the fan-out cursor for writing.
    async fn fan_out_cursor(&mut self) -> Result<FanOutCursor, Self::Fault>;
    /// Writes the fan-out cursor.
    async fn save_fan_out_cursor(&mut self, cursor: Sequence) -> Result<(), Self::Fault>;
    /// The newest position of the event log.
    async fn head(&mut self) -> Result<Sequence, Self::Fault>;
    /// Reads up to `limit` events after a position.
    async fn events_after(&mut self, after: Sequence, limit: u32) -> Result<Vec<EventToFanOut>, Self::Fault>;

    /// Those of the lanes that have a delivery which is not settled and [in its lane](Delivery::is_in_lane).
    async fn open_lanes(&mut self, lanes: &BTreeSet<Lane>) -> Result<BTreeSet<Lane>, Self::Fault>;
    /// Until when each lane is blocked by deliveries that have not its turn; a lane that is not blocked after `now` is left out.
    async fn lane_blocks(
        &mut self,
        lanes: &BTreeSet<Lane>,
        now: Timestamp,
    ) -> Result<BTreeMap<Lane, Timestamp>, Self::Fault>;
    /// Ends what dead deliveries of an endpoint block.
    async fn free_lanes(&mut self, endpoint: EndpointId) -> Result<(), Self::Fault>;
    /// The first delivery of each lane, in the order of the log, that is in it.
    async fn lane_heads(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, Self::Fault>;
    /// The delivery in each lane that is in flight or has a due time: one, or none if all are settled.
    async fn lane_turns(&mut self, lanes: &BTreeSet<Lane>) -> Result<Vec<StoredDelivery>, Self::Fault>;
    /// Writes new deliveries.
    async fn insert_deliveries(&mut self, deliveries: &[Delivery]) -> Result<(), Self::Fault>;
    /// Reads deliveries by their ids, in no order.
    async fn deliveries(&mut self, ids: &[DeliveryId]) -> Result<Vec<StoredDelivery>, Self::Fault>;
    /// Reads the deliveries that are replays of others under new ids, in no order.
    async fn copies_of(&mut self, originals: &[DeliveryId]) -> Result<Vec<StoredDelivery>, Self::Fault>;
    /// Reads for each endpoint up to `limit` deliveries that may be claimed at `now`, the longest due first.
    async fn due_deliveries(
        &mut self,
        endpoints: &[EndpointId],
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, Self::Fault>;
    /// The leases of each endpoint that have not ended at `now`; an endpoint without one may be left out.
    async fn in_flight(
        &mut self,
        endpoints: &[EndpointId],
        now: Timestamp,
    ) -> Result<Vec<InFlight>, Self::Fault>;
    /// How many leases of all endpoints of each owner have not ended at `now`; 0 for one without. No other transaction counts those of one
    /// of them until this one ends, so that none of them gets more than it may.
    async fn in_flight_of_owners(
        &mut self,
        owners: &BTreeSet<String>,
        now: Timestamp,
    ) -> Result<BTreeMap<String, u32>, Self::Fault>;
    /// When a delivery of each endpoint may be claimed next; an endpoint without one is left out.
    async fn claimable_at(
        &mut self,
        endpoints: &[EndpointId],
    ) -> Result<Vec<(EndpointId, Timestamp)>, Self::Fault>;
    /// Writes everything of deliveries that can change.
    async fn write_deliveries(&mut self, deliveries: &[StoredDelivery]) -> Result<(), Self::Fault>;
    /// Writes attempts, each with the position of its delivery.
    async fn insert_attempts(&mut self, attempts: &[(Sequence, Attempt)]) -> Result<(), Self::Fault>;
    /// Reads up to `limit` deliveries of an endpoint that wait, in the order of their creation.
    async fn waiting_deliveries(
        &mut self,
        endpoint: EndpointId,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, Self::Fault>;

    /// The position of the newest delivery.
    async fn newest_delivery(&mut self) -> Result<Sequence, Self::Fault>;
    /// Reads up to `limit` deliveries of an endpoint by position, after the first up to the second.
    async fn deliveries_between(
        &mut self,
        endpoint: EndpointId,
        after: Sequence,
        upto: Sequence,
        limit: u32,
    ) -> Result<Vec<StoredDelivery>, Self::Fault>;
    /// How many deliveries of an endpoint a replay with this filter sends again.
    async fn count_to_replay(
        &mut self,
        endpoint: EndpointId,
        filter: &ReplayFilter,
    ) -> Result<u64, Self::Fault>;
    /// Writes a new replay. `false` if there is one with its id: nothing was written.
    async fn insert_replay(&mut self, replay: &Replay) -> Result<bool, Self::Fault>;
    /// Reads a replay for writing.
    async fn lock_replay(&mut self, id: ReplayId) -> Result<Option<Replay>, Self::Fault>;
    /// Reads the oldest running replay for writing. One that another transaction holds is passed over.
    async fn lock_running_replay(&mut self) -> Result<Option<Replay>, Self::Fault>;
    /// Writes everything of a replay that can change.
    async fn write_replay(&mut self, replay: &Replay) -> Result<(), Self::Fault>;
}
