use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::delivery::StateChange;

use super::state::change_state;
use crate::body;
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::ID;

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    request: Some(content("PauseWebhookEndpoint", "`reason`, optional")),
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Pause a webhook endpoint",
        &[response(200, "WebhookEndpoint", "The endpoint: deliveries are kept and not sent")],
    )
};

/// The longest accepted reason, in characters.
const LONGEST_REASON: usize = 500;

/// `POST /api/webhooks/endpoints/{id}/pause`: stops sending, and keeps what there is to send.
pub(crate) async fn pause(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let mut fields = Fields::of(body::optional_members(&request, payload).await?);
    let reason = fields.optional_text("reason", LONGEST_REASON).unwrap_or_default();
    fields.finish()?;
    change_state(&api, &request, &path, StateChange::Pause { reason }).await
}
