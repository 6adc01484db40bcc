use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{DeliveryId, DeliveryState, Policy, release as give_back, settle as decide};
use jiff::Timestamp;

use super::queues::{lock, reschedule};
use super::transaction::{DeliveryTransaction, Lane, StoredDelivery};
use super::{Fence, SettleOutcome, Settlement};

/// Records results of attempts.
pub async fn settle<T: DeliveryTransaction>(
    transaction: &mut T,
    settlements: &[Settlement],
    policy: &Policy,
    now: Timestamp,
) -> Result<Vec<SettleOutcome>, T::Fault> {
    let now = transaction.now(now).await?;
    let mut locked =
        lock(transaction, &settlements.iter().map(|settlement| settlement.fence.endpoint).collect()).await?;
    let fences: Vec<_> = settlements.iter().map(|settlement| settlement.fence).collect();
    let mut deliveries = claimed_under(transaction, &fences).await?;
    let mut outcomes = Vec::with_capacity(settlements.len());
    let (mut written, mut attempts) = (Vec::new(), Vec::new());
    for Settlement { fence, result, jitter } in settlements {
        let outcome = match (locked.get_mut(&fence.endpoint), deliveries.remove(&fence.delivery)) {
            (Some(endpoint), Some(mut stored)) if is_valid(*fence, &stored) => {
                let (queue, state) = (&mut endpoint.queue, &mut endpoint.endpoint.state);
                let policy = policy.of(&endpoint.endpoint.options);
                let settled =
                    decide(queue, state, &mut stored.delivery, result.clone(), *jitter, &policy, now);
                settled.map(|settled| {
                    if settled.held.is_some() {
                        endpoint.endpoint.updated_at = endpoint.endpoint.updated_at.max(now);
                        endpoint.endpoint.version = endpoint.endpoint.version.saturating_add(1);
                    }
                    attempts.push((stored.sequence, settled.attempt));
                    let delivery = stored.delivery.clone();
                    written.push(stored);
                    SettleOutcome::Recorded { delivery, held: settled.held, failing_for: settled.failing_for }
                })
            }
            _ => None,
        };
        outcomes.push(outcome.unwrap_or(SettleOutcome::Stale));
    }
    if !written.is_empty() {
        transaction.write_deliveries(&written).await?;
        transaction.insert_attempts(&attempts).await?;
        pass_turns(transaction, &written, now).await?;
        reschedule(transaction, locked, &BTreeMap::new(), now).await?;
    }
    Ok(outcomes)
}

/// Gives claims back.
pub async fn release<T: DeliveryTransaction>(
    transaction: &mut T,
    fences: &[Fence],
    now: Timestamp,
) -> Result<u64, T::Fault> {
    let now = transaction.now(now).await?;
    let mut locked = lock(transaction, &fences.iter().map(|fence| fence.endpoint).collect()).await?;
    let mut deliveries = claimed_under(transaction, fences).await?;
    let mut written = Vec::new();
    for fence in fences {
        if let Some(endpoint) = locked.get_mut(&fence.endpoint)
            && let Some(mut stored) = deliveries.remove(&fence.delivery)
            && is_valid(*fence, &stored)
        {
            give_back(&mut endpoint.queue, &mut stored.delivery, now);
            written.push(stored);
        }
    }
    if !written.is_empty() {
        transaction.write_deliveries(&written).await?;
        pass_turns(transaction, &written, now).await?;
        reschedule(transaction, locked, &BTreeMap::new(), now).await?;
    }
    Ok(u64::try_from(written.len()).unwrap_or(u64::MAX))
}

async fn claimed_under<T: DeliveryTransaction>(
    transaction: &mut T,
    fences: &[Fence],
) -> Result<BTreeMap<DeliveryId, StoredDelivery>, T::Fault> {
    let ids: BTreeSet<_> = fences.iter().map(|fence| fence.delivery).collect();
    let ids: Vec<_> = ids.into_iter().collect();
    let deliveries = transaction.deliveries(&ids).await?;
    Ok(deliveries.into_iter().map(|stored| (stored.delivery.id, stored)).collect())
}

/// Whether a claim holds: also after the end of its lease, as long as nobody else has claimed the delivery.
fn is_valid(fence: Fence, StoredDelivery { delivery, .. }: &StoredDelivery) -> bool {
    delivery.endpoint == fence.endpoint
        && delivery.claims == fence.claim
        && matches!(delivery.state, DeliveryState::InFlight(_))
}

/// Gives the turn of each lane to its first delivery that is not settled. `written` had the turns until now.
async fn pass_turns<T: DeliveryTransaction>(
    transaction: &mut T,
    written: &[StoredDelivery],
    now: Timestamp,
) -> Result<(), T::Fault> {
    let lane =
        |stored: &StoredDelivery| Lane { endpoint: stored.delivery.endpoint, stream: stored.delivery.stream };
    let lanes: BTreeSet<_> = written.iter().map(lane).collect();
    let mut changed = Vec::new();
    for mut head in transaction.lane_heads(&lanes).await? {
        if !matches!(head.delivery.state, DeliveryState::Pending { due_at: None }) {
            continue;
        }
        // A delivery that is retried waits behind an earlier one that was replayed meanwhile.
        for other in
            written.iter().filter(|other| lane(other) == lane(&head) && !other.delivery.state.is_settled())
        {
            let mut other = other.clone();
            other.delivery.state = DeliveryState::Pending { due_at: None };
            changed.push(other);
        }
        head.delivery.state = DeliveryState::Pending { due_at: Some(now) };
        changed.push(head);
    }
    transaction.write_deliveries(&changed).await
}
