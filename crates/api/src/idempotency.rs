use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName};
use fluxora_auth::Name;
use fluxora_store::IdempotencyKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{ApiError, ErrorKind, FieldFault};
use crate::field_code::FieldCode;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks a response that repeats a stored one.
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

/// What keys of an operation belong to: the operation, and the partner that calls it. A partner does not get the response that was
/// stored for another one. Stored: it never changes.
pub(crate) fn scope(operation: &str, owner: Option<&Name>) -> String {
    match owner {
        None => operation.to_owned(),
        Some(owner) => format!("{operation} by {owner}"),
    }
}

/// The id of what a request with a key creates: a UUID of version 8 that depends on nothing else, so that a repeated request names
/// what the first one created. Stored: it never changes.
pub(crate) fn id_of(scope: &str, owner: Option<&str>, key: &IdempotencyKey) -> Uuid {
    // FNV-1a, 128 bits. The parts cannot run into each other: a key is visible ASCII.
    let parts = [scope.as_bytes(), owner.unwrap_or_default().as_bytes(), key.as_str().as_bytes()];
    let text = parts.join(&0);
    let hash = text.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash: u128, byte| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    uuid::Builder::from_custom_bytes(hash.to_be_bytes()).into_uuid()
}

/// The refusal of a key that belongs to another request.
pub(crate) fn reused() -> ApiError {
    ApiError::new(
        ErrorKind::IdempotencyKeyReused,
        "this Idempotency-Key was used for another request: use a separate key for each request",
    )
}

/// A response as it is stored for repetitions of its request: a JSON object. Stored records of every version have this form, so a field may
/// be added and none renamed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedResponse {
    pub(crate) status: u16,
    pub(crate) location: String,
    /// The JSON text of the body.
    pub(crate) body: String,
}

impl SavedResponse {
    /// The bytes to store.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, ApiError> {
        serde_json::to_vec(self).map_err(|error| broken("the response could not be stored", error))
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// `INTERNAL_ERROR` if they are not of this form.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ApiError> {
        serde_json::from_slice(bytes).map_err(|error| broken(UNREADABLE, error))
    }

    /// The response to send; `replayed` if it was sent before.
    pub(crate) fn respond(self, replayed: bool) -> Result<HttpResponse, ApiError> {
        let status = StatusCode::from_u16(self.status).map_err(|error| broken(UNREADABLE, error))?;
        let mut response = HttpResponse::build(status);
        response.insert_header((header::LOCATION, self.location)).content_type("application/json");
        if replayed {
            response.insert_header((IDEMPOTENCY_REPLAYED, "true"));
        }
        Ok(response.body(self.body))
    }
}

const UNREADABLE: &str = "the stored response cannot be read";

fn broken(message: &'static str, error: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError { cause: Some(error.into()), ..ApiError::new(ErrorKind::Internal, message) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_response_reads_back_and_keeps_its_form() {
        let saved = SavedResponse { status: 201, location: "/a".to_owned(), body: r#"{"n":"1"}"#.to_owned() };
        let bytes = br#"{"status":201,"location":"/a","body":"{\"n\":\"1\"}"}"#;
        assert_eq!(saved.encode().unwrap(), bytes);
        assert_eq!(SavedResponse::decode(bytes).unwrap(), saved);
    }

    #[test]
    fn a_scope_names_the_operation_and_the_partner() {
        assert_eq!(scope("POST /a", None), "POST /a");
        assert_eq!(scope("POST /a", Some(&"acme".parse().unwrap())), "POST /a by acme");
    }

    #[test]
    fn an_id_depends_on_scope_owner_and_key_and_never_changes() {
        let key = |text| IdempotencyKey::parse(text).unwrap();
        let id = id_of("POST /a", None, &key("order-7"));
        assert_eq!(id.to_string(), "93208049-1bdc-8d0f-8e15-beb64bbaeec3");
        for other in [
            id_of("POST /b", None, &key("order-7")),
            id_of("POST /a", Some("acme"), &key("order-7")),
            id_of("POST /a", None, &key("order-8")),
        ] {
            assert_ne!(other, id);
        }
    }

    /// Migration V4 of PostgreSQL writes white space between the parts.
    #[test]
    fn a_response_rewritten_by_a_migration_is_read() {
        let saved = SavedResponse::decode(br#"{"status" : 201, "location" : "/a", "body" : "{}"}"#).unwrap();
        assert_eq!((saved.status, saved.location.as_str(), saved.body.as_str()), (201, "/a", "{}"));
    }

    #[test]
    fn bytes_that_are_no_saved_response_are_an_internal_error() {
        for bytes in [&b""[..], b"{}", br#"{"status":"201","location":"","body":""}"#] {
            assert_eq!(SavedResponse::decode(bytes).unwrap_err().kind, ErrorKind::Internal);
        }
        let saved = SavedResponse { status: 7, location: String::new(), body: String::new() };
        assert_eq!(saved.respond(true).unwrap_err().kind, ErrorKind::Internal);
    }
}
