use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use super::{Enveloped, SdkStream};
use crate::doc::{Doc, query, response};
use crate::error::ApiError;
use crate::query::Query;
use crate::routes::State;
use crate::routes::streams::list::{self, ListView};

const ACCOUNT: &str = "GA7QYNF7SOWQ3GLR2BGMZEHXAVIRZA4KVWLTJJFC7MGXUA74P7UJVSGZ";
/// How the user agent of the Python SDK begins.
const PYTHON: &str = "FluxoraPythonSDK/";

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        query("status", "Streams in this status at present", "active"),
        query("sender", "Streams this account or contract pays", ACCOUNT),
        query("recipient", "Streams that pay this account or contract", ACCOUNT),
        query("limit", "Streams per page: 1 to 100, 20 by default", "20"),
        query("cursor", "The `next_cursor` of the page before, with the same filters", ""),
        query(
            "include_total",
            "`true` adds `total`, the number of streams the filters match, unless they are too many to be counted",
            "true",
        ),
    ],
    ..Doc::new(
        "List streams for an SDK",
        &[response(
            200,
            "SdkStreams",
            "A page of streams, newest first. For a user agent that begins with `FluxoraPythonSDK/`, `data` is the array",
        )],
    )
};

/// The two forms in which the SDKs read a page.
#[derive(Serialize)]
#[serde(untagged)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Streams"))]
pub(crate) enum PageView {
    /// Of the TypeScript SDK.
    Page(NamedPage),
    /// Of the Python SDK.
    Array(Vec<SdkStream>),
}

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "SdkStreamPage"))]
pub(crate) struct NamedPage {
    streams: Vec<SdkStream>,
    has_more: bool,
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
}

/// `GET /compat/backend/api/streams`
pub(crate) async fn list(api: State, request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let ListView { streams, has_more, next_cursor, total, .. } =
        list::page(&api, Query::of(&request)?, "include_total").await?;
    let streams = streams.iter().map(|stream| SdkStream::of(stream.get())).collect::<Result<Vec<_>, _>>()?;
    let data = if is_python(request.headers()) {
        PageView::Array(streams)
    } else {
        PageView::Page(NamedPage { streams, has_more, next_cursor: next_cursor.clone(), total })
    };
    let answer = Enveloped::of(&api, &request, data).paged(next_cursor, total);
    Ok(HttpResponse::Ok().insert_header((header::VARY, "user-agent")).json(answer))
}

fn is_python(headers: &HeaderMap) -> bool {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.is_some_and(|agent| agent.starts_with(PYTHON))
}
