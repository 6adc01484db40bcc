//! `/api/webhooks/replays`: one operation, one file.

pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod view;

use fluxora_delivery::ReplayId;

use crate::error::{ApiError, ErrorKind};

const PATH: &str = "/api/webhooks/replays";

/// The replay that a path names. A text that is no id names no replay.
fn id(text: &str) -> Result<ReplayId, ApiError> {
    ReplayId::parse(&text.to_ascii_lowercase()).ok_or_else(not_found)
}

pub(super) fn not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "Replay not found")
}
