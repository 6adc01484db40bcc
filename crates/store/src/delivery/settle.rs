use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{
    DeliveryId, DeliveryState, Notice, OnDead, Ordering, Policy, release as give_back, settle as decide,
};
use jiff::Timestamp;

use super::queues::{Locked, lock, reschedule};
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
                let policy = policy.of(&endpoint.endpoint);
                let (queue, state) = (&mut endpoint.queue, &mut endpoint.endpoint.state);
                let settled =
                    decide(queue, state, &mut stored.delivery, result.clone(), *jitter, &policy, now);
                settled.map(|settled| {
                    let notice = Notice::of(&settled, endpoint.queue.failing_since, now);
                    endpoint.notices.extend(notice.map(|notice| notice.after(&endpoint.notices)));
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
        pass_turns(transaction, &locked, &written, now).await?;
        for endpoint in locked.values().filter(|endpoint| !endpoint.notices.is_empty()) {
            transaction.write_notices(endpoint).await?;
        }
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
        pass_turns(transaction, &locked, &written, now).await?;
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

/// Lets a lane go on that a delivery holds up. Returns whether it did; `None` if there is no such delivery or its endpoint is deleted.
pub async fn skip<T: DeliveryTransaction>(
    transaction: &mut T,
    id: DeliveryId,
    now: Timestamp,
) -> Result<Option<bool>, T::Fault> {
    let now = transaction.now(now).await?;
    let Some(found) = transaction.deliveries(&[id]).await?.into_iter().next() else { return Ok(None) };
    let endpoint = found.delivery.endpoint;
    let locked = lock(transaction, &BTreeSet::from([endpoint])).await?;
    // As it is under the lock.
    let Some(mut stored) = transaction.deliveries(&[id]).await?.into_iter().next() else { return Ok(None) };
    if locked.is_empty() {
        return Ok(None);
    }
    let lanes = BTreeSet::from([lane(&stored)]);
    let is_ordered = locked.values().any(|endpoint| endpoint.endpoint.ordering == Ordering::Stream);
    let holds_up = match stored.delivery.is_in_lane() {
        true => is_ordered && has_turn(transaction, &stored, now).await?,
        false => is_ordered || stored.delivery.state.is_settled(),
    };
    if !holds_up || !stored.delivery.skip(now) {
        return Ok(Some(false));
    }
    transaction.write_deliveries(&[stored]).await?;
    let block = transaction.lane_blocks(&lanes, now).await?.into_values().max();
    let mut heads = transaction.lane_heads(&lanes).await?;
    // One that was attempted waits for its next attempt.
    heads.retain(|head| {
        let is_pending = matches!(head.delivery.state, DeliveryState::Pending { .. });
        is_pending
            && (head.delivery.first_attempt_at.is_none() || head.delivery.state.claimable_at().is_none())
    });
    for head in &mut heads {
        head.delivery.state = DeliveryState::Pending { due_at: Some(block.unwrap_or(now)) };
    }
    transaction.write_deliveries(&heads).await?;
    reschedule(transaction, locked, &BTreeMap::new(), now).await?;
    Ok(Some(true))
}

/// Whether a delivery has the turn of its lane, and does not wait for the end of a block.
async fn has_turn<T: DeliveryTransaction>(
    transaction: &mut T,
    stored: &StoredDelivery,
    now: Timestamp,
) -> Result<bool, T::Fault> {
    let lanes = BTreeSet::from([lane(stored)]);
    let turn = transaction.lane_turns(&lanes).await?.into_iter().next();
    let delivery = &stored.delivery;
    if turn.is_none_or(|turn| turn.delivery.id != delivery.id) {
        return Ok(false);
    }
    let waits = match delivery.state {
        DeliveryState::Pending { due_at: Some(due_at) } => {
            delivery.first_attempt_at.is_none() && due_at > now
        }
        _ => false,
    };
    Ok(!waits || transaction.lane_blocks(&lanes, now).await?.is_empty())
}

const fn lane(stored: &StoredDelivery) -> Lane {
    Lane { endpoint: stored.delivery.endpoint, stream: stored.delivery.stream }
}

/// Gives the turn of each lane to its first delivery, at once or when what blocks the lane ends. `written` had the turns until now.
async fn pass_turns<T: DeliveryTransaction>(
    transaction: &mut T,
    locked: &Locked,
    written: &[StoredDelivery],
    now: Timestamp,
) -> Result<(), T::Fault> {
    let lanes: BTreeSet<_> = written.iter().map(lane).collect();
    let mut heads = transaction.lane_heads(&lanes).await?;
    heads.retain(|head| matches!(head.delivery.state, DeliveryState::Pending { due_at: None }));
    let mut blocked: BTreeSet<_> = heads.iter().map(lane).collect();
    blocked.retain(|blocked| {
        let has_left = |one: &StoredDelivery| one.delivery.blocks_until.is_some() && lane(one) == *blocked;
        locked.get(&blocked.endpoint).is_some_and(|stored| stored.endpoint.options.on_dead == OnDead::Block)
            || written.iter().any(has_left)
    });
    let blocks = transaction.lane_blocks(&blocked, now).await?;
    let mut changed = Vec::new();
    for mut head in heads {
        // A delivery that is retried waits behind an earlier one that was replayed meanwhile.
        for other in written.iter().filter(|other| lane(other) == lane(&head) && other.delivery.is_in_lane())
        {
            let mut other = other.clone();
            other.delivery.state = DeliveryState::Pending { due_at: None };
            changed.push(other);
        }
        let due_at = blocks.get(&lane(&head)).copied().unwrap_or(now);
        head.delivery.state = DeliveryState::Pending { due_at: Some(due_at) };
        changed.push(head);
    }
    transaction.write_deliveries(&changed).await
}
