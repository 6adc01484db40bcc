use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use crate::doc::{Doc, response};
use crate::error::ApiError;
use crate::query::Query;

pub(crate) const DOC: Doc = Doc::new(
    "Describe the API as an OpenAPI document",
    &[response(200, "OpenApi", "An OpenAPI 3.1 document")],
);

/// The document. A test generates it from the route table and the wire types and compares.
pub(super) const DOCUMENT: &str = include_str!("../../../../docs/openapi.json");

/// `GET /openapi.json`: the OpenAPI document.
pub(crate) async fn show(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "application/json")).body(DOCUMENT))
}
