//! `/api/streams`: one operation, one file.

pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod explain;
pub(crate) mod list;
pub(crate) mod read;
pub(crate) mod segments;

use fluxora_stream::StreamId;

use crate::doc::{self, Parameter};
use crate::error::ApiError;

pub(super) const ID: Parameter = doc::path(
    "id",
    "The id of a stream: a UUID, or `<contractId>-<streamId>` for a chain stream",
    "01930000-0000-7000-8000-000000000001",
);

/// The stream that a path names. The letters of a UUID may be capitals; those of a contract are. A text that is no id names no
/// stream.
pub(super) fn id(text: &str) -> Result<StreamId, ApiError> {
    let uuid = || StreamId::parse(&text.to_ascii_lowercase());
    StreamId::parse(text).or_else(uuid).ok_or_else(ApiError::stream_not_found)
}
