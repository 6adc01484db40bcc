//! One change of an endpoint's configuration: read, change, and write unless another request has changed it since.

use actix_web::HttpRequest;
use fluxora_delivery::{Endpoint, EndpointId};
use fluxora_store::delivery::{EndpointUpdate, EndpointUpdated, StoredEndpoint};
use jiff::Timestamp;

use crate::Api;
use crate::error::{ApiError, ErrorKind};
use crate::etag::Condition;
use crate::routes::webhooks::endpoint_not_found;

/// How often a change is tried while others change the same endpoint.
const TRIES: u32 = 5;

/// Changes an endpoint. `change` returns whether there is anything to write; it may be called again with a newer version.
///
/// # Errors
/// `NOT_FOUND`; `PRECONDITION_FAILED`; `CONFLICT` if others kept changing it; those of `change`.
pub(super) async fn change(
    api: &Api,
    request: &HttpRequest,
    id: EndpointId,
    condition: &Condition,
    now: Timestamp,
    mut change: impl FnMut(&mut Endpoint) -> Result<bool, ApiError>,
) -> Result<StoredEndpoint, ApiError> {
    for _ in 0..TRIES {
        let stored = api.store().endpoint(id).await?.ok_or_else(endpoint_not_found)?;
        condition.check(stored.endpoint.version)?;
        let mut endpoint = stored.endpoint.clone();
        if !change(&mut endpoint)? {
            return Ok(stored);
        }
        let expected_version = Some(stored.endpoint.version);
        let update = EndpointUpdate { endpoint, expected_version };
        match api.audited(request, &id)?.update_endpoint(update, now).await? {
            EndpointUpdated::Done(stored) => return Ok(stored),
            EndpointUpdated::Stale(stored) if condition.is_bound() => {
                condition.check(stored.endpoint.version)?;
            }
            EndpointUpdated::Stale(_) => {}
            EndpointUpdated::NotFound => return Err(endpoint_not_found()),
        }
    }
    Err(ApiError::new(ErrorKind::Conflict, "others change this endpoint at the same time: try again"))
}
