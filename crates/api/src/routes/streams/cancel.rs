use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::Outcome;
use fluxora_stream::{CancelRefused, UnixTime};

use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::view::StreamView;

/// `DELETE /api/streams/{id}`: cancels the stream; what had streamed stays streamed, the rest is refunded.
pub(crate) async fn cancel(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    api.may_write()?;
    Query::of(&request)?.finish()?;
    let id = super::id(&path)?;
    match api.store().cancel_stream(&id, api.clock()).await? {
        Outcome::Done(stream) => {
            Ok(HttpResponse::Ok().json(StreamView::of(&stream, UnixTime::of(stream.updated_at))))
        }
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
