use fluxora_delivery::{Attempt, DeadReason, DeliveryState, Exchange, Phase, TlsVersion};
use fluxora_store::delivery::ListedDelivery;
use jiff::SignedDuration;
use serde::Serialize;

use crate::view::Instant;

/// A delivery without its body and its attempts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookDelivery"))]
pub(crate) struct DeliveryView {
    id: String,
    /// The first delivery of the event, which this one sends again under a new id.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<String>,
    endpoint_id: String,
    /// The partner that the endpoint belongs to; null for one of the operator.
    owner: Option<String>,
    r#type: String,
    /// Null for a notice about an endpoint.
    stream_id: Option<String>,
    /// The event's position in the event log; null for a notice about an endpoint.
    sequence: Option<u64>,
    /// The endpoint that a notice is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    about_endpoint_id: Option<String>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::DeliveryStatusName"))]
    status: &'static str,
    /// Why it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::DeadReasonName>"))]
    reason: Option<&'static str>,
    attempt_count: u32,
    created_at: Instant,
    /// When the next attempt is due; null while an earlier delivery of the stream has to be settled first, and when none follows.
    next_attempt_at: Option<Instant>,
    settled_at: Option<Instant>,
    /// Until when the later deliveries of the stream wait for this one although it is dead, or from when on they have not waited for it
    /// although it is attempted.
    #[serde(skip_serializing_if = "Option::is_none")]
    blocks_until: Option<Instant>,
}

/// One request of a delivery.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookAttempt"))]
pub(super) struct AttemptView {
    number: u32,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::Outcome"))]
    outcome: &'static str,
    /// The status of the response; null if none arrived.
    status: Option<u16>,
    started_at: Instant,
    duration_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<i64>,
    /// The beginning of the response body; bytes that are not UTF-8 are replaced.
    #[serde(skip_serializing_if = "String::is_empty")]
    response_excerpt: String,
    /// Names the server that made it.
    worker: String,
    /// The number of the delivery's claim under which it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<u32>,
    /// When the next attempt was due after this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_attempt_at: Option<Instant>,
    /// The address that was connected to, with its port.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::TlsName>"))]
    tls_version: Option<&'static str>,
    /// Whether the connection of an earlier attempt was used.
    connection_reused: bool,
    phases: PhasesView,
    /// The phase in which it failed without a response.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "Option<crate::openapi::kinds::PhaseName>"))]
    failed_in: Option<&'static str>,
    /// Where a response of 3xx points to. It is not followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
}

/// How long each phase took, in microseconds; null for one that was not reached or not needed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookAttemptPhases"))]
struct PhasesView {
    /// The look-up of the name.
    dns_us: Option<i64>,
    /// The TCP connection.
    connect_us: Option<i64>,
    /// The TLS handshake.
    tls_us: Option<i64>,
    /// From the request to the head of the response.
    first_byte_us: Option<i64>,
}

impl PhasesView {
    fn of(exchange: &Exchange) -> Self {
        let microseconds = |time: Option<SignedDuration>| {
            time.map(|time| i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
        };
        Self {
            dns_us: microseconds(exchange.dns),
            connect_us: microseconds(exchange.connect),
            tls_us: microseconds(exchange.handshake),
            first_byte_us: microseconds(exchange.first_byte),
        }
    }
}

impl DeliveryView {
    pub(super) fn of(listed: &ListedDelivery) -> Self {
        let delivery = &listed.delivery;
        let about = delivery.about();
        Self {
            id: delivery.id.to_string(),
            replay_of: delivery.replay_of.map(|original| original.to_string()),
            endpoint_id: delivery.endpoint.to_string(),
            owner: listed.owner.clone(),
            r#type: delivery.event_type.clone(),
            stream_id: about.is_none().then(|| delivery.stream.to_string()),
            sequence: about.is_none().then_some(delivery.sequence.0),
            about_endpoint_id: about.map(|about| about.to_string()),
            status: listed.status.name(),
            reason: delivery.state.dead_reason().map(DeadReason::name),
            attempt_count: delivery.attempts,
            created_at: Instant(delivery.created_at),
            next_attempt_at: match &delivery.state {
                DeliveryState::Pending { due_at } => due_at.map(Instant),
                _ => None,
            },
            settled_at: delivery.state.settled_at().map(Instant),
            blocks_until: delivery.blocks_until.map(Instant),
        }
    }
}

impl AttemptView {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let result = &attempt.result;
        let exchange = &result.exchange;
        Self {
            number: attempt.number,
            outcome: result.outcome.name(),
            status: result.status,
            started_at: Instant(result.started_at),
            duration_ms: i64::try_from(result.duration.as_millis()).unwrap_or(i64::MAX),
            retry_after_seconds: result.retry_after.map(|wait| wait.as_secs()),
            response_excerpt: String::from_utf8_lossy(&result.excerpt).into_owned(),
            worker: attempt.worker.clone(),
            claim: attempt.claim,
            next_attempt_at: attempt.next_attempt_at.map(Instant),
            address: exchange.address.map(|address| address.to_string()),
            tls_version: exchange.tls.map(TlsVersion::name),
            connection_reused: exchange.is_reused,
            phases: PhasesView::of(exchange),
            failed_in: exchange.failed_in.map(Phase::name),
            location: exchange.location.clone(),
        }
    }
}
