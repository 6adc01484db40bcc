use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};

use super::{Enveloped, SdkStream};
use crate::body::{self, JsonValue};
use crate::doc::{Doc, content, header, response};
use crate::error::{ApiError, ErrorKind};
use crate::query::Query;
use crate::routes::State;
use crate::routes::streams::create::{self, Answer};

pub(crate) const DOC: Doc = Doc {
    parameters: &[header(
        "Idempotency-Key",
        "As for `POST /api/streams`, with which it shares its keys",
        "order-7",
    )],
    request: Some(content("CreateStream", "The terms of the stream. `endTime: 0` is the same as none")),
    errors: &[ErrorKind::IdempotencyConflict, ErrorKind::Forbidden],
    ..Doc::new("Create a stream for an SDK", &[response(201, "SdkSdkStream", "The stream")])
};

/// `POST /compat/backend/api/streams`
pub(crate) async fn create(
    api: State,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    Query::of(&request)?.finish()?;
    let members = async {
        let mut members = body::members(&request, payload).await?;
        members.retain(|(name, value)| !(name == "endTime" && *value == JsonValue::Count(0)));
        Ok(members)
    };
    let Answer { saved, replayed } =
        create::perform(&api, &request, members).await.map_err(in_words_of_the_sdk)?;
    let stream = SdkStream::of(&saved.body)?;
    Ok(HttpResponse::Created().json(Enveloped::of(&api, &request, stream).replayed(replayed)))
}

/// The SDKs know a key that belongs to another request as a conflict.
fn in_words_of_the_sdk(error: ApiError) -> ApiError {
    match error.kind {
        ErrorKind::IdempotencyKeyReused => ApiError { kind: ErrorKind::IdempotencyConflict, ..error },
        _ => error,
    }
}
