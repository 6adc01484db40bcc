use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::{Enveloped, SdkStream};
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::routes::streams::{self, cancel};

const ERRORS: &[ErrorKind] =
    &[ErrorKind::NotFound, ErrorKind::Conflict, ErrorKind::ChainManaged, ErrorKind::Forbidden];
const CANCELLED: &str = "The stream is cancelled: the streamed amount stays, the rest is refunded";

pub(crate) const DOC: Doc = Doc {
    parameters: &[streams::ID],
    errors: ERRORS,
    ..Doc::new("Cancel a stream for an SDK", &[response(200, "SdkStreamCancelled", CANCELLED)])
};

/// The same under the path that the Python SDK calls.
pub(crate) const POLL_DOC: Doc = Doc {
    parameters: &[streams::ID],
    errors: ERRORS,
    ..Doc::new("Cancel a stream for the Python SDK", &[response(200, "SdkStreamCancelled", CANCELLED)])
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamCancelled"))]
pub(crate) struct CancelledView {
    message: &'static str,
    id: String,
}

/// `DELETE /compat/backend/api/streams/{id}`
pub(crate) async fn cancel(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let stream = SdkStream::of_view(&cancel::perform(&api, &request, &path).await?)?;
    let data = CancelledView { message: "Stream cancelled", id: stream.into_id() };
    Ok(HttpResponse::Ok().json(Enveloped::of(&api, &request, data)))
}
