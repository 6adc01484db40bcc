use actix_web::{HttpRequest, HttpResponse};
use fluxora_delivery::{DeliveryStatus, EndpointId};
use fluxora_store::Sequence;
use fluxora_store::delivery::DeliveryQuery;
use fluxora_stream::{EventKind, StreamId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::view::DeliveryView;
use crate::cursor::{self, Cursor, quoted};
use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::instant;
use crate::page_bytes::{self, BoundedPage};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ENDPOINT, OWNER, endpoint_parameter, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        OWNER,
        ENDPOINT,
        query("status", "Deliveries in this status", "dead"),
        query("streamId", "Deliveries of events of this stream", "01930000-0000-7000-8000-000000000001"),
        query("type", "Deliveries of events of this type", "stream.cancelled"),
        query("createdFrom", "Deliveries created at or after this instant", "2026-01-01T00:00:00Z"),
        query("createdUntil", "Deliveries created before this instant", "2026-02-01T00:00:00Z"),
        query("limit", "Deliveries per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `nextCursor` of the page before, with the same filters", ""),
    ],
    errors: &[ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "List webhook deliveries",
        &[response(200, "WebhookDeliveryList", "A page of deliveries, newest first")],
    )
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookDeliveryList"))]
pub(crate) struct ListView {
    #[cfg_attr(test, schemars(with = "Vec<DeliveryView>"))]
    deliveries: Vec<Box<RawValue>>,
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /api/webhooks/deliveries`: deliveries, newest first.
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    api.webhooks()?;
    let mut asked = filter(&mut query);
    asked.owner = owned::filter(&request, &mut query);
    asked.limit = query.limit();
    let list = describe(&asked);
    let needed = "the nextCursor of a page with the same filters";
    asked.before = query.parsed("cursor", FieldCode::InvalidCursor, needed, |text| {
        Some(Sequence(Cursor::parse(text, &list)?.position))
    });
    query.finish()?;
    let read = async |limit| api.store().list_deliveries(&DeliveryQuery { limit, ..asked.clone() }).await;
    let (page, deliveries) = page_bytes::fitting(asked.limit, read, |page| {
        BoundedPage::of(page.deliveries.iter().map(DeliveryView::of))
    })
    .await?;
    Ok(HttpResponse::Ok().json(ListView {
        deliveries,
        has_more: page.next.is_some(),
        next_cursor: page.next.map(|Sequence(position)| Cursor::at(position, &list).to_string()),
    }))
}

fn filter(query: &mut Query) -> DeliveryQuery {
    let statuses = format!("one of {}", DeliveryStatus::ALL.map(DeliveryStatus::name).join(", "));
    let kinds = format!("one of {}", EventKind::ALL.map(EventKind::name).join(", "));
    let instant = |query: &mut Query, name| {
        query.parsed(name, FieldCode::InvalidValue, instant::EXPECTED, instant::parse_up_to_millisecond)
    };
    DeliveryQuery {
        owner: None,
        endpoint: endpoint_parameter(query),
        status: query.parsed("status", FieldCode::InvalidStatus, &statuses, |text| {
            text.parse::<DeliveryStatus>().ok()
        }),
        stream: query.parsed("streamId", FieldCode::InvalidStreamId, "the id of a stream", |text| {
            StreamId::parse(text).or_else(|| StreamId::parse(&text.to_ascii_lowercase()))
        }),
        kind: query.parsed("type", FieldCode::InvalidEventType, &kinds, |text| text.parse().ok()),
        created_from: instant(query, "createdFrom"),
        created_until: instant(query, "createdUntil"),
        before: None,
        limit: 0,
    }
}

/// The filters as text: what a cursor is bound to.
fn describe(query: &DeliveryQuery) -> String {
    let DeliveryQuery { owner, endpoint, status, stream, kind, created_from, created_until, .. } = query;
    let id = |id: &Option<EndpointId>| id.map(|id| quoted(&id.to_string()));
    let instant = |instant: &Option<Timestamp>| instant.map(|at| at.as_millisecond().to_string());
    cursor::describe(
        &[Some(quoted("webhook deliveries"))],
        &[
            ("endpointId", id(endpoint)),
            ("status", status.map(|status| quoted(status.name()))),
            ("streamId", stream.map(|stream| quoted(&stream.to_string()))),
            ("type", kind.map(|kind| quoted(kind.name()))),
            ("createdFrom", instant(created_from)),
            ("createdUntil", instant(created_until)),
            ("owner", owner.as_ref().and_then(|owner| owner.as_deref().map(quoted))),
        ],
    )
}
