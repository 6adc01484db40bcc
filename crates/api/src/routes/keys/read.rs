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
    ..Doc::new("Read an API key", &[response(200, "ApiKey", "The key, without its secret")])
};

/// `GET /api/admin/keys/{id}`: one key.
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let stored = api.store().key(id(&path)?).await?.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(KeyView::of(&stored.key, api.now())))
}
