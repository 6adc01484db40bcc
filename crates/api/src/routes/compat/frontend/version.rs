use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::doc::{Doc, response};
use crate::error::ApiError;
use crate::query::Query;

/// The version of this interface that the front end asks for.
const VERSION: &str = "1.0.0";

pub(crate) const DOC: Doc = Doc::new(
    "Show the version for the front end",
    &[response(200, "FrontendVersion", "The version of the profile, also while storage is unavailable")],
);

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FrontendVersion"))]
pub(crate) struct VersionView {
    version: &'static str,
}

/// `GET /compat/frontend/version`. It reads nothing: the front end asks its user for an update when this fails.
pub(crate) async fn version(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    Ok(HttpResponse::Ok().json(VersionView { version: VERSION }))
}
