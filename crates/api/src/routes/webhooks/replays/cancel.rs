use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse};

use super::view::ReplayView;
use super::{id, not_found};
use crate::body;
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::routes::webhooks::{ID, owned};

pub(crate) const DOC: Doc = Doc {
    parameters: &[ID],
    errors: &[ErrorKind::NotFound, ErrorKind::Forbidden, ErrorKind::WebhooksNotConfigured],
    ..Doc::new(
        "Cancel a replay",
        &[response(200, "WebhookReplay", "The job as it ended; what it has made due is sent")],
    )
};

/// `POST /api/webhooks/replays/{id}/cancel`: ends a replay. One that has ended stays as it is.
pub(crate) async fn cancel(
    api: State,
    request: HttpRequest,
    payload: Payload,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    api.webhooks()?;
    Fields::of(body::optional_members(&request, payload).await?).finish()?;
    let id = id(&path)?;
    owned::replay(&api, &request, id).await?;
    let replay = api.audited(&request, &id)?.cancel_replay(id, api.now()).await?;
    let replay = replay.ok_or_else(not_found)?;
    Ok(HttpResponse::Ok().json(ReplayView::of(&replay)))
}
