//! Pausing and resuming.

use actix_web::{HttpRequest, HttpResponse};
use fluxora_store::delivery::{EndpointUpdated, StateChange};

use super::view::answer;
use crate::Api;
use crate::error::ApiError;
use crate::routes::webhooks::{endpoint_id, endpoint_not_found, owned};

/// Changes the state of the endpoint that a path names.
pub(super) async fn change_state(
    api: &Api,
    request: &HttpRequest,
    path: &str,
    change: StateChange,
) -> Result<HttpResponse, ApiError> {
    let webhooks = api.webhooks()?;
    let now = api.now();
    let id = endpoint_id(path)?;
    owned::endpoint(api, request, id).await?;
    match api.audited(request, &id)?.change_endpoint_state(id, change, now).await? {
        EndpointUpdated::Done(stored) | EndpointUpdated::Stale(stored) => {
            Ok(answer(&mut HttpResponse::Ok(), &stored, None, webhooks.sender.keyring(), now))
        }
        EndpointUpdated::NotFound => Err(endpoint_not_found()),
    }
}
