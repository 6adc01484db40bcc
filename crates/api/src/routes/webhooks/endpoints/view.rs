use actix_web::http::header;
use actix_web::{HttpResponse, HttpResponseBuilder};
use fluxora_delivery::{Breaker, Endpoint, EndpointQueue, SealedSecret};
use fluxora_seal::Keyring;
use fluxora_store::delivery::StoredEndpoint;
use jiff::Timestamp;
use serde::Serialize;

use crate::etag;
use crate::routes::webhooks::filter::FilterView;
use crate::view::Instant;

/// An endpoint without what is secret of it: signing secrets and values of custom headers.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookEndpointWithoutSecret"))]
pub(crate) struct EndpointView {
    id: String,
    /// The partner that it belongs to; null for one of the operator.
    owner: Option<String>,
    url: String,
    description: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::EndpointStatus"))]
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_since: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_reason: Option<String>,
    filter: FilterView,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Profile"))]
    header_profile: &'static str,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Ordering"))]
    ordering: &'static str,
    /// The names of the custom headers; null if they are sealed under a key that this server does not have.
    header_names: Option<Vec<String>>,
    rate_limit_per_second: Option<u32>,
    /// How long one attempt may take; null for the time of the server.
    timeout_seconds: Option<u8>,
    /// Seconds from each failed attempt to the next one; null for the schedule of the server.
    retry_seconds: Option<Vec<u32>>,
    /// Whether a delivery is given up at a status of 4xx that a later attempt does not change.
    fail_fast: bool,
    /// What follows in a stream when a delivery is given up.
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::OnDeadName"))]
    on_dead: &'static str,
    /// How long a delivery may hold up the later ones of its stream; null for 72 hours.
    max_lane_block_seconds: Option<u32>,
    /// Whether it also gets notices about the other endpoints of its owner.
    endpoint_notices: bool,
    /// The position of the event log after which events are delivered.
    start_after: u64,
    secrets: Vec<SecretView>,
    deliveries: QueueView,
    created_at: Instant,
    updated_at: Instant,
    version: u32,
}

/// A signing secret, without itself.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookSecret"))]
struct SecretView {
    created_at: Instant,
    /// When it stops signing; absent for the current secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
}

/// How the deliveries of an endpoint are going.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookQueue"))]
struct QueueView {
    pending: u64,
    dead: u64,
    delivered: u64,
    consecutive_failures: u32,
    failing_since: Option<Instant>,
    last_success_at: Option<Instant>,
    last_failure_at: Option<Instant>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::BreakerState"))]
    breaker: &'static str,
    /// Until when no attempt is made, for the breaker or because the receiver answered 429.
    blocked_until: Option<Instant>,
}

/// An endpoint with the secret that was made for it: the only answer that shows it.
#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookEndpoint"))]
pub(crate) struct WithSecret<'a> {
    #[serde(flatten)]
    endpoint: EndpointView,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

impl EndpointView {
    pub(super) fn of(stored: &StoredEndpoint, keyring: &Keyring, now: Timestamp) -> Self {
        let endpoint = &stored.endpoint;
        Self {
            id: endpoint.id.to_string(),
            owner: endpoint.owner.clone(),
            url: endpoint.url.clone(),
            description: endpoint.description.clone(),
            status: endpoint.state.name(),
            status_since: endpoint.state.since().map(Instant),
            status_reason: endpoint.state.reason().filter(|reason| !reason.is_empty()).map(str::to_owned),
            filter: FilterView::of(&endpoint.filter),
            header_profile: endpoint.headers.name(),
            ordering: endpoint.ordering.name(),
            header_names: header_names(endpoint, keyring),
            rate_limit_per_second: endpoint.rate_limit.map(std::num::NonZeroU32::get),
            timeout_seconds: endpoint.options.timeout_seconds,
            retry_seconds: endpoint.options.retry_seconds.clone(),
            fail_fast: endpoint.options.fail_fast,
            on_dead: endpoint.options.on_dead.name(),
            max_lane_block_seconds: endpoint.options.max_lane_block_seconds,
            endpoint_notices: endpoint.options.notices,
            start_after: endpoint.start_sequence.0,
            secrets: endpoint.live_secrets(now).map(SecretView::of).collect(),
            deliveries: QueueView::of(&stored.queue, now),
            created_at: Instant(endpoint.created_at),
            updated_at: Instant(endpoint.updated_at),
            version: endpoint.version,
        }
    }
}

impl SecretView {
    fn of(secret: &SealedSecret) -> Self {
        Self { created_at: Instant(secret.created_at), expires_at: secret.expires_at.map(Instant) }
    }
}

impl QueueView {
    fn of(queue: &EndpointQueue, now: Timestamp) -> Self {
        let ahead = |until: &Timestamp| *until > now;
        let breaker = queue.breaker.closed_until().filter(ahead);
        Self {
            pending: queue.pending,
            dead: queue.dead,
            delivered: queue.delivered,
            consecutive_failures: queue.consecutive_failures,
            failing_since: queue.failing_since.map(Instant),
            last_success_at: queue.last_success_at.map(Instant),
            last_failure_at: queue.last_failure_at.map(Instant),
            breaker: match queue.breaker {
                Breaker::Closed { .. } => "closed",
                Breaker::Open { .. } => "open",
            },
            blocked_until: queue.blocked_until.filter(ahead).max(breaker).map(Instant),
        }
    }
}

fn header_names(endpoint: &Endpoint, keyring: &Keyring) -> Option<Vec<String>> {
    let headers = keyring.open_headers(endpoint.id.uuid(), &endpoint.custom_headers).ok()?;
    Some(headers.into_iter().map(|(name, _)| name).collect())
}

/// Answers with an endpoint and its entity tag; `secret` is shown in this answer only.
pub(super) fn answer(
    response: &mut HttpResponseBuilder,
    stored: &StoredEndpoint,
    secret: Option<&str>,
    keyring: &Keyring,
    now: Timestamp,
) -> HttpResponse {
    response.insert_header((header::ETAG, etag::of(stored.endpoint.version)));
    response.json(WithSecret { endpoint: EndpointView::of(stored, keyring, now), secret })
}

/// The path of an endpoint.
pub(super) fn path(endpoint: &Endpoint) -> String {
    format!("{}/{}", super::PATH, endpoint.id)
}
