//! The member `webhooks` of the health: how deliveries are going.

use fluxora_store::delivery::DeliveryFigures;
use fluxora_stream::Sequence;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::view::Instant;

/// From this age on, a delivery that could be sent and is not shows that nothing sends.
const OVERDUE: SignedDuration = SignedDuration::from_secs(60);

/// How deliveries are going.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Webhooks"))]
pub(super) struct WebhooksView {
    /// Since when the delivery that waits longest is due; null if none is. Held ones, and those behind a failed one, do not count.
    oldest_due_at: Option<Instant>,
    /// Whether it has been due for more than a minute.
    overdue: bool,
    /// Events that were not fanned out to endpoints yet.
    events_behind: u64,
    pending: u64,
    in_flight: u64,
    /// Deliveries that wait for their endpoint to be resumed.
    held: u64,
    dead: u64,
    delivered: u64,
    endpoints: EndpointsView,
    running_replays: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookEndpointCounts"))]
struct EndpointsView {
    active: u64,
    paused: u64,
    held: u64,
    /// Active ones that fail, so that no more than a probe is sent.
    open_breakers: u64,
}

impl WebhooksView {
    /// Whether work that could be done is not done.
    pub(super) const fn is_degraded(&self) -> bool {
        self.overdue
    }

    pub(super) fn of(figures: &DeliveryFigures, now: Timestamp) -> Self {
        let (Sequence(head), Sequence(fanned_out)) = (figures.head, figures.fanned_out);
        Self {
            oldest_due_at: figures.oldest_due.map(Instant),
            overdue: figures.oldest_due.is_some_and(|due| now.duration_since(due) > OVERDUE),
            events_behind: head.saturating_sub(fanned_out),
            pending: figures.pending,
            in_flight: figures.in_flight,
            held: figures.held,
            dead: figures.dead,
            delivered: figures.delivered,
            endpoints: EndpointsView {
                active: figures.active_endpoints,
                paused: figures.paused_endpoints,
                held: figures.held_endpoints,
                open_breakers: figures.open_breakers,
            },
            running_replays: figures.running_replays,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_that_is_due_for_more_than_a_minute_is_overdue() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        for (age_seconds, expect) in [(None, false), (Some(-5), false), (Some(60), false), (Some(61), true)] {
            let oldest_due = age_seconds.map(|age| now - SignedDuration::from_secs(age));
            let view = WebhooksView::of(&DeliveryFigures { oldest_due, ..DeliveryFigures::default() }, now);
            assert_eq!(view.is_degraded(), expect, "{age_seconds:?}");
        }
    }

    #[test]
    fn events_that_were_not_fanned_out_are_counted() {
        let figures =
            DeliveryFigures { head: Sequence(12), fanned_out: Sequence(5), ..DeliveryFigures::default() };
        assert_eq!(WebhooksView::of(&figures, Timestamp::UNIX_EPOCH).events_behind, 7);
    }
}
