use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_auth::Name;
use fluxora_delivery::{DeadReason, DeliveryState};

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
    Err(ApiError::new(ErrorKind::Conflict, refusal(&listed.delivery.state)))
}

/// Why a delivery in this state was not sent again.
const fn refusal(state: &DeliveryState) -> &'static str {
    match state {
        DeliveryState::Pending { .. } | DeliveryState::InFlight(_) => {
            "this delivery is not settled: it is sent without a replay"
        }
        DeliveryState::Dead { reason: DeadReason::BodyTooLarge, .. } => {
            "the body of this delivery is larger than receivers accept"
        }
        DeliveryState::Dead { .. } | DeliveryState::Delivered { .. } | DeliveryState::Cancelled { .. } => {
            "the body of this delivery cannot carry another id: send it without freshId"
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_refused_replay_names_its_reason() {
        let at = Timestamp::UNIX_EPOCH;
        let dead = |reason| refusal(&DeliveryState::Dead { at, reason });
        assert!(dead(DeadReason::BodyTooLarge).contains("larger"));
        for message in [dead(DeadReason::Exhausted), refusal(&DeliveryState::Delivered { at })] {
            assert!(message.contains("without freshId"), "{message}");
        }
        assert!(refusal(&DeliveryState::Pending { due_at: None }).contains("not settled"));
    }
}
