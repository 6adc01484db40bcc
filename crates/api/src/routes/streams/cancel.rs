use actix_web::HttpResponse;
use actix_web::web::Path;
use fluxora_store::Outcome;
use fluxora_stream::{CancelRefused, UnixTime};

use crate::error::{ApiError, ErrorKind};
use crate::routes::State;
use crate::view::StreamView;

/// `DELETE /api/streams/{id}`: cancels the stream; what had streamed stays streamed, the rest is refunded.
pub(crate) async fn cancel(api: State, path: Path<String>) -> Result<HttpResponse, ApiError> {
    api.may_write()?;
    let id = super::id(&path)?;
    match api.store().cancel_stream(&id, api.now()).await? {
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
