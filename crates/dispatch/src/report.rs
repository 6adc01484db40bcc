//! What is logged: ids, outcomes, durations.

use fluxora_delivery::{DeliveryState, EndpointId};
use fluxora_store::delivery::{SettleOutcome, Settlement};

use crate::prepared::Unusable;

/// An endpoint that cannot be sent to through a fault of its configuration or of this server's.
pub(crate) fn unusable(endpoint: EndpointId, Unusable { outcome, reason }: Unusable) {
    let outcome = outcome.name();
    tracing::error!(%endpoint, outcome, reason, "nothing can be sent to an endpoint");
}

/// What became of an attempt.
pub(crate) fn settled(settlement: &Settlement, outcome: &SettleOutcome) {
    let result = &settlement.result;
    let (status, duration_ms) = (result.status, milliseconds(result.duration.as_millis()));
    let code = result.outcome.name();
    let SettleOutcome::Recorded { delivery, held, failing_for } = outcome else {
        let delivery = settlement.fence.delivery;
        tracing::warn!(%delivery, outcome = code, status, duration_ms, "attempt ended after its claim: it is not recorded");
        return;
    };
    let (id, endpoint, attempt) = (delivery.id, delivery.endpoint, delivery.attempts);
    tracing::debug!(delivery = %id, %endpoint, attempt, outcome = code, status, duration_ms, "attempt recorded");
    if let DeliveryState::Dead { reason, .. } = &delivery.state {
        let reason = reason.name();
        tracing::warn!(delivery = %id, %endpoint, attempt, outcome = code, status, reason, "delivery is given up");
    }
    if let Some(hours) = failing_for.map(|time| time.as_hours()) {
        tracing::warn!(%endpoint, hours, outcome = code, status, "endpoint fails: no attempt has succeeded for hours");
    }
    if let Some(reason) = held {
        let reason = reason.name();
        tracing::warn!(%endpoint, reason, status, "endpoint is held: nothing is sent to it until it is resumed");
    }
}

fn milliseconds(span: i128) -> u64 {
    u64::try_from(span).unwrap_or_default()
}
