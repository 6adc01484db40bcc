//! `/api/admin/keys`: one operation, one file.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod revoke;
pub(crate) mod rotate;
pub(crate) mod view;

use fluxora_auth::{KeyId, KeySecret};

use crate::Api;
use crate::doc::{self, Parameter};
use crate::error::{ApiError, ErrorKind};

const PATH: &str = "/api/admin/keys";
const ID: Parameter = doc::path("id", "A UUID", "01930000-0000-7000-8000-000000000001");

/// The key that a path names. A text that is no id names no key.
fn id(text: &str) -> Result<KeyId, ApiError> {
    KeyId::parse(&text.to_ascii_lowercase()).ok_or_else(not_found)
}

fn not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "API key not found")
}

/// A new secret.
///
/// # Errors
/// `INTERNAL_ERROR` if the operating system gives no random bytes.
fn new_secret(api: &Api) -> Result<KeySecret, ApiError> {
    let bytes = api.next_secret();
    let failed = || ApiError::new(ErrorKind::Internal, "the operating system gave no random bytes");
    bytes.map(KeySecret::new).ok_or_else(failed)
}
