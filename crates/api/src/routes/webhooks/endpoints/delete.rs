use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, endpoint_id, endpoint_not_found, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Delete a webhook endpoint",
        &[response(204, "Nothing", "Nothing more is sent to it; its deliveries stay readable for a time")],
    )
};

/// `DELETE /api/webhooks/endpoints/{id}`: deletes an endpoint.
pub(crate) async fn delete(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    api.webhooks()?;
    let id = endpoint_id(&path)?;
    owned::endpoint(&api, &request, id).await?;
    let existed = api.audited(&request, &id)?.delete_endpoint(id, api.now()).await?;
    if existed { Ok(HttpResponse::NoContent().finish()) } else { Err(endpoint_not_found()) }
}
