//! `/api/streams`: one endpoint, one file.

pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod read;

use fluxora_stream::StreamId;

use crate::doc::{self, Parameter};
use crate::error::ApiError;

const ID: Parameter = doc::path(
    "id",
    "The id of a stream: a UUID, or `<contractId>-<streamId>` for a chain stream",
    "01930000-0000-7000-8000-000000000001",
);

/// The stream a path names; a text that no stream can have as its id is simply not found.
fn id(text: &str) -> Result<StreamId, ApiError> {
    StreamId::parse(text).ok_or_else(ApiError::stream_not_found)
}
