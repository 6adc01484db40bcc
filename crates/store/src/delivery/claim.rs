use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{OwnerSlots, Policy, RateLimit, claim as take, expire};
use jiff::{SignedDuration, Timestamp};

use super::queues::{Locked, reschedule};
use super::transaction::{DeliveryTransaction, StoredDelivery};
use super::{Claimed, ClaimedDelivery, Fence};

/// How long an endpoint waits that is due while its owner has as much in flight as it may.
const OWNER_WAIT: SignedDuration = SignedDuration::from_millis(100);

/// Claims due deliveries. Endpoints take turns: those that were served last come last, and each gets an equal share.
pub async fn claim<T: DeliveryTransaction>(
    transaction: &mut T,
    worker: &str,
    limit: u32,
    lease: SignedDuration,
    policy: &Policy,
    now: Timestamp,
) -> Result<Claimed, T::Fault> {
    let now = transaction.now(now).await?;
    let limit = limit.max(1);
    let endpoints = transaction.runnable_endpoints(now, limit).await?;
    if endpoints.is_empty() {
        let next_at = transaction.next_runnable().await?;
        return Ok(Claimed { next_at, ..Claimed::default() });
    }
    let ids: Vec<_> = endpoints.iter().map(|stored| stored.endpoint.id).collect();
    let share = limit / u32::try_from(ids.len()).unwrap_or(u32::MAX).max(1);
    let in_flight = transaction.in_flight(&ids, now).await?;
    let in_flight: BTreeMap<_, _> = in_flight.into_iter().map(|live| (live.endpoint, live)).collect();
    let owners: BTreeSet<_> = endpoints.iter().filter_map(|stored| stored.endpoint.owner.clone()).collect();
    let of_owners = match owners.is_empty() {
        true => BTreeMap::new(),
        false => transaction.in_flight_of_owners(&owners, now).await?,
    };
    let mut slots = OwnerSlots::new(of_owners, policy);
    let mut due: BTreeMap<_, Vec<StoredDelivery>> = BTreeMap::new();
    for stored in transaction.due_deliveries(&ids, now, share.max(1)).await? {
        due.entry(stored.delivery.endpoint).or_default().push(stored);
    }
    let (mut claimed, mut written, mut lost) = (Claimed::default(), Vec::new(), Vec::new());
    let (mut locked, mut full) = (Locked::new(), BTreeMap::new());
    for mut endpoint in endpoints {
        let id = endpoint.endpoint.id;
        let due = due.remove(&id).unwrap_or_default();
        let lease = lease.saturating_add(endpoint.endpoint.options.beyond(policy));
        let until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
        let live = in_flight.get(&id);
        let is_due = u32::try_from(due.len()).unwrap_or(u32::MAX);
        let owner = endpoint.endpoint.owner.as_deref();
        let wanted = slots.allow(owner, is_due);
        let rate = endpoint.endpoint.rate_limit.map(RateLimit);
        let leases = live.map_or(0, |live| live.leases);
        let allowance = endpoint.queue.allow(wanted, leases, rate, policy, until, now);
        if allowance.is_full {
            full.insert(id, live.map_or(until, |live| live.first_end.min(until)));
        } else if wanted < is_due && allowance.deliveries == wanted {
            full.insert(id, now.saturating_add(OWNER_WAIT).unwrap_or(now));
        }
        slots.take(owner, allowance.deliveries);
        if allowance.deliveries > 0 {
            claimed.endpoints.push(endpoint.endpoint.clone());
        }
        for (number, mut stored) in (0..).zip(due) {
            let delivery = &mut stored.delivery;
            let expired = expire(delivery, now);
            let is_lost = expired.is_some();
            lost.extend(expired.map(|attempt| (stored.sequence, attempt)));
            if number < allowance.deliveries {
                take(delivery, worker, until, now);
                let fence = Fence { delivery: delivery.id, endpoint: id, claim: delivery.claims };
                let attempt = delivery.attempts.saturating_add(1);
                claimed.deliveries.push(ClaimedDelivery { fence, delivery: delivery.clone(), attempt });
            } else if !is_lost {
                continue;
            }
            written.push(stored);
        }
        locked.insert(id, endpoint);
    }
    transaction.write_deliveries(&written).await?;
    transaction.insert_attempts(&lost).await?;
    reschedule(transaction, locked, &full, now).await?;
    claimed.next_at = transaction.next_runnable().await?;
    Ok(claimed)
}
