use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{EndpointId, RateLimit};
use jiff::Timestamp;

use super::{DeliveryTransaction, StoredEndpoint};

/// Endpoints that a transaction has locked, by id.
pub(super) type Locked = BTreeMap<EndpointId, StoredEndpoint>;

/// Locks endpoints. Those that are deleted are left out.
pub(super) async fn lock<T: DeliveryTransaction>(
    transaction: &mut T,
    ids: &BTreeSet<EndpointId>,
) -> Result<Locked, T::Fault> {
    if ids.is_empty() {
        return Ok(Locked::new());
    }
    let endpoints = transaction.lock_endpoints(ids).await?;
    Ok(endpoints.into_iter().map(|stored| (stored.endpoint.id, stored)).collect())
}

/// Finds out when each endpoint may be served next, after its deliveries were written, and writes its queue.
///
/// `full` has the endpoints that wait for the end of an attempt, with the instant at which a lost one is noticed.
pub(super) async fn reschedule<T: DeliveryTransaction>(
    transaction: &mut T,
    mut endpoints: Locked,
    full: &BTreeMap<EndpointId, Timestamp>,
    now: Timestamp,
) -> Result<(), T::Fault> {
    if endpoints.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = endpoints.keys().copied().collect();
    let claimable: BTreeMap<_, _> = transaction.claimable_at(&ids).await?.into_iter().collect();
    for (id, stored) in &mut endpoints {
        let at = full.get(id).or_else(|| claimable.get(id)).copied();
        let rate = stored.endpoint.rate_limit.map(RateLimit);
        stored.queue.reschedule(&stored.endpoint.state, at, rate, now);
    }
    let endpoints: Vec<_> = endpoints.into_values().collect();
    transaction.write_queues(&endpoints).await
}
