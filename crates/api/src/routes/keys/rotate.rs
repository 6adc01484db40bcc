use std::ops::RangeInclusive;

use actix_web::http::header;
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};
use fluxora_auth::{ApiKey, KeyId};
use fluxora_store::KeyRotated;
use jiff::{SignedDuration, Timestamp};

use super::view::{KeyView, NewKeyView};
use super::{ID, PATH, id, new_secret, not_found};
use crate::body;
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    request: Some(content("RotateApiKey", "`overlapSeconds`, optional")),
    errors: &[ErrorKind::NotFound, ErrorKind::Conflict],
    ..Doc::new(
        "Rotate an API key",
        &[response(201, "NewApiKey", "The key that replaces it. It is shown in this answer only")],
    )
};

/// How long the old key may still be used: up to 30 days.
const OVERLAP: RangeInclusive<u64> = 0..=2_592_000;
/// A day.
const DEFAULT_OVERLAP: u64 = 86_400;

/// `POST /api/admin/keys/{id}/rotate`: creates a key with the name, role, owner and expiry of another one, which expires after
/// the overlap.
pub(crate) async fn rotate(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let mut fields = Fields::of(body::optional_members(&request, payload).await?);
    let overlap = fields.optional_number("overlapSeconds", OVERLAP).unwrap_or(DEFAULT_OVERLAP);
    fields.finish()?;
    let now = api.now();
    let overlap = SignedDuration::from_secs(i64::try_from(overlap).unwrap_or_default());
    let overlap_ends = now.saturating_add(overlap).unwrap_or(Timestamp::MAX);
    let old = api.store().key(id(&path)?).await?.ok_or_else(not_found)?.key;
    let secret = new_secret(&api)?;
    let new = ApiKey {
        id: KeyId::new(api.next_id()),
        prefix: secret.prefix(),
        created_at: now,
        last_used_at: None,
        rotated_from: Some(old.id),
        ..old
    };
    match api.audited(&request, &old.id)?.rotate_key(new, secret.hash(), overlap_ends).await? {
        KeyRotated::Done(stored) => {
            api.keys().forget();
            tracing::info!(key = %stored.key.id, replaced = %old.id, "an API key was rotated");
            Ok(HttpResponse::Created()
                .insert_header((header::LOCATION, format!("{PATH}/{}", stored.key.id)))
                .json(NewKeyView { about: KeyView::of(&stored.key, now), key: &secret.expose() }))
        }
        KeyRotated::Ended => {
            let message = "this key has expired or was revoked: create another one";
            Err(ApiError::new(ErrorKind::Conflict, message))
        }
        KeyRotated::NotFound => Err(not_found()),
    }
}
