use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};

use super::view::ReplayView;
use super::{id, not_found};
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new("Read a replay", &[response(200, "WebhookReplay", "The job with its progress")])
};

/// `GET /api/webhooks/replays/{id}`: one replay job.
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    api.webhooks()?;
    let id = id(&path)?;
    owned::replay(&api, &request, id).await?;
    let replay = api.store().replay_job(id).await?.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(ReplayView::of(&replay)))
}
