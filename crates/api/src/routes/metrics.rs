use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use super::State;
use crate::doc::{Doc, response};
use crate::error::ApiError;
use crate::metrics;
use crate::query::Query;

pub(crate) const DOC: Doc = Doc::new(
    "Read the metrics of this process",
    &[response(200, "Metrics", "The Prometheus text format, version 0.0.4")],
);

const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `GET /metrics`: the metrics of this process.
pub(crate) async fn show(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let page = metrics::page(&api).await;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, TEXT_FORMAT)).body(page))
}
