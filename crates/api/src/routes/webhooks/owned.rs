//! Which webhooks a caller sees. A partner has its own; those of others do not exist for it. Owners never change, so they are read
//! before the transaction of a change.

use actix_web::HttpRequest;
use fluxora_auth::Name;
use fluxora_delivery::{DeliveryId, EndpointId, ReplayId};

use super::{deliveries, endpoint_not_found, replays};
use crate::Api;
use crate::access::principal;
use crate::error::ApiError;
use crate::field_code::FieldCode;
use crate::query::Query;

/// The partner that the caller is; `None` for a caller that sees everything.
pub(super) fn owner(request: &HttpRequest) -> Option<Name> {
    principal(request).owner().cloned()
}

/// The owner that a list is restricted to: that of the caller, or the one that the parameter `owner` names.
pub(super) fn filter(request: &HttpRequest, query: &mut Query) -> Option<Option<String>> {
    let needed = "1 to 128 visible ASCII characters";
    let asked: Option<Name> =
        query.parsed("owner", FieldCode::InvalidValue, needed, |text| text.parse().ok());
    let restricted = match (owner(request), asked) {
        // An owner without a name: there is none.
        (Some(own), Some(asked)) if own != asked => String::new(),
        (Some(owner), _) | (None, Some(owner)) => owner.to_string(),
        (None, None) => return None,
    };
    Some(Some(restricted))
}

/// Checks that the caller sees an endpoint.
///
/// # Errors
/// `NOT_FOUND` if it is another partner's.
pub(super) async fn endpoint(api: &Api, request: &HttpRequest, id: EndpointId) -> Result<(), ApiError> {
    if sees(api, request, id).await? { Ok(()) } else { Err(endpoint_not_found()) }
}

/// Checks that the caller sees a delivery.
///
/// # Errors
/// `NOT_FOUND` if it is another partner's.
pub(super) async fn delivery(api: &Api, request: &HttpRequest, id: DeliveryId) -> Result<(), ApiError> {
    let Some(owner) = owner(request) else { return Ok(()) };
    let listed = api.store().delivery(id).await?;
    let is_own = listed.is_some_and(|listed| listed.owner.as_deref() == Some(owner.as_str()));
    if is_own { Ok(()) } else { Err(deliveries::not_found()) }
}

/// Checks that the caller sees a replay.
///
/// # Errors
/// `NOT_FOUND` if it is another partner's.
pub(super) async fn replay(api: &Api, request: &HttpRequest, id: ReplayId) -> Result<(), ApiError> {
    if owner(request).is_none() {
        return Ok(());
    }
    let replay = api.store().replay_job(id).await?.ok_or_else(replays::not_found)?;
    if sees(api, request, replay.endpoint).await? { Ok(()) } else { Err(replays::not_found()) }
}

async fn sees(api: &Api, request: &HttpRequest, id: EndpointId) -> Result<bool, ApiError> {
    let Some(owner) = owner(request) else { return Ok(true) };
    let found = api.store().endpoint_owner(id).await?.flatten();
    Ok(found.as_deref() == Some(owner.as_str()))
}
