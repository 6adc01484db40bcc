use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use serde_json::value::RawValue;

use super::view::{AttemptView, DeliveryView};
use super::{id, not_found};
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::ID;

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Read a webhook delivery",
        &[response(
            200,
            "WebhookDeliveryDetails",
            "The delivery with its body and its attempts, oldest first",
        )],
    )
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "WebhookDeliveryDetails"))]
pub(crate) struct WithAttempts<'a> {
    #[serde(flatten)]
    delivery: DeliveryView,
    /// The body of every attempt; null if it was too large to be sent and is not kept.
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    body: Option<&'a RawValue>,
    attempts: Vec<AttemptView>,
}

/// `GET /api/webhooks/deliveries/{id}`: one delivery with its attempts.
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    api.webhooks()?;
    let id = id(&path)?;
    let listed = api.store().delivery(id).await?.ok_or_else(not_found)?;
    let attempts = api.store().attempts(id).await?;
    let body = serde_json::from_slice(&listed.delivery.body).ok();
    Ok(HttpResponse::Ok().json(WithAttempts {
        delivery: DeliveryView::of(&listed),
        body,
        attempts: attempts.iter().map(AttemptView::of).collect(),
    }))
}
