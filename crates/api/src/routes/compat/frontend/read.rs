use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::row::Row;
use crate::doc::{Doc, path, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::{State, streams};

pub(crate) const DOC: Doc = Doc {
    parameters: &[path("id", "The id of a row: a number of the contract, or the id of the stream", "7")],
    errors: &[ErrorKind::NotFound],
    ..Doc::new(
        "Read a stream for the front end",
        &[response(200, "FrontendRow", "The stream. One that the front end would refuse is not found")],
    )
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FrontendRow"))]
pub(crate) struct RowView {
    data: Row,
}

/// `GET /compat/frontend/streams/{id}`
pub(crate) async fn read(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let id = match api.frontend().numbered(&path) {
        Some(id) => id,
        None => streams::id(&path)?,
    };
    let stream = api.store().stream(&id).await?;
    let row = stream.and_then(|stream| Row::current(&stream, api.present(), api.tokens(), api.frontend()));
    let (data, _) = row.ok_or_else(ApiError::stream_not_found)?;
    Ok(HttpResponse::Ok().json(RowView { data }))
}
