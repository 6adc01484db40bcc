use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_delivery::{Endpoint, HeaderProfile};
use fluxora_seal::Keyring;
use jiff::Timestamp;

use super::change::change;
use super::draft::{Draft, not_standard};
use super::view::answer;
use crate::body;
use crate::doc::{Doc, content, header, response};
use crate::error::{ApiError, ErrorKind};
use crate::etag::Condition;
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::fields::is_standard;
use crate::routes::webhooks::{ID, endpoint_id, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        ID,
        header(
            "If-Match",
            "The `ETag` of the version to change; without it, any version is changed",
            "\"1\"",
        ),
    ],
    request: Some(content("UpdateWebhookEndpoint", "The fields to change; the others stay")),
    errors: &[
        ErrorKind::NotFound,
        ErrorKind::PreconditionFailed,
        ErrorKind::Conflict,
        ErrorKind::Forbidden,
        ErrorKind::WebhooksNotConfigured,
    ],
    ..Doc::new("Change a webhook endpoint", &[response(200, "WebhookEndpoint", "The changed endpoint")])
};

/// `PATCH /api/webhooks/endpoints/{id}`: changes the fields that the request gives.
pub(crate) async fn update(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let webhooks = api.webhooks()?;
    let keyring = webhooks.sender.keyring();
    let condition = Condition::of(request.headers())?;
    let mut fields = Fields::of(body::members(&request, payload).await?);
    let draft = Draft::read(&mut fields, webhooks.sender.policy());
    fields.finish()?;
    let now = api.now();
    let id = endpoint_id(&path)?;
    owned::endpoint(&api, &request, id).await?;
    let stored = change(&api, &request, id, &condition, now, |endpoint| {
        let changed = draft.apply(endpoint, keyring)?;
        if draft.profile == Some(HeaderProfile::StandardWebhooks) {
            check_standard(endpoint, keyring, now)?;
        }
        Ok(changed)
    })
    .await?;
    Ok(answer(&mut HttpResponse::Ok(), &stored, None, keyring, now))
}

/// Refuses the profile `standardWebhooks` for secrets that it cannot use.
fn check_standard(endpoint: &Endpoint, keyring: &Keyring, now: Timestamp) -> Result<(), ApiError> {
    let mut opened =
        endpoint.live_secrets(now).map(|secret| keyring.open_secret(endpoint.id.uuid(), &secret.sealed));
    let fits = opened.all(|secret| secret.is_ok_and(|secret| is_standard(&secret)));
    if fits { Ok(()) } else { Err(not_standard("headerProfile")) }
}
