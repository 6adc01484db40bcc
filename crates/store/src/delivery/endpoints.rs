use async_trait::async_trait;
use fluxora_delivery::{Endpoint, EndpointId, EndpointQueue, EndpointState, Notice};
use fluxora_stream::Sequence;
use jiff::Timestamp;

use crate::StoreError;

/// An endpoint as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEndpoint {
    /// The position in the order of creation.
    pub sequence: Sequence,
    /// The endpoint.
    pub endpoint: Endpoint,
    /// How its deliveries are going.
    pub queue: EndpointQueue,
    /// The position after which events are still to be fanned out to it, while it is behind the fan-out cursor.
    pub behind: Option<Sequence>,
    /// The newest event whose delivery retention has deleted.
    pub forgotten_to: Sequence,
    /// What the other endpoints of its owner are still to be notified of, oldest first.
    pub notices: Vec<Notice>,
}

/// The outcome of creating an endpoint.
#[expect(clippy::large_enum_variant, reason = "the large variant is the usual one")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointCreated {
    /// It was written.
    Done(StoredEndpoint),
    /// There is an endpoint with this id, possibly a deleted one; nothing was written.
    Exists,
    /// The owner has as many endpoints as are allowed; nothing was written.
    TooMany,
}

/// A change of an endpoint's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUpdate {
    /// The endpoint as it shall be. Owner, state, start, creation time and version are not changed by it.
    pub endpoint: Endpoint,
    /// The version that the change was made from; `None` to change any.
    pub expected_version: Option<u32>,
}

/// The outcome of a change of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointUpdated {
    /// The endpoint as it is now.
    Done(StoredEndpoint),
    /// It was changed since: nothing was written. This is what it is now.
    Stale(StoredEndpoint),
    /// There is no such endpoint.
    NotFound,
}

/// A change of an endpoint's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateChange {
    /// Stops sending. One that is held stays held.
    Pause {
        /// A note of the person.
        reason: String,
    },
    /// Sends again.
    Resume(ResumeFrom),
}

/// Where an endpoint goes on that was not active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResumeFrom {
    /// With the deliveries that waited.
    Held,
    /// With events that are fanned out from now on: the deliveries that waited are cancelled.
    Now,
}

/// Endpoints to read, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointQuery {
    /// Only those of this owner; `Some(None)` for the operator's. Those of all owners if it is absent.
    pub owner: Option<Option<String>>,
    /// Only those created before this position: the `next` of the previous page.
    pub before: Option<Sequence>,
    /// How many at most; at least 1.
    pub limit: u32,
}

/// A page of endpoints, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointPage {
    /// The endpoints.
    pub endpoints: Vec<StoredEndpoint>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Sequence>,
}

/// Webhook endpoints.
///
/// Each method is one transaction unless it says otherwise. A deleted endpoint is not found by any of them.
#[async_trait]
pub trait EndpointStore: Send + Sync {
    /// Writes a new endpoint, if its owner has fewer than `most`. Its start is the endpoint's
    /// [`start_sequence`](Endpoint::start_sequence), or the newest position of the event log if `from_head` is set. Its state is
    /// active, its version 1.
    async fn create_endpoint(
        &self,
        endpoint: Endpoint,
        from_head: bool,
        most: u32,
    ) -> Result<EndpointCreated, StoreError>;

    /// Reads one endpoint.
    async fn endpoint(&self, id: EndpointId) -> Result<Option<StoredEndpoint>, StoreError>;

    /// Reads the owner of an endpoint, deleted or not: `Some(None)` if it is the operator's, `None` if there is no such endpoint.
    async fn endpoint_owner(&self, id: EndpointId) -> Result<Option<Option<String>>, StoreError>;

    /// Reads a page of endpoints, newest first.
    async fn list_endpoints(&self, query: &EndpointQuery) -> Result<EndpointPage, StoreError>;

    /// Changes the configuration of an endpoint: URL, description, filter, headers, secrets and rate limit. Attempts that are being
    /// made keep the old one.
    async fn update_endpoint(
        &self,
        update: EndpointUpdate,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError>;

    /// Pauses or resumes an endpoint. Resuming closes the breaker for a single attempt, so that an endpoint that still fails is
    /// not flooded. [`ResumeFrom::Now`] cancels the waiting deliveries in steps, each one transaction, before it resumes: after a
    /// failure the endpoint is as before with some of them cancelled.
    async fn change_endpoint_state(
        &self,
        id: EndpointId,
        change: StateChange,
        now: Timestamp,
    ) -> Result<EndpointUpdated, StoreError>;

    /// Deletes an endpoint. Nothing more is fanned out or sent to it; its deliveries stay readable until retention deletes
    /// them. Returns whether there was one.
    async fn delete_endpoint(&self, id: EndpointId, now: Timestamp) -> Result<bool, StoreError>;
}

impl StateChange {
    /// The state that follows from another one.
    pub fn of(&self, state: &EndpointState, now: Timestamp) -> EndpointState {
        match (self, state) {
            (Self::Pause { .. }, EndpointState::Held { .. }) => state.clone(),
            (Self::Pause { reason }, EndpointState::Active | EndpointState::Paused { .. }) => {
                EndpointState::Paused { since: state.since().unwrap_or(now), reason: reason.clone() }
            }
            (Self::Resume(_), _) => EndpointState::Active,
        }
    }
}
