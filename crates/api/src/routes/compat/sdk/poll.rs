use std::time::Duration;

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::Sequence;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Enveloped;
use crate::doc::{Doc, query, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;
use crate::routes::{State, events, streams};

/// The longest wait, in seconds. A longer one is cut to it.
const LONGEST_WAIT: u64 = 30;

pub(crate) const DOC: Doc = Doc {
    parameters: &[
        streams::ID,
        query("since", "The `since` of the answer before; without it, from the creation on", "0"),
        query("timeout", "Seconds to wait for an event, 30 at most; 0 by default", "0"),
    ],
    errors: &[ErrorKind::NotFound, ErrorKind::CursorExpired, ErrorKind::FeedFull],
    ..Doc::new(
        "Poll the events of a stream for an SDK",
        &[response(
            200,
            "SdkStreamPoll",
            "Events of the stream, oldest first. None if nothing happened in time",
        )],
    )
};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "StreamPoll"))]
pub(crate) struct PollView {
    #[cfg_attr(test, schemars(with = "Vec<crate::openapi::kinds::Event>"))]
    events: Vec<Box<RawValue>>,
    since: String,
    has_more: bool,
}

/// `GET /compat/backend/api/streams/{id}/poll`
pub(crate) async fn poll(
    api: State,
    request: HttpRequest,
    path: Path<String>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::of(&request)?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let since =
        query.parsed("since", FieldCode::InvalidCursor, "the since of an answer of this stream", number);
    let timeout = query.parsed("timeout", FieldCode::InvalidValue, "a whole number of seconds", number);
    query.finish()?;
    let since = ("since", Sequence(since.unwrap_or(0)));
    let wait = Duration::from_secs(timeout.unwrap_or(0).min(LONGEST_WAIT));
    let page = events::poll_stream(&api, &request, streams::id(&path)?, since, wait).await?;
    let data = PollView { events: page.events, since: page.next.to_string(), has_more: page.has_more };
    Ok(HttpResponse::Ok().json(Enveloped::of(&api, &request, data)))
}
