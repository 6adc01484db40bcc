use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::{Store, StoreError};
use fluxora_stream::{Origin, Stream, StreamId, UnixTime};

use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::State;
use crate::view::StreamView;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        super::ID,
        query("at", "The second to show, in Unix seconds; the present by default", "1767225600"),
    ],
    errors: &[ErrorKind::NotFound],
    ..Doc::new("Read a stream", &[response(200, "Stream", "The stream as it is at `asOf`")])
};

/// `GET /api/streams/{id}`: the stream now, or at the second `at`.
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let at = query.parsed("at", FieldCode::InvalidValue, "a whole number of Unix seconds", seconds);
    query.finish()?;
    let id = super::id(&path)?;
    let stream = match at {
        None => api.store().stream(&id).await?,
        Some(at) => as_of(api.store(), &id, at).await?,
    };
    let stream = stream.ok_or_else(ApiError::stream_not_found)?;
    let at = at.unwrap_or_else(|| api.present().max(UnixTime::of(stream.updated_at)));
    Ok(HttpResponse::Ok().json(StreamView::of(&stream, at)))
}

/// What the stream was in the second `at`. From its last event on that is what it is; before, what
/// its history says: its own, or its contract's.
async fn as_of(store: &dyn Store, id: &StreamId, at: UnixTime) -> Result<Option<Stream>, ApiError> {
    let Some(stream) = store.stream(id).await? else { return Ok(None) };
    if at >= UnixTime::of(stream.updated_at) {
        return Ok(Some(stream));
    }
    if stream.origin() == Origin::Chain {
        return Ok(store.stream_as_of(id, at).await?);
    }
    let history = store.stream_history(id, at).await?;
    Stream::replay(&history).map_err(|error| {
        let reason = "a stream's history does not make a stream".to_owned();
        StoreError::Internal { reason, source: Some(error.into()) }.into()
    })
}

/// Digits only: `u64::from_str` would also take a sign.
fn seconds(text: &str) -> Option<UnixTime> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?.map(UnixTime::from_seconds)
}
