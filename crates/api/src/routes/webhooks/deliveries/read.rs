use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_delivery::Delivery;
use fluxora_store::{CorruptRow, StoreError};
use serde::Serialize;
use serde_json::value::RawValue;

use super::view::{AttemptView, DeliveryView};
use super::{id, not_found};
use crate::cursor::Cursor;
use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::page_bytes::BoundedPage;
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        ID,
        query("limit", "Attempts per page: 1 to 100, 100 by default", "100"),
        query("cursor", "The `nextCursor` of the page of attempts before", ""),
    ],
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Read a webhook delivery",
        &[response(
            200,
            "WebhookDeliveryDetails",
            "The delivery with its body and a page of its attempts, oldest first",
        )],
    )
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookDeliveryDetails"))]
pub(crate) struct WithAttempts<'a> {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The body of every attempt; null if it was too large to be sent and is not kept.
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    body: Option<&'a RawValue>,
    #[cfg_attr(test, schemars(with = "Vec<AttemptView>"))]
    attempts: Vec<Box<RawValue>>,
    /// Whether there are later attempts.
    has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// `GET /api/webhooks/deliveries/{id}`: one delivery with a page of its attempts.
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&path);
    let list = id.as_ref().map_or_else(|_| path.to_string(), |id| format!("attempts of {id}"));
    let mut query = Query::of(&request)?;
    let limit = query.limit_up_to(100, 100);
    let needed = "the nextCursor of a page of this delivery's attempts";
    let after = query.parsed("cursor", FieldCode::InvalidCursor, needed, |text| {
        u32::try_from(Cursor::parse(text, &list)?.position).ok()
    });
    query.finish()?;
    api.webhooks()?;
    let id = id?;
    owned::delivery(&api, &request, id).await?;
    let listed = api.store().delivery(id).await?.ok_or_else(not_found)?;
    let mut found = api.store().attempts(id, after.unwrap_or(0), limit.saturating_add(1)).await?;
    let is_longer = u32::try_from(found.len()).is_ok_and(|count| count > limit);
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let attempts = BoundedPage::of(found.iter().map(AttemptView::of))?.items;
    let has_more = is_longer || attempts.len() < found.len();
    let last = attempts.len().checked_sub(1).and_then(|last| found.get(last)).filter(|_| has_more);
    let body = body(&listed.delivery)?;
    Ok(HttpResponse::Ok().json(WithAttempts {
        delivery: DeliveryView::of(&listed),
        body,
        attempts,
        has_more,
        next_cursor: last.map(|attempt| Cursor::at(attempt.number.into(), &list).to_string()),
    }))
}

/// The stored body; `None` if it was too large to be kept.
fn body(delivery: &Delivery) -> Result<Option<&RawValue>, StoreError> {
    if delivery.body.is_empty() {
        return Ok(None);
    }
    let corrupt = |error: serde_json::Error| CorruptRow {
        table: "webhook_deliveries",
        column: "body",
        row: delivery.id.to_string(),
        reason: error.to_string(),
    };
    Ok(Some(serde_json::from_slice(&delivery.body).map_err(corrupt)?))
}

#[cfg(test)]
mod tests {
    use fluxora_delivery::{DeliveryId, DeliveryState, EndpointId};
    use fluxora_store::Sequence;
    use fluxora_stream::StreamId;
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;

    fn delivery(body: &str) -> Delivery {
        let endpoint = EndpointId::new(Uuid::from_u128(1));
        let now = Timestamp::UNIX_EPOCH;
        Delivery {
            id: DeliveryId::of(endpoint, Sequence(1)),
            endpoint,
            sequence: Sequence(1),
            stream: StreamId::api(Uuid::from_u128(2)),
            event_type: "stream.created".to_owned(),
            body: body.as_bytes().to_vec(),
            state: DeliveryState::Cancelled { at: now },
            attempts: 0,
            tries: 0,
            first_attempt_at: None,
            blocks_until: None,
            replay_of: None,
            claims: 0,
            created_at: now,
        }
    }

    #[test]
    fn a_body_that_is_not_kept_is_null_and_a_corrupt_one_an_error() {
        assert!(body(&delivery("")).unwrap().is_none());
        assert_eq!(body(&delivery("{\"n\": 1}")).unwrap().unwrap().get(), "{\"n\": 1}");
        let kept = delivery("{\"n\": ");
        assert!(matches!(body(&kept), Err(StoreError::Corrupt(CorruptRow { column: "body", .. }))));
    }
}
