use actix_web::{HttpRequest, HttpResponse};

use super::LogLevelView;
use crate::doc::{Doc, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;

pub(crate) const DOC: Doc = Doc {
    errors: &[ErrorKind::Unauthorized, ErrorKind::Forbidden],
    ..Doc::new("Read the log level", &[response(200, "LogLevel", "The log level of this process")])
};

/// `GET /api/admin/log-level`: shows the log level of this process.
pub(crate) async fn read(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    Ok(HttpResponse::Ok().json(LogLevelView::of(api.log_levels().state())))
}
