//! `/api/webhooks`: one operation, one file.

pub(crate) mod deliveries;
pub(crate) mod endpoints;
mod fields;
mod filter;
mod owned;
pub(crate) mod replays;

use fluxora_delivery::EndpointId;

use crate::doc::{self, Parameter};
use crate::error::{ApiError, ErrorKind};
use crate::field_code::FieldCode;
use crate::query::Query;

const ID: Parameter = doc::path("id", "A UUID", "01930000-0000-7000-8000-000000000001");
const ENDPOINT: Parameter =
    doc::query("endpointId", "Those of this endpoint", "01930000-0000-7000-8000-000000000001");
const OWNER: Parameter =
    doc::query("owner", "Those of this partner. A partner sees its own in any case", "acme");
const IDEMPOTENCY_KEY: Parameter = doc::header(
    "Idempotency-Key",
    "1 to 128 visible ASCII characters. The same key with the same request creates nothing twice",
    "order-7",
);

/// The endpoint that a path names. A text that is no id names no endpoint.
fn endpoint_id(text: &str) -> Result<EndpointId, ApiError> {
    EndpointId::parse(&text.to_ascii_lowercase()).ok_or_else(endpoint_not_found)
}

fn endpoint_not_found() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "Webhook endpoint not found")
}

/// The parameter `endpointId`.
fn endpoint_parameter(query: &mut Query) -> Option<EndpointId> {
    query.parsed("endpointId", FieldCode::InvalidValue, "the id of an endpoint", |text| {
        EndpointId::parse(&text.to_ascii_lowercase())
    })
}
