use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::Outcome;
use fluxora_stream::{CancelRefused, StreamId, UnixTime};

use crate::Api;
use crate::access::{AuthFailure, principal};
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::view::StreamView;

pub(crate) const DOC: Doc = Doc {
    parameters: &[super::ID],
    errors: &[ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::ChainManaged, ErrorKind::Forbidden],
    ..Doc::new(
        "Cancel a stream",
        &[response(200, "Stream", "The cancelled stream: the streamed amount stays, the rest is refunded")],
    )
};

/// `DELETE /api/streams/{id}`: cancels the stream. The streamed amount stays, the rest is refunded.
pub(crate) async fn cancel(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    Ok(HttpResponse::Ok().json(perform(&api, &request, &path).await?))
}

/// Cancels the stream that a path names, and returns it.
pub(crate) async fn perform(api: &Api, request: &HttpRequest, path: &str) -> Result<StreamView, ApiError> {
    let id = super::id(path)?;
    check_owner(api, request, &id).await?;
    match api.audited(request, &id)?.cancel_stream(&id, api.clock()).await? {
        Outcome::Done(stream) => Ok(StreamView::of(&stream, UnixTime::of(stream.updated_at), api.tokens())),
        Outcome::Refused(refused) => {
            let kind = match refused {
                CancelRefused::ChainManaged => ErrorKind::ChainManaged,
                CancelRefused::Ended(_) => ErrorKind::Conflict,
            };
            Err(ApiError::new(kind, refused.to_string()))
        }
        Outcome::NotFound => Err(ApiError::stream_not_found()),
    }
}

/// Refuses a partner that did not create the stream. The owner of a stream never changes, so it is read before the transaction.
async fn check_owner(api: &Api, request: &HttpRequest, id: &StreamId) -> Result<(), ApiError> {
    let principal = principal(request);
    // A contract's stream is refused by its rules.
    let Some(owner) = principal.owner().filter(|_| id.contract().is_none()) else { return Ok(()) };
    if api.store().stream_owner(id).await?.as_deref() == Some(owner.as_str()) {
        return Ok(());
    }
    match api.store().stream(id).await? {
        Some(_) => {
            let message = "another caller created this stream: only that caller and operators may cancel it";
            Err(ApiError::denied(ErrorKind::Forbidden, AuthFailure::NotOwner, message))
        }
        None => Err(ApiError::stream_not_found()),
    }
}
