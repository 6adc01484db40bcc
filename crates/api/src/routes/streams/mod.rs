//! `/api/streams`: one endpoint, one file.

mod cancel;
mod create;
mod events;
mod list;
mod read;

pub(super) use cancel::cancel;
pub(super) use create::create;
pub(super) use events::events;
pub(super) use list::list;
pub(super) use read::read;

use fluxora_stream::StreamId;

use crate::error::ApiError;

/// The stream a path names; a text that no stream can have as its id is simply not found.
fn id(text: &str) -> Result<StreamId, ApiError> {
    StreamId::parse(text).ok_or_else(ApiError::stream_not_found)
}
