use std::ops::RangeInclusive;

use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_delivery::{Endpoint, HeaderProfile, SealedSecret};
use fluxora_seal::Keyring;
use fluxora_webhook::{ROTATION_GRACE_SECONDS, Secret};
use jiff::{SignedDuration, Timestamp};

use super::change::change;
use super::draft::{not_standard, unsealed};
use super::view::answer;
use crate::body;
use crate::doc::{Doc, content, header, response};
use crate::error::{ApiError, ErrorKind};
use crate::etag::Condition;
use crate::field_code::FieldCode;
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
    request: Some(content("RotateWebhookSecret", "`overlapSeconds` and `secret`, both optional")),
    errors: &[
        ErrorKind::NotFound,
        ErrorKind::PreconditionFailed,
        ErrorKind::Conflict,
        ErrorKind::Forbidden,
        ErrorKind::WebhooksNotConfigured,
    ],
    ..Doc::new(
        "Rotate the secret of a webhook endpoint",
        &[response(200, "WebhookEndpoint", "The endpoint, with the secret that was made for it")],
    )
};

/// How long the old secret may go on signing: up to a week.
const OVERLAP: RangeInclusive<u64> = 0..=604_800;

/// `POST /api/webhooks/endpoints/{id}/secret/rotate`: replaces the signing secret.
pub(crate) async fn rotate(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let webhooks = api.webhooks()?;
    let keyring = webhooks.sender.keyring();
    let condition = Condition::of(request.headers())?;
    let mut fields = Fields::of(body::optional_members(&request, payload).await?);
    let overlap = fields.optional_number("overlapSeconds", OVERLAP).unwrap_or(ROTATION_GRACE_SECONDS);
    let given = fields.optional_secret("secret");
    fields.finish()?;
    let made = match given {
        Some(_) => None,
        None => Some(keyring.new_secret().map_err(unsealed)?),
    };
    let Some(secret) = given.as_ref().or(made.as_ref()) else { return Err(ApiError::invalid(Vec::new())) };
    let now = api.now();
    let id = endpoint_id(&path)?;
    owned::endpoint(&api, &request, id).await?;
    let stored = change(&api, &request, id, &condition, now, |endpoint| {
        replace(
            endpoint,
            secret,
            SignedDuration::from_secs(i64::try_from(overlap).unwrap_or_default()),
            keyring,
            now,
        )
        .map(|()| true)
    })
    .await?;
    let shown = made.as_ref().map(Secret::expose);
    Ok(answer(&mut HttpResponse::Ok(), &stored, shown, keyring, now))
}

/// Lets a secret sign from `now` on, and the present one until the overlap ends.
fn replace(
    endpoint: &mut Endpoint,
    secret: &Secret,
    overlap: SignedDuration,
    keyring: &Keyring,
    now: Timestamp,
) -> Result<(), ApiError> {
    let id = endpoint.id.uuid();
    if endpoint.headers == HeaderProfile::StandardWebhooks && !is_standard(secret) {
        return Err(not_standard("secret"));
    }
    let live: Vec<_> = endpoint.live_secrets(now).cloned().collect();
    let signs = |live: &SealedSecret| {
        keyring.open_secret(id, &live.sealed).is_ok_and(|live| live.expose() == secret.expose())
    };
    if live.iter().any(signs) {
        let message = "this secret signs deliveries already: choose another one";
        return Err(ApiError::invalid_field("secret", FieldCode::SecretReused, message));
    }
    let old = match live.as_slice() {
        _ if overlap.is_zero() => None,
        [] => None,
        [old] => Some(SealedSecret { expires_at: now.saturating_add(overlap).ok(), ..old.clone() }),
        [..] => {
            let message =
                "the last rotation still overlaps: wait for its end, or rotate with overlapSeconds 0";
            return Err(ApiError::new(ErrorKind::Conflict, message));
        }
    };
    let sealed = keyring.seal_secret(id, secret).map_err(unsealed)?;
    let new = SealedSecret { sealed, created_at: now, expires_at: None };
    endpoint.secrets = old.into_iter().chain([new]).collect();
    Ok(())
}
