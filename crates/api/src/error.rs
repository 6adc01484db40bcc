use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use fluxora_feed::TooManySubscribers;
use fluxora_store::StoreError;
use serde::Serialize;
use tracing::Level;

use crate::access::AuthFailure;
use crate::field_code::FieldCode;

/// The closed set of errors of the API. `row` is the one table from kind to status, code and log level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is malformed or violates a rule; `details` has every fault.
    Validation,
    /// The credential of the route is missing or wrong.
    Unauthorized,
    /// The token or API key of the request has expired.
    CredentialsExpired,
    /// The token or API key of the request is not valid.
    CredentialsInvalid,
    /// The role of the caller, or the configuration of this server, does not allow the request.
    Forbidden,
    /// The path, or what it names, does not exist.
    NotFound,
    /// The path has no such method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    RequestTimeout,
    /// The server does not answer to the name in the header `Host`.
    HostNotAllowed,
    /// The current state does not allow the request.
    Conflict,
    /// A chain stream is changed by its contract only.
    ChainManaged,
    /// An event is known with other contents at its position or under its id, or a ledger with another previous hash or
    /// close time.
    EventConflict,
    /// A batch contradicts final ledgers.
    ReorgTooDeep,
    /// A batch names a ledger that the chain cannot have reached.
    ImplausibleTip,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The idempotency key belongs to another request.
    IdempotencyKeyReused,
    /// The same, in the profile for SDKs.
    IdempotencyConflict,
    /// The client has used up its quota of requests.
    RateLimited,
    /// A defect, or a record that cannot be decoded.
    Internal,
    /// Storage is unavailable or overloaded.
    Unavailable,
    /// No indexer is configured.
    IndexerNotConfigured,
    /// The events after a cursor are not kept.
    CursorExpired,
    /// As many clients follow the feed as may.
    FeedFull,
    /// The version in `If-Match` is not the present one.
    PreconditionFailed,
    /// There are as many webhook endpoints as may be.
    TooManyEndpoints,
    /// Webhooks are off on this server.
    WebhooksNotConfigured,
    /// A party has more streams, or a stream more events, than are read one by one.
    TooMuchToRead,
}

impl ErrorKind {
    /// Every kind.
    pub const ALL: [Self; 28] = [
        Self::Validation,
        Self::Unauthorized,
        Self::CredentialsExpired,
        Self::CredentialsInvalid,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::RequestTimeout,
        Self::HostNotAllowed,
        Self::Conflict,
        Self::ChainManaged,
        Self::EventConflict,
        Self::ReorgTooDeep,
        Self::ImplausibleTip,
        Self::PayloadTooLarge,
        Self::UnsupportedMediaType,
        Self::IdempotencyKeyReused,
        Self::IdempotencyConflict,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::IndexerNotConfigured,
        Self::CursorExpired,
        Self::FeedFull,
        Self::PreconditionFailed,
        Self::TooManyEndpoints,
        Self::WebhooksNotConfigured,
        Self::TooMuchToRead,
    ];

    const fn row(self) -> (StatusCode, &'static str, Level) {
        match self {
            Self::Validation => (StatusCode::BAD_REQUEST, "VALIDATION_ERROR", Level::INFO),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED", Level::INFO),
            Self::CredentialsExpired => (StatusCode::UNAUTHORIZED, "CREDENTIALS_EXPIRED", Level::INFO),
            Self::CredentialsInvalid => (StatusCode::UNAUTHORIZED, "CREDENTIALS_INVALID", Level::INFO),
            Self::Forbidden => (StatusCode::FORBIDDEN, "FORBIDDEN", Level::INFO),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND", Level::INFO),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", Level::INFO),
            Self::RequestTimeout => (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", Level::INFO),
            Self::HostNotAllowed => (StatusCode::MISDIRECTED_REQUEST, "HOST_NOT_ALLOWED", Level::INFO),
            Self::Conflict => (StatusCode::CONFLICT, "CONFLICT", Level::INFO),
            Self::ChainManaged => (StatusCode::CONFLICT, "CHAIN_MANAGED", Level::INFO),
            Self::EventConflict => (StatusCode::CONFLICT, "EVENT_CONFLICT", Level::WARN),
            Self::ReorgTooDeep => (StatusCode::CONFLICT, "REORG_TOO_DEEP", Level::WARN),
            Self::ImplausibleTip => (StatusCode::CONFLICT, "IMPLAUSIBLE_TIP", Level::WARN),
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", Level::INFO),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", Level::INFO)
            }
            Self::IdempotencyKeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED", Level::INFO)
            }
            Self::IdempotencyConflict => (StatusCode::CONFLICT, "IDEMPOTENCY_CONFLICT", Level::INFO),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", Level::INFO),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR", Level::ERROR),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "SERVICE_UNAVAILABLE", Level::WARN),
            Self::IndexerNotConfigured => {
                (StatusCode::SERVICE_UNAVAILABLE, "INDEXER_NOT_CONFIGURED", Level::INFO)
            }
            Self::CursorExpired => (StatusCode::GONE, "CURSOR_EXPIRED", Level::INFO),
            Self::FeedFull => (StatusCode::SERVICE_UNAVAILABLE, "FEED_FULL", Level::WARN),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "PRECONDITION_FAILED", Level::INFO),
            Self::TooManyEndpoints => (StatusCode::CONFLICT, "TOO_MANY_ENDPOINTS", Level::INFO),
            Self::WebhooksNotConfigured => {
                (StatusCode::SERVICE_UNAVAILABLE, "WEBHOOKS_NOT_CONFIGURED", Level::INFO)
            }
            Self::TooMuchToRead => (StatusCode::SERVICE_UNAVAILABLE, "TOO_MUCH_TO_READ", Level::WARN),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> StatusCode {
        self.row().0
    }

    /// The code in the answer's body.
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    pub(crate) const fn level(self) -> Level {
        self.row().2
    }

    /// The kind for a status that the framework chose.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        let kind = Self::ALL.into_iter().find(|kind| kind.status() == status);
        kind.unwrap_or(if status.is_client_error() { Self::Validation } else { Self::Internal })
    }
}

