//! Webhook endpoints and their deliveries.

mod claim;
mod endpoint_steps;
mod endpoints;
mod fan_out;
mod follower_cache;
mod listing;
mod queues;
mod replay;
mod settle;
mod transaction;

/// The steps that every backend runs in its transaction.
pub mod steps {
    pub use super::claim::claim;
    pub use super::endpoint_steps::{
        cancel_waiting, change_endpoint_state, create_endpoint, delete_endpoint, update_endpoint,
    };
    pub use super::fan_out::fan_out;
    pub use super::replay::{cancel as cancel_replay, replay, run as run_replay, start as start_replay};
    pub use super::settle::{release, settle, skip};
}

use async_trait::async_trait;
use fluxora_delivery::{
    Attempt, AttemptResult, Delivery, DeliveryId, Endpoint, EndpointId, HoldReason, Jitter, Policy, Replay,
    ReplayFilter, ReplayId,
};
use fluxora_stream::Sequence;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

pub use endpoints::{
    EndpointCreated, EndpointPage, EndpointQuery, EndpointStore, EndpointUpdate, EndpointUpdated, ResumeFrom,
    StateChange, StoredEndpoint,
};
pub use follower_cache::FollowerCache;
pub use listing::{
    DeliveryIndex, DeliveryPage, DeliveryQuery, LIST_WINDOW, ListedDelivery, ReplayPage, ReplayQuery,
};
pub use transaction::{DeliveryTransaction, EventToFanOut, FanOutCursor, InFlight, Lane, StoredDelivery};

use crate::StoreError;

/// The outcome of one step of fan-out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FannedOut {
    /// Events that the cursor has passed.
    pub events: u64,
    /// Deliveries that were created, the dead ones among them.
    pub deliveries: u64,
    /// Deliveries that were created dead, because their body is too large.
    pub too_large: u64,
    /// Whether more events are waiting: the next step need not wait for a commit.
    pub more: bool,
}

/// Deliveries to send.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// The deliveries, in no order that matters: no two are of one lane.
    pub deliveries: Vec<ClaimedDelivery>,
    /// The endpoints of the deliveries, each once, as they are at the time of the claim.
    pub endpoints: Vec<Endpoint>,
    /// When there may be more to claim, if nothing else happens; not after an hour from now.
    pub next_at: Option<Timestamp>,
}

/// A delivery that a worker has claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDelivery {
    /// Proves the claim.
    pub fence: Fence,
    /// The delivery; its state is in flight, with the end of the lease.
    pub delivery: Delivery,
    /// The number of the attempt to be made: the header `x-fluxora-attempt`.
    pub attempt: u32,
}

/// The proof of a claim. It is void as soon as the delivery is claimed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fence {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its endpoint.
    pub endpoint: EndpointId,
    /// The number of the claim.
    pub claim: u32,
}

/// The result of a claimed delivery's attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// The proof of the claim.
    pub fence: Fence,
    /// The result.
    pub result: AttemptResult,
    /// Lengthens the time to the next attempt.
    pub jitter: Jitter,
}

/// What became of a [`Settlement`].
#[expect(clippy::large_enum_variant, reason = "the large variant is the usual one")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettleOutcome {
    /// It is recorded, with what follows.
    Recorded {
        /// The delivery after the attempt.
        delivery: Delivery,
        /// Why its endpoint is held from now on, if the attempt caused that.
        held: Option<HoldReason>,
        /// How long the endpoint has failed, if its operator is to be warned now: one of
        /// [`FAILURE_WARNINGS`](fluxora_delivery::FAILURE_WARNINGS).
        failing_for: Option<SignedDuration>,
    },
    /// The claim is void: the lease ended and another worker claimed or settled the delivery, or it was deleted. Nothing was
    /// written.
    Stale,
}

/// A replay to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartReplay {
    /// The id of the job.
    pub id: ReplayId,
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Which deliveries.
    pub filter: ReplayFilter,
    /// Whether each is sent again as another delivery, under a new id.
    pub fresh_ids: bool,
}

/// How delivery is going, for health and metrics. Nothing of it costs a scan of settled deliveries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryFigures {
    /// The position up to which events were fanned out.
    pub fanned_out: Sequence,
    /// The newest position of the event log.
    pub head: Sequence,
    /// Since when the longest waiting delivery is due that may be sent now; `None` if there is none.
    pub oldest_due: Option<Timestamp>,
    /// Deliveries that are not settled, of active endpoints, those in flight among them.
    pub pending: u64,
    /// Deliveries that are being sent.
    pub in_flight: u64,
    /// Deliveries that wait for their endpoint to be active.
    pub held: u64,
    /// Deliveries that are given up and kept.
    pub dead: u64,
    /// Deliveries that were acknowledged, ever, of endpoints that are not deleted.
    pub delivered: u64,
    /// Active endpoints.
    pub active_endpoints: u64,
    /// Endpoints that a person paused.
    pub paused_endpoints: u64,
    /// Endpoints that the server holds.
    pub held_endpoints: u64,
    /// Active endpoints whose breaker is open.
    pub open_breakers: u64,
    /// Replays that are running.
    pub running_replays: u64,
}

