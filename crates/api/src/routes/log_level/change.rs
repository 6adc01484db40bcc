use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::LogLevelView;
use crate::doc::{Doc, content, response};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::fields::Fields;
use crate::query::Query;
use crate::routes::State;
use crate::{LogLevel, access, body};

pub(crate) const DOC: Doc = Doc {
    request: Some(content("LogLevelChange", "The level, and for how long")),
    errors: &[ErrorKind::Unauthorized, ErrorKind::Forbidden],
    ..Doc::new("Change the log level", &[response(200, "LogLevel", "The log level of this process")])
};

/// The longest time of a change, in seconds: a day.
const LONGEST: u64 = 86_400;
/// The longest name that is read.
const LONGEST_NAME: usize = 16;

/// `PUT /api/admin/log-level`: changes the log level of this process, for a time or until it is changed again.
pub(crate) async fn change(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let mut fields = Fields::of(body::members(&request, payload).await?);
    let level = fields.text("level", LONGEST_NAME).and_then(|name| {
        let names = "level must be error, warn, info, debug or trace";
        LogLevel::named(&name).or_else(|| fields.refuse("level", FieldCode::InvalidValue, names))
    });
    let seconds = fields.optional_number("forSeconds", 1..=LONGEST);
    fields.finish()?;
    // Without a fault, the level was read.
    let Some(level) = level else { return Err(ApiError::invalid(Vec::new())) };
    let seconds = seconds.and_then(|seconds| u32::try_from(seconds).ok());
    // Before it is done: no change is without its row.
    api.record_done(&request, &level.name()).await?;
    let state = api.log_levels().change(level, seconds, api.present());
    let caller = access::principal(&request);
    // An error, so that it is logged at every level.
    tracing::error!(%caller, log_level = level.name(), for_seconds = seconds, "an operator changed the log level");
    Ok(HttpResponse::Ok().json(LogLevelView::of(state)))
}