/// One fault of a request and its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "FieldFault"))]
pub(crate) struct FieldFault {
    /// The field, query parameter or header; `body` for the body as a whole.
    pub(crate) field: Cow<'static, str>,
    #[cfg_attr(test, schemars(with = "crate::openapi::kinds::FieldCodes"))]
    pub(crate) code: FieldCode,
    pub(crate) message: Cow<'static, str>,
}

impl FieldFault {
    pub(crate) fn new(
        field: impl Into<Cow<'static, str>>,
        code: impl Into<FieldCode>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), code: code.into(), message: message.into() }
    }
}

/// An error answer. The client gets `message` and `details`; the log gets `cause`.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Cow<'static, str>,
    pub(crate) details: Vec<FieldFault>,
    pub(crate) allow: Option<String>,
    pub(crate) retry_after_seconds: Option<u64>,
    /// Why the caller has no access, for metrics.
    pub(crate) denied: Option<AuthFailure>,
    pub(crate) cause: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self {
            kind,
            message,
            details: Vec::new(),
            allow: None,
            retry_after_seconds: None,
            denied: None,
            cause: None,
        }
    }

    /// The error of a caller without access.
    pub(crate) fn denied(
        kind: ErrorKind,
        denied: AuthFailure,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { denied: Some(denied), ..Self::new(kind, message) }
    }

    /// `VALIDATION_ERROR` with these faults.
    pub(crate) fn invalid(details: Vec<FieldFault>) -> Self {
        let message = match details.as_slice() {
            [one] => one.message.clone(),
            _ => format!("the request has {} faults: see details", details.len()).into(),
        };
        Self { details, ..Self::new(ErrorKind::Validation, message) }
    }

    /// `VALIDATION_ERROR` of one field, parameter or header.
    pub(crate) fn invalid_field(
        field: &'static str,
        code: FieldCode,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::invalid(vec![FieldFault::new(field, code, message)])
    }

    /// `VALIDATION_ERROR` of the body as a whole.
    pub(crate) fn invalid_body(code: FieldCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(vec![FieldFault::new("body", code, message)])
    }

    pub(crate) fn stream_not_found() -> Self {
        Self::new(ErrorKind::NotFound, "Stream not found")
    }
}

impl From<TooManySubscribers> for ApiError {
    fn from(refused: TooManySubscribers) -> Self {
        let message = "as many clients follow the feed as may: try again, or read pages without wait";
        let refused = Some(refused.into());
        Self { retry_after_seconds: Some(5), cause: refused, ..Self::new(ErrorKind::FeedFull, message) }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let (kind, message, retry_after_seconds) = match &error {
            StoreError::Overloaded => {
                (ErrorKind::Unavailable, "the server is overloaded: try again shortly", Some(1))
            }
            StoreError::Unavailable { .. } => {
                (ErrorKind::Unavailable, "storage is unavailable: try again", Some(5))
            }
            StoreError::Corrupt(_) => (
                ErrorKind::Internal,
                "this record cannot be read; the log has the cause under the request id",
                None,
            ),
            StoreError::Internal { .. } => {
                (ErrorKind::Internal, "internal error; the log has the cause under the request id", None)
            }
        };
        Self { retry_after_seconds, cause: Some(error.into()), ..Self::new(kind, message) }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ApiError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause: &(dyn Error + 'static) = self.cause.as_deref()?;
        Some(cause)
    }
}

/// The body is written by [`answer`](crate::answer), which knows the request id.
impl actix_web::ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.kind.status()
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.kind.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_upper_snake_and_distinct() {
        let field_codes = FieldCode::ALL.iter().map(|code| code.as_str());
        let codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).chain(field_codes).collect();
        for code in &codes {
            let upper = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            assert!(code.bytes().all(upper), "{code}");
            assert_eq!(codes.iter().filter(|other| other == &code).count(), 1, "{code}");
        }
    }

    #[test]
    fn an_overloaded_store_asks_for_a_retry() {
        let error = ApiError::from(StoreError::Overloaded);
        assert_eq!((error.kind, error.retry_after_seconds), (ErrorKind::Unavailable, Some(1)));
    }
}
