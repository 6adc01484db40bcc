use std::borrow::Cow;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse};
use serde::Serialize;

use crate::access_log::{Failure, Ongoing};
use crate::error::{ApiError, ErrorKind, FieldFault};
use crate::limits::Counted;
use crate::request_id::{self, RequestId};

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Error"))]
pub(crate) struct Envelope<'a> {
    error: Body<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "ErrorBody"))]
struct Body<'a> {
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::ErrorCode"))]
    code: &'static str,
    message: &'a str,
    request_id: &'a str,
    /// The trace of the request, in its log lines and in `traceparent` of what it caused: 32 hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(with = "String"))]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    details: &'a [FieldFault],
}

/// Gives every answer its headers, and every error of a handler or of the framework its body.
pub(crate) async fn answer(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let id = response.request().extensions().get::<RequestId>().cloned();
    let status = response.status();
    let mut response = if status.is_client_error() || status.is_server_error() {
        with_error_body(response, id.as_ref().map_or("", RequestId::as_str))
    } else {
        response
    };
    let counted = response.request().extensions().get::<Counted>().copied();
    let headers = response.headers_mut();
    if let Some(counted) = counted {
        counted.write(headers);
    }
    for name in request_id::HEADERS {
        if let Some(id) = &id {
            headers.insert(name, id.header());
        }
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}

fn with_error_body(response: ServiceResponse<BoxBody>, request_id: &str) -> ServiceResponse<BoxBody> {
    if response.headers().contains_key(header::CONTENT_TYPE) {
        // A health report. Its line has the level and the code of other answers with its status.
        let failure = Failure { kind: ErrorKind::of_status(response.status()), denied: None, cause: None };
        response.request().extensions_mut().insert(failure);
        return response;
    }
    let error = response.response().error().and_then(Error::as_error::<ApiError>);
    let kind = error.map_or_else(|| ErrorKind::of_status(response.status()), |error| error.kind);
    let message: Cow<'_, str> = match error {
        Some(error) => error.message.as_ref().into(),
        None => response.status().canonical_reason().unwrap_or("the request failed").into(),
    };
    let details = error.map_or(&[][..], |error| &error.details);
    let trace_id =
        response.request().extensions().get::<Ongoing>().map(|ongoing| ongoing.trace.trace_id().to_string());
    let error_body = Body { code: kind.code(), message: &message, request_id, trace_id, details };
    let envelope = Envelope { error: error_body };
    let mut builder = HttpResponse::build(response.status());
    if let Some(allow) = error.and_then(|error| error.allow.as_deref()) {
        builder.insert_header((header::ALLOW, allow));
    }
    if let Some(seconds) = error.and_then(|error| error.retry_after_seconds) {
        builder.insert_header((header::RETRY_AFTER, seconds.to_string()));
    }
    if let Some(challenge) = challenge(kind) {
        builder.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    let mut body = builder.json(envelope);
    for (name, value) in response.headers() {
        body.headers_mut().append(name.clone(), value.clone());
    }
    let denied = error.and_then(|error| error.denied);
    let cause = error.and_then(|error| error.cause.as_deref()).map(|cause| chain(cause));
    response.request().extensions_mut().insert(Failure { kind, denied, cause });
    response.into_response(body)
}

/// The value of `WWW-Authenticate` (RFC 6750, section 3).
const fn challenge(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::Unauthorized => Some("Bearer"),
        ErrorKind::CredentialsExpired => {
            Some("Bearer error=\"invalid_token\", error_description=\"the credential has expired\"")
        }
        ErrorKind::CredentialsInvalid => Some("Bearer error=\"invalid_token\""),
        _ => None,
    }
}

/// An error and its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
