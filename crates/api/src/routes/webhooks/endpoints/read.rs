use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::view::answer;
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, endpoint_id, endpoint_not_found, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Read a webhook endpoint",
        &[response(200, "WebhookEndpoint", "The endpoint; its version is in `ETag`")],
    )
};

/// `GET /api/webhooks/endpoints/{id}`: one endpoint.
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let webhooks = api.webhooks()?;
    let id = endpoint_id(&path)?;
    owned::endpoint(&api, &request, id).await?;
    let stored = api.store().endpoint(id).await?.ok_or_else(endpoint_not_found)?;
    Ok(answer(&mut HttpResponse::Ok(), &stored, None, webhooks.sender.keyring(), api.now()))
}
