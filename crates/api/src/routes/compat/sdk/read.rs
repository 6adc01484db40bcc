use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::{Enveloped, SdkStream};
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::{State, streams};
use crate::view::StreamView;

pub(crate) const DOC: Doc = Doc {
    parameters: &[streams::ID],
    errors: &[ErrorKind::NotFound],
    ..Doc::new("Read a stream for an SDK", &[response(200, "SdkStreamRead", "The stream at present")])
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamRead"))]
pub(crate) struct ReadView {
    stream: SdkStream,
}

/// `GET /compat/backend/api/streams/{id}`
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let stream = api.store().stream(&streams::id(&path)?).await?.ok_or_else(ApiError::stream_not_found)?;
    let view = StreamView::current(&stream, api.present(), api.tokens());
    let data = ReadView { stream: SdkStream::of_view(&view)? };
    Ok(HttpResponse::Ok().json(Enveloped::of(&api, &request, data)))
}
