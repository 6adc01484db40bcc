use actix_web::http::header::{HeaderMap, HeaderName};
use fluxora_store::IdempotencyKey;

use crate::error::{ApiError, FieldFault};
use crate::field_code::FieldCode;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The idempotency key of a request, if it has one.
///
/// # Errors
/// `INVALID_KEY` if it is not 1 to 128 visible ASCII characters, or there are several.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    let mut keys = headers.get_all(&IDEMPOTENCY_KEY);
    let Some(first) = keys.next() else { return Ok(None) };
    let refused = |message: String| {
        ApiError::invalid(vec![FieldFault::new(
            IDEMPOTENCY_KEY.as_str().to_owned(),
            FieldCode::InvalidKey,
            message,
        )])
    };
    if keys.next().is_some() {
        return Err(refused("send one Idempotency-Key".to_owned()));
    }
    let text = first.to_str().unwrap_or_default();
    IdempotencyKey::parse(text).map(Some).map_err(|error| refused(error.to_string()))
}