/// Deliveries: fan-out of the event log, claims, results, replays and retention.
///
/// Each method is one transaction unless it says otherwise. `now` is the caller's instant. A backend that several processes share
/// takes its database's clock instead, so that their clocks need not agree.
#[async_trait]
pub trait DeliveryStore: Send + Sync {
    /// One step of fan-out: reads up to `limit` events after the fan-out cursor and, in one transaction, writes one delivery for each
    /// endpoint whose filter matches and moves the cursor. Several processes may take steps at the same time: each event is
    /// fanned out once. An endpoint that starts before the cursor is caught up first.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if an event or an endpoint cannot be read; the cursor stays before it.
    async fn fan_out(&self, limit: u32, now: Timestamp) -> Result<FannedOut, StoreError>;

    /// Claims up to `limit` due deliveries for `lease`: only the first unsettled one of each lane, only of active endpoints, within
    /// the rate limit, breaker and [`Policy::max_in_flight`] of each. Endpoints take turns. A delivery whose lease has ended is
    /// claimed again, and its lost attempt recorded.
    ///
    /// The cost grows with what is claimed, not with what is stored.
    async fn claim(
        &self,
        worker: &str,
        limit: u32,
        lease: SignedDuration,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Claimed, StoreError>;

    /// Records results, each once: the attempt, the next state of the delivery, and the queue and the state of its endpoint. The next
    /// delivery of the lane becomes due. The answers are in the order of the settlements.
    async fn settle(
        &self,
        settlements: Vec<Settlement>,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Vec<SettleOutcome>, StoreError>;

    /// Gives claims back without an attempt, at shutdown: the deliveries are due at once. Void claims are passed over. Returns how many
    /// were given back.
    async fn release(&self, fences: Vec<Fence>, now: Timestamp) -> Result<u64, StoreError>;

    /// Reads one delivery with the state of its endpoint.
    async fn delivery(&self, id: DeliveryId) -> Result<Option<ListedDelivery>, StoreError>;

    /// Reads the attempts of a delivery with a number above `after`, oldest first; at most `limit`.
    async fn attempts(&self, id: DeliveryId, after: u32, limit: u32) -> Result<Vec<Attempt>, StoreError>;

    /// Reads a page of deliveries, newest first. Deliveries created between two pages do not shift the next one.
    async fn list_deliveries(&self, query: &DeliveryQuery) -> Result<DeliveryPage, StoreError>;

    /// Sends a settled delivery again, in its lane: under its id, or as another delivery under the id that `fresh` gives
    /// ([`DeliveryId::replayed`]). `None` if there is no such delivery; the delivery that is sent, with `false` if nothing was done: it is
    /// not settled, its body is too large, or there is one under that id already.
    async fn replay(
        &self,
        id: DeliveryId,
        fresh: Option<Uuid>,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError>;

    /// Lets the later deliveries of a stream go on that wait for this one: it is dead and blocks its lane, or it is attempted. `None` if
    /// there is no such delivery; `false` with it if it holds nothing up.
    async fn skip(
        &self,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<Option<(ListedDelivery, bool)>, StoreError>;

    /// Begins a replay job. `None` if there is no such endpoint; `false` with it if a job had begun under the id before, which is
    /// returned as it is: the caller compares its filter.
    async fn start_replay(
        &self,
        replay: StartReplay,
        now: Timestamp,
    ) -> Result<Option<(Replay, bool)>, StoreError>;

    /// One step of the oldest running replay: looks at up to `limit` deliveries. Returns the job as it is then; `None` if none is
    /// running.
    async fn run_replay(&self, limit: u32, now: Timestamp) -> Result<Option<Replay>, StoreError>;

    /// Ends a replay; deliveries that were made due stay so. Returns the job as it is then; `None` if there is no such job.
    async fn cancel_replay(&self, id: ReplayId, now: Timestamp) -> Result<Option<Replay>, StoreError>;

    /// Reads one replay.
    async fn replay_job(&self, id: ReplayId) -> Result<Option<Replay>, StoreError>;

    /// Reads a page of replays, newest first.
    async fn list_replays(&self, query: &ReplayQuery) -> Result<ReplayPage, StoreError>;

    /// Deletes deliveries that were settled before an instant, with their attempts, what is left of deleted endpoints, and
    /// replays that ended before it. In steps, each one transaction. Returns how many deliveries were deleted.
    async fn delete_settled_deliveries(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// How delivery is going.
    async fn delivery_figures(&self, now: Timestamp) -> Result<DeliveryFigures, StoreError>;
}
