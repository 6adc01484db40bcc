use fluxora_delivery::{DeliveryStatus, Replay, ReplayFilter};
use fluxora_stream::EventKind;
use serde::Serialize;

use crate::view::Instant;

/// A replay job.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookReplay"))]
pub(crate) struct ReplayView {
    id: String,
    endpoint_id: String,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::ReplayStatus"))]
    status: &'static str,
    filter: FilterView,
    /// Whether each delivery is sent again under a new id.
    fresh_ids: bool,
    /// Deliveries that matched when it was asked for; null for `missing`, whose events are looked for one by one.
    total: Option<u64>,
    /// The positions of the event log up to which it has looked, and is to look; absent without `missing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    searched_to: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    search_end: Option<u64>,
    /// Deliveries that it has made due.
    replayed: u64,
    created_at: Instant,
    finished_at: Option<Instant>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookReplayFilter"))]
struct FilterView {
    #[cfg_attr(test, schemars(with = "Vec<crate::openapi::kinds::SettledStatus>"))]
    statuses: Vec<&'static str>,
    #[cfg_attr(test, schemars(with = "Vec<crate::openapi::kinds::Type>"))]
    types: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_from: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_until: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_sequence: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_sequence: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    delivery_ids: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    missing: bool,
}

impl ReplayView {
    pub(super) fn of(replay: &Replay) -> Self {
        Self {
            id: replay.id.to_string(),
            endpoint_id: replay.endpoint.to_string(),
            status: replay.state.name(),
            filter: FilterView::of(&replay.filter),
            fresh_ids: replay.fresh_ids,
            total: (!replay.filter.missing).then_some(replay.total),
            searched_to: replay.filter.missing.then_some(replay.cursor.0),
            search_end: replay.filter.missing.then_some(replay.upto.0),
            replayed: replay.replayed,
            created_at: Instant(replay.created_at),
            finished_at: replay.finished_at.map(Instant),
        }
    }
}

impl FilterView {
    fn of(filter: &ReplayFilter) -> Self {
        let ReplayFilter {
            statuses,
            kinds,
            stream,
            created_from,
            created_until,
            from_sequence,
            to_sequence,
            deliveries,
            missing,
        } = filter;
        Self {
            statuses: statuses.iter().copied().map(DeliveryStatus::name).collect(),
            types: kinds.iter().copied().map(EventKind::name).collect(),
            stream_id: stream.map(|stream| stream.to_string()),
            created_from: created_from.map(Instant),
            created_until: created_until.map(Instant),
            from_sequence: from_sequence.map(|sequence| sequence.0),
            to_sequence: to_sequence.map(|sequence| sequence.0),
            delivery_ids: deliveries.iter().map(ToString::to_string).collect(),
            missing: *missing,
        }
    }
}
