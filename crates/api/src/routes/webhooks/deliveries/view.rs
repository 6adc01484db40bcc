use fluxora_delivery::{Attempt, DeadReason, DeliveryState};
use fluxora_store::delivery::ListedDelivery;
use serde::Serialize;

use crate::view::Instant;

/// A delivery without its body and its attempts.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookDelivery"))]
pub(crate) struct DeliveryView {
    id: String,
    endpoint_id: String,
    /// The partner that the endpoint belongs to; null for one of the operator.
    owner: Option<String>,
    r#type: String,
    stream_id: String,
    /// The event's position in the event log.
    sequence: u64,
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
}

impl DeliveryView {
    pub(super) fn of(listed: &ListedDelivery) -> Self {
        let delivery = &listed.delivery;
        Self {
            id: delivery.id.to_string(),
            endpoint_id: delivery.endpoint.to_string(),
            owner: listed.owner.clone(),
            r#type: delivery.event_type.clone(),
            stream_id: delivery.stream.to_string(),
            sequence: delivery.sequence.0,
            status: listed.status.name(),
            reason: delivery.state.dead_reason().map(DeadReason::name),
            attempt_count: delivery.attempts,
            created_at: Instant(delivery.created_at),
            next_attempt_at: match &delivery.state {
                DeliveryState::Pending { due_at } => due_at.map(Instant),
                _ => None,
            },
            settled_at: delivery.state.settled_at().map(Instant),
        }
    }
}

impl AttemptView {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let result = &attempt.result;
        Self {
            number: attempt.number,
            outcome: result.outcome.name(),
            status: result.status,
            started_at: Instant(result.started_at),
            duration_ms: i64::try_from(result.duration.as_millis()).unwrap_or(i64::MAX),
            retry_after_seconds: result.retry_after.map(|wait| wait.as_secs()),
            response_excerpt: String::from_utf8_lossy(&result.excerpt).into_owned(),
        }
    }
}
