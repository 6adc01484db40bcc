use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{DeliveryId, DeliveryState, Ordering, Replay, ReplayId, ReplayState};
use jiff::Timestamp;

use super::queues::{lock, reschedule};
use super::transaction::{DeliveryTransaction, Lane, StoredDelivery};
use super::{StartReplay, StoredEndpoint};
use crate::StoreError;

/// Sends one settled delivery again. Returns whether it is sent; `None` if there is no such delivery or its endpoint is deleted.
pub async fn replay<T: DeliveryTransaction>(
    transaction: &mut T,
    id: DeliveryId,
    now: Timestamp,
) -> Result<Option<bool>, T::Fault> {
    let now = transaction.now(now).await?;
    let Some(found) = transaction.deliveries(&[id]).await?.into_iter().next() else { return Ok(None) };
    let endpoint = found.delivery.endpoint;
    let Some(mut stored) = lock(transaction, &BTreeSet::from([endpoint])).await?.remove(&endpoint) else {
        return Ok(None);
    };
    // As it is under the lock.
    let Some(delivery) = transaction.deliveries(&[id]).await?.into_iter().next() else { return Ok(None) };
    let replayed = send_again(transaction, &mut stored, vec![delivery], now).await?;
    reschedule(transaction, BTreeMap::from([(endpoint, stored)]), &BTreeMap::new(), now).await?;
    Ok(Some(replayed == 1))
}

/// Begins a replay job, and returns it with whether it is new. One that has begun under the id is returned as it is.
pub async fn start<T: DeliveryTransaction>(
    transaction: &mut T,
    start: &StartReplay,
    now: Timestamp,
) -> Result<Option<(Replay, bool)>, T::Fault> {
    let now = transaction.now(now).await?;
    if lock(transaction, &BTreeSet::from([start.endpoint])).await?.is_empty() {
        return Ok(None);
    }
    if let Some(begun) = transaction.lock_replay(start.id).await? {
        return Ok(Some((begun, false)));
    }
    let replay = Replay {
        id: start.id,
        endpoint: start.endpoint,
        filter: start.filter.clone(),
        state: ReplayState::Running,
        created_at: now,
        finished_at: None,
        cursor: fluxora_stream::Sequence(0),
        upto: transaction.newest_delivery().await?,
        total: transaction.count_to_replay(start.endpoint, &start.filter).await?,
        replayed: 0,
    };
    if transaction.insert_replay(&replay).await? {
        return Ok(Some((replay, true)));
    }
    // Another transaction began one under the id for another endpoint, whose lock this one does not hold.
    let begun = transaction.lock_replay(start.id).await?.ok_or_else(|| StoreError::Internal {
        reason: "a replay went away after its id was taken".to_owned(),
        source: None,
    })?;
    Ok(Some((begun, false)))
}

/// One step of the oldest running job.
pub async fn run<T: DeliveryTransaction>(
    transaction: &mut T,
    limit: u32,
    now: Timestamp,
) -> Result<Option<Replay>, T::Fault> {
    let now = transaction.now(now).await?;
    let Some(mut replay) = transaction.lock_running_replay().await? else { return Ok(None) };
    let (id, limit) = (replay.endpoint, limit.max(1));
    let endpoint = lock(transaction, &BTreeSet::from([id])).await?.remove(&id);
    let mut is_last = true;
    if let Some(mut stored) = endpoint {
        let page = transaction.deliveries_between(id, replay.cursor, replay.upto, limit).await?;
        is_last = u32::try_from(page.len()).is_ok_and(|read| read < limit);
        replay.cursor = page.last().map_or(replay.upto, |last| last.sequence);
        let matching = page.into_iter().filter(|stored| replay.filter.matches(&stored.delivery)).collect();
        let replayed = send_again(transaction, &mut stored, matching, now).await?;
        replay.replayed = replay.replayed.saturating_add(replayed);
        reschedule(transaction, BTreeMap::from([(id, stored)]), &BTreeMap::new(), now).await?;
    }
    if is_last {
        replay.state = ReplayState::Done;
        replay.finished_at = Some(now);
    }
    transaction.write_replay(&replay).await?;
    Ok(Some(replay))
}

/// Ends a job.
pub async fn cancel<T: DeliveryTransaction>(
    transaction: &mut T,
    id: ReplayId,
    now: Timestamp,
) -> Result<Option<Replay>, T::Fault> {
    let now = transaction.now(now).await?;
    let Some(mut replay) = transaction.lock_replay(id).await? else { return Ok(None) };
    if replay.state == ReplayState::Running {
        replay.state = ReplayState::Cancelled;
        replay.finished_at = Some(now);
        transaction.write_replay(&replay).await?;
    }
    Ok(Some(replay))
}

/// Makes deliveries of one endpoint pending again and gives each its place in its lane: the earliest event that is not settled has the
/// turn, unless a later one is in flight. Without an order each is due at once. Returns how many.
async fn send_again<T: DeliveryTransaction>(
    transaction: &mut T,
    endpoint: &mut StoredEndpoint,
    deliveries: Vec<StoredDelivery>,
    now: Timestamp,
) -> Result<u64, T::Fault> {
    let lane =
        |stored: &StoredDelivery| Lane { endpoint: stored.delivery.endpoint, stream: stored.delivery.stream };
    let lanes = deliveries.iter().map(lane).collect();
    let turns = transaction.lane_turns(&lanes).await?;
    let mut turns: BTreeMap<_, _> = turns.into_iter().map(|stored| (lane(&stored), stored)).collect();
    let mut written = BTreeMap::new();
    let mut replayed = 0_u64;
    for mut stored in deliveries {
        if !stored.delivery.replay(&mut endpoint.queue) {
            continue;
        }
        replayed = replayed.saturating_add(1);
        if endpoint.endpoint.ordering == Ordering::None {
            stored.delivery.state = DeliveryState::Pending { due_at: Some(now) };
            written.insert(stored.sequence, stored);
            continue;
        }
        let lane = lane(&stored);
        let turn = turns.get(&lane);
        let is_first = turn.is_none_or(|turn| {
            matches!(turn.delivery.state, DeliveryState::Pending { .. })
                && stored.delivery.sequence < turn.delivery.sequence
        });
        if is_first {
            stored.delivery.state = DeliveryState::Pending { due_at: Some(now) };
            if let Some(mut other) = turns.insert(lane, stored.clone()) {
                other.delivery.state = DeliveryState::Pending { due_at: None };
                written.insert(other.sequence, other);
            }
        }
        written.insert(stored.sequence, stored);
    }
    let written: Vec<_> = written.into_values().collect();
    transaction.write_deliveries(&written).await?;
    Ok(replayed)
}
