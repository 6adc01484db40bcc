use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{Breaker, Endpoint, EndpointId, EndpointQueue, EndpointState};
use jiff::Timestamp;

use super::queues::{lock, reschedule};
use super::transaction::DeliveryTransaction;
use super::{EndpointCreated, EndpointUpdate, EndpointUpdated, StateChange, StoredEndpoint};
use crate::StoreError;

/// Deliveries that one step cancels.
pub(super) const CANCELLED_AT_ONCE: u32 = 1_000;

/// Writes a new endpoint.
pub async fn create_endpoint<T: DeliveryTransaction>(
    transaction: &mut T,
    endpoint: &Endpoint,
    from_head: bool,
    most: u32,
) -> Result<EndpointCreated, T::Fault> {
    // Locked, so that no event is fanned out between the choice of the start and the commit.
    let cursor = transaction.fan_out_cursor().await?.sequence;
    if transaction.count_endpoints(endpoint.owner.as_deref()).await? >= most {
        return Ok(EndpointCreated::TooMany);
    }
    let mut endpoint = Endpoint { state: EndpointState::Active, version: 1, ..endpoint.clone() };
    if from_head {
        endpoint.start_sequence = transaction.head().await?;
    }
    let behind = Some(endpoint.start_sequence).filter(|start| *start < cursor);
    let mut stored = StoredEndpoint {
        sequence: fluxora_stream::Sequence(0),
        endpoint,
        queue: EndpointQueue::default(),
        behind,
        forgotten_to: fluxora_stream::Sequence(0),
        notices: Vec::new(),
    };
    let Some(sequence) = transaction.insert_endpoint(&stored).await? else {
        return Ok(EndpointCreated::Exists);
    };
    stored.sequence = sequence;
    Ok(EndpointCreated::Done(stored))
}

/// Changes the configuration of an endpoint.
pub async fn update_endpoint<T: DeliveryTransaction>(
    transaction: &mut T,
    update: &EndpointUpdate,
    now: Timestamp,
) -> Result<EndpointUpdated, T::Fault> {
    // Its lock comes before those of endpoints.
    transaction.fan_out_cursor().await?;
    let Some(mut stored) = lock_one(transaction, update.endpoint.id).await? else {
        return Ok(EndpointUpdated::NotFound);
    };
    if update.expected_version.is_some_and(|expected| expected != stored.endpoint.version) {
        return Ok(EndpointUpdated::Stale(stored));
    }
    let Endpoint {
        url,
        description,
        filter,
        headers,
        ordering,
        options,
        secrets,
        custom_headers,
        rate_limit,
        ..
    } = update.endpoint.clone();
    let before = stored.endpoint;
    let updated_at = before.updated_at.max(now);
    let version = before.version.saturating_add(1);
    stored.endpoint = Endpoint {
        url,
        description,
        filter,
        headers,
        ordering,
        options,
        secrets,
        custom_headers,
        rate_limit,
        updated_at,
        version,
        ..before
    };
    transaction.write_endpoint(&stored).await?;
    changed(transaction, stored, now).await
}

/// Pauses an endpoint, or resumes it with the deliveries that wait.
pub async fn change_endpoint_state<T: DeliveryTransaction>(
    transaction: &mut T,
    id: EndpointId,
    change: &StateChange,
    now: Timestamp,
) -> Result<EndpointUpdated, T::Fault> {
    let Some(mut stored) = lock_one(transaction, id).await? else { return Ok(EndpointUpdated::NotFound) };
    let state = change.of(&stored.endpoint.state, now);
    if state == stored.endpoint.state {
        return Ok(EndpointUpdated::Done(stored));
    }
    if state.is_active() {
        // What it did before is no reason to hold it again, but one attempt comes first.
        stored.queue = EndpointQueue {
            consecutive_failures: 0,
            failing_since: None,
            blocked_until: None,
            breaker: Breaker::Open { until: now, trips: 0, probe_until: None },
            ..stored.queue
        };
    }
    stored.endpoint.state = state;
    stored.endpoint.updated_at = stored.endpoint.updated_at.max(now);
    stored.endpoint.version = stored.endpoint.version.saturating_add(1);
    changed(transaction, stored, now).await
}

/// Cancels a bounded number of waiting deliveries of an endpoint. Returns whether there may be more.
pub async fn cancel_waiting<T: DeliveryTransaction>(
    transaction: &mut T,
    id: EndpointId,
    now: Timestamp,
) -> Result<bool, T::Fault> {
    let Some(mut stored) = lock_one(transaction, id).await? else { return Ok(false) };
    if stored.endpoint.state.is_active() {
        return Ok(false);
    }
    let mut waiting = transaction.waiting_deliveries(id, CANCELLED_AT_ONCE).await?;
    waiting.retain_mut(|waiting| waiting.delivery.cancel(&mut stored.queue, now));
    let more = u32::try_from(waiting.len()).is_ok_and(|cancelled| cancelled >= CANCELLED_AT_ONCE);
    transaction.write_deliveries(&waiting).await?;
    if !more {
        transaction.free_lanes(id).await?;
    }
    reschedule(transaction, BTreeMap::from([(id, stored)]), &BTreeMap::new(), now).await?;
    Ok(more)
}

/// Deletes an endpoint.
pub async fn delete_endpoint<T: DeliveryTransaction>(
    transaction: &mut T,
    id: EndpointId,
    now: Timestamp,
) -> Result<bool, T::Fault> {
    transaction.fan_out_cursor().await?;
    let found = lock_one(transaction, id).await?.is_some();
    if found {
        transaction.mark_deleted(id, now).await?;
    }
    Ok(found)
}

async fn lock_one<T: DeliveryTransaction>(
    transaction: &mut T,
    id: EndpointId,
) -> Result<Option<StoredEndpoint>, T::Fault> {
    Ok(lock(transaction, &BTreeSet::from([id])).await?.remove(&id))
}

/// Writes the queue of an endpoint that was changed, and reads the endpoint again.
async fn changed<T: DeliveryTransaction>(
    transaction: &mut T,
    stored: StoredEndpoint,
    now: Timestamp,
) -> Result<EndpointUpdated, T::Fault> {
    let id = stored.endpoint.id;
    reschedule(transaction, BTreeMap::from([(id, stored)]), &BTreeMap::new(), now).await?;
    let stored = lock_one(transaction, id).await?.ok_or_else(|| StoreError::Internal {
        reason: "an endpoint went away while it was locked".to_owned(),
        source: None,
    })?;
    Ok(EndpointUpdated::Done(stored))
}
