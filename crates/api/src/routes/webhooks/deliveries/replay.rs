use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_auth::Name;
use fluxora_delivery::DeadReason;

use super::id;
use super::view::DeliveryView;
use crate::body;
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::idempotency::{self, IDEMPOTENCY_REPLAYED};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, IDEMPOTENCY_KEY, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID, IDEMPOTENCY_KEY],
    request: Some(content("ReplayWebhookDelivery", "`freshId`, optional: send it under a new id")),
    errors: &[
        ErrorKind::NotFound,
        ErrorKind::Conflict,
        ErrorKind::Forbidden,
        ErrorKind::WebhooksNotConfigured,
    ],
    ..Doc::new(
        "Send a webhook delivery again",
        &[response(
            200,
            "WebhookDelivery",
            "The delivery that is pending: under the same id, or another one",
        )],
    )
};

/// What ids of this operation depend on. Stored in them: it never changes.
const SCOPE: &str = "POST /api/webhooks/deliveries/{id}/replay";

/// `POST /api/webhooks/deliveries/{id}/replay`: sends a settled delivery again.
pub(crate) async fn replay(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    api.webhooks()?;
    let key = idempotency::key(request.headers())?;
    let mut fields = Fields::of(body::optional_members(&request, payload).await?);
    let fresh_id = fields.optional_boolean("freshId");
    fields.finish()?;
    let id = id(&path)?;
    owned::delivery(&api, &request, id).await?;
    let owner = owned::owner(&request);
    let fresh = fresh_id.unwrap_or_default().then(|| match &key {
        Some(key) => idempotency::id_of(SCOPE, owner.as_ref().map(Name::as_str), key),
        None => api.next_id(),
    });
    let replayed = api.audited(&request, &id)?.replay(id, fresh, api.now()).await?;
    let (listed, done) = replayed.ok_or_else(super::gone)?;
    if done {
        return Ok(HttpResponse::Ok().json(DeliveryView::of(&listed)));
    }
    if listed.delivery.id != id {
        let mut response = HttpResponse::Ok();
        response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
        return Ok(response.json(DeliveryView::of(&listed)));
    }
    let message = match listed.delivery.state.dead_reason() {
        Some(DeadReason::BodyTooLarge) => "the body of this delivery is larger than receivers accept",
        _ => "this delivery is not settled: it is sent without a replay",
    };
    Err(ApiError::new(ErrorKind::Conflict, message))
}
