use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::delivery::{ResumeFrom, StateChange};

use super::state::change_state;
use crate::body::{self, JsonValue};
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::ID;

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    request: Some(content("ResumeWebhookEndpoint", "`from`, optional: `held` or `now`")),
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Resume a webhook endpoint",
        &[response(200, "WebhookEndpoint", "The endpoint: deliveries are sent, one at first")],
    )
};

/// `POST /api/webhooks/endpoints/{id}/resume`: sends again.
pub(crate) async fn resume(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let mut fields = Fields::of(body::optional_members(&request, payload).await?);
    let from = from(&mut fields);
    fields.finish()?;
    change_state(&api, &request, &path, StateChange::Resume(from.unwrap_or(ResumeFrom::Held))).await
}

/// Where to go on: with what was held, or with what comes. Null is absent.
fn from(fields: &mut Fields) -> Option<ResumeFrom> {
    match fields.take("from")? {
        JsonValue::Null => None,
        JsonValue::Text(text) if text == "held" => Some(ResumeFrom::Held),
        JsonValue::Text(text) if text == "now" => Some(ResumeFrom::Now),
        JsonValue::Text(_) => fields.refuse("from", FieldCode::InvalidValue, "from must be held or now"),
        other => fields.wrong_type("from", "a string", &other),
    }
}
