use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_stream::UnixTime;

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
    let view = match at {
        None => {
            let stream = api.store().stream(&id).await?;
            stream.map(|stream| StreamView::current(&stream, api.present(), api.tokens()))
        }
        Some(at) => {
            let stream = api.store().stream_at(&id, at).await?;
            stream.map(|stream| StreamView::of(&stream, at, api.tokens()))
        }
    };
    Ok(HttpResponse::Ok().json(view.ok_or_else(ApiError::stream_not_found)?))
}

/// Digits only: `u64::from_str` also accepts a sign.
fn seconds(text: &str) -> Option<UnixTime> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?.map(UnixTime::from_seconds)
}
