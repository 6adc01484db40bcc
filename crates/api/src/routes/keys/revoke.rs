use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::view::KeyView;
use super::{ID, id, not_found};
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[ErrorKind::NotFound],
    ..Doc::new(
        "Revoke an API key",
        &[response(200, "ApiKey", "The key. It is refused at once here, within a second on other servers")],
    )
};

/// `DELETE /api/admin/keys/{id}`: revokes a key. Revoking it again changes nothing.
pub(crate) async fn revoke(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let now = api.now();
    let id = id(&path)?;
    let stored = api.audited(&request, &id)?.revoke_key(id, now).await?.ok_or_else(not_found)?;
    api.keys().forget();
    tracing::info!(key = %stored.key.id, "an API key was revoked");
    Ok(HttpResponse::Ok().json(KeyView::of(&stored.key, now)))
}
