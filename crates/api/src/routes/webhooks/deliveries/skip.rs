use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

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
        "Let the later deliveries of a stream go on",
        &[response(200, "WebhookDelivery", "The delivery: it holds up no other one")],
    )
};

/// `POST /api/webhooks/deliveries/{id}/skip`: later deliveries of the stream no longer wait for this one.
pub(crate) async fn skip(
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
    let skipped = api.audited(&request, &id)?.skip(id, api.now()).await?;
    let (listed, done) = skipped.ok_or_else(super::gone)?;
    if done {
        return Ok(HttpResponse::Ok().json(DeliveryView::of(&listed)));
    }
    Err(ApiError::new(ErrorKind::Conflict, "this delivery holds up no other one"))
}
