use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_delivery::DeadReason;

use super::id;
use super::view::DeliveryView;
use crate::body;
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Forbidden,
        ErrorKind::WebhooksNotConfigured,
    ],
    ..Doc::new(
        "Send a webhook delivery again",
        &[response(200, "WebhookDelivery", "The delivery: it is pending, under the same id")],
    )
};

/// `POST /api/webhooks/deliveries/{id}/replay`: sends a settled delivery again.
pub(crate) async fn replay(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    api.webhooks()?;
    Fields::of(body::optional_members(&request, payload).await?).finish()?;
    let id = id(&path)?;
    owned::delivery(&api, &request, id).await?;
    let replayed = api.audited(&request, &id)?.replay(id, api.now()).await?;
    let (listed, done) = replayed.ok_or_else(super::gone)?;
    if done {
        return Ok(HttpResponse::Ok().json(DeliveryView::of(&listed)));
    }
    let message = match listed.delivery.state.dead_reason() {
        Some(DeadReason::BodyTooLarge) => "the body of this delivery is larger than receivers accept",
        _ => "this delivery is not settled: it is sent without a replay",
    };
    Err(ApiError::new(ErrorKind::Conflict, message))
}
