use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{
    DeadReason, Delivery, DeliveryId, DeliveryState, EndpointId, MAX_BODY_BYTES, Ordering, body,
};
use fluxora_stream::{LoggedEvent, Sequence, StreamId};
use jiff::Timestamp;

use super::follower_cache::{Follower, FollowerCache};
use super::queues::{lock, reschedule};
use super::transaction::{DeliveryTransaction, EventToFanOut, FanOutCursor, Lane};
use super::{FannedOut, StoredEndpoint};
use crate::StoreError;

/// Deliveries that one step writes, unless a single event has more endpoints.
const MOST_DELIVERIES: usize = 5_000;

/// An event and the endpoint that gets it.
struct Match<'e> {
    logged: &'e LoggedEvent,
    endpoint: EndpointId,
}

/// One step of fan-out.
pub async fn fan_out<T: DeliveryTransaction>(
    transaction: &mut T,
    cache: &FollowerCache,
    limit: u32,
    now: Timestamp,
) -> Result<FannedOut, T::Fault> {
    let now = transaction.now(now).await?;
    let FanOutCursor { sequence: cursor, followers } = transaction.fan_out_cursor().await?;
    if let Some(id) = transaction.endpoint_behind().await? {
        let stored = lock(transaction, &BTreeSet::from([id])).await?.into_values().next();
        if let Some(stored) = stored {
            return catch_up(transaction, stored, cursor, limit, now).await;
        }
    }
    // A notice that cannot be written does not keep events waiting: the next step passes over it.
    if cache.takes_notices() {
        if let Some(id) = transaction.endpoint_with_notices().await? {
            let done = notify(transaction, id, now).await?;
            cache.notices_written();
            return Ok(done);
        }
        cache.notices_written();
    }
    let followers = cache.followers(transaction, followers).await?;
    if followers.is_empty() {
        return pass_over(transaction, cursor).await;
    }
    let events = transaction.events_after(cursor, limit.max(1)).await?;
    if events.is_empty() {
        return Ok(FannedOut::default());
    }
    let (matches, next) = select(&followers, &events);
    let mut done = write(transaction, &matches, now).await?;
    transaction.save_fan_out_cursor(next).await?;
    done.events = events.iter().filter(|event| event.logged.sequence <= next).count().try_into().unwrap_or(0);
    done.more = transaction.head().await? > next;
    Ok(done)
}

/// Moves the cursor to the head of the log without reading events, while there is no endpoint. The log has no gaps.
async fn pass_over<T: DeliveryTransaction>(
    transaction: &mut T,
    cursor: Sequence,
) -> Result<FannedOut, T::Fault> {
    let head = transaction.head().await?;
    if head > cursor {
        transaction.save_fan_out_cursor(head).await?;
    }
    Ok(FannedOut { events: head.0.saturating_sub(cursor.0), ..FannedOut::default() })
}

/// Fans the next events out to one endpoint that is behind the cursor.
async fn catch_up<T: DeliveryTransaction>(
    transaction: &mut T,
    stored: StoredEndpoint,
    cursor: Sequence,
    limit: u32,
    now: Timestamp,
) -> Result<FannedOut, T::Fault> {
    let behind = stored.behind.unwrap_or(cursor);
    let mut events = transaction.events_after(behind, limit.max(1)).await?;
    events.retain(|event| event.logged.sequence <= cursor);
    let follower = [Follower::of(&stored)];
    let (matches, next) = select(&follower, &events);
    let mut done = write(transaction, &matches, now).await?;
    let next = if events.is_empty() { cursor } else { next };
    done.events = u64::try_from(events.len()).unwrap_or(u64::MAX);
    done.more = true;
    // The queue was written with the deliveries: it is read again.
    for (_, mut stored) in lock(transaction, &BTreeSet::from([stored.endpoint.id])).await? {
        stored.behind = Some(next).filter(|next| *next < cursor);
        transaction.write_queues(&[stored]).await?;
    }
    Ok(done)
}

/// Fans the notices of one endpoint out to those endpoints of its owner that ask for them, itself left out.
async fn notify<T: DeliveryTransaction>(
    transaction: &mut T,
    about: EndpointId,
    now: Timestamp,
) -> Result<FannedOut, T::Fault> {
    let mut done = FannedOut { more: true, ..FannedOut::default() };
    let all = transaction.all_endpoints().await?;
    let Some(owner) =
        all.iter().find(|stored| stored.endpoint.id == about).map(|stored| &stored.endpoint.owner)
    else {
        return Ok(done);
    };
    let is_notified = |stored: &&StoredEndpoint| {
        stored.endpoint.owner == *owner && (stored.endpoint.options.notices || stored.endpoint.id == about)
    };
    let ids = all.iter().filter(is_notified).map(|stored| stored.endpoint.id).collect();
    let mut locked = lock(transaction, &ids).await?;
    // As they are under the lock.
    let Some(mut subject) = locked.remove(&about) else { return Ok(done) };
    locked.retain(|_, stored| stored.endpoint.options.notices);
    let stream = StreamId::api(about.uuid());
    let mut made = Vec::new();
    for notice in std::mem::take(&mut subject.notices) {
        for endpoint in locked.keys() {
            made.push(notice.delivery(about, *endpoint, None, now).map_err(unwritten)?);
        }
    }
    let ids: Vec<_> = made.iter().map(|delivery| delivery.id).collect();
    let known = transaction.deliveries(&ids).await?;
    let mut known: BTreeSet<_> = known.into_iter().map(|stored| stored.delivery.id).collect();
    made.retain(|delivery| known.insert(delivery.id));
    let lanes: BTreeSet<_> = locked.keys().map(|endpoint| Lane { endpoint: *endpoint, stream }).collect();
    let mut open = transaction.open_lanes(&lanes).await?;
    let blocks = transaction.lane_blocks(&lanes, now).await?;
    let mut deliveries = Vec::with_capacity(made.len());
    for delivery in made {
        let Some(stored) = locked.get_mut(&delivery.endpoint) else { continue };
        let lane = Lane { endpoint: delivery.endpoint, stream };
        let is_first = open.insert(lane);
        let due_at = match stored.endpoint.ordering {
            Ordering::None => Some(now),
            Ordering::Stream => is_first.then(|| blocks.get(&lane).copied().unwrap_or(now)),
        };
        stored.queue.pending = stored.queue.pending.saturating_add(1);
        deliveries.push(Delivery { state: DeliveryState::Pending { due_at }, ..delivery });
    }
    done.deliveries = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
    transaction.insert_deliveries(&deliveries).await?;
    transaction.write_notices(&subject).await?;
    reschedule(transaction, locked, &BTreeMap::new(), now).await?;
    Ok(done)
}

fn unwritten(error: serde_json::Error) -> StoreError {
    StoreError::Internal { reason: "writing the body of a delivery".to_owned(), source: Some(error.into()) }
}

/// Which endpoints get which events, in the order of the log, and the position up to which that is decided.
fn select<'e>(followers: &[Follower], events: &'e [EventToFanOut]) -> (Vec<Match<'e>>, Sequence) {
    let mut matches = Vec::new();
    let mut next = Sequence(0);
    for EventToFanOut { logged, parties } in events {
        if matches.len() >= MOST_DELIVERIES {
            break;
        }
        next = logged.sequence;
        let gets = |follower: &&Follower| {
            follower.start_sequence < logged.sequence && follower.filter.matches(&logged.event, *parties)
        };
        matches.extend(followers.iter().filter(gets).map(|follower| Match { logged, endpoint: follower.id }));
    }
    (matches, next)
}

/// Writes deliveries: the first of a lane is due at once, or when the block of its lane ends; the others wait for it. Without an order each is due at once.
async fn write<T: DeliveryTransaction>(
    transaction: &mut T,
    matches: &[Match<'_>],
    now: Timestamp,
) -> Result<FannedOut, T::Fault> {
    let mut done = FannedOut::default();
    if matches.is_empty() {
        return Ok(done);
    }
    let lane = |of: &Match<'_>| Lane { endpoint: of.endpoint, stream: of.logged.event.stream };
    let ids = matches.iter().map(|of| of.endpoint).collect();
    let mut locked = lock(transaction, &ids).await?;
    let is_ordered = |stored: &StoredEndpoint| stored.endpoint.ordering == Ordering::Stream;
    let mut lanes: BTreeSet<_> = matches.iter().map(lane).collect();
    lanes.retain(|lane| locked.get(&lane.endpoint).is_some_and(is_ordered));
    let mut open = transaction.open_lanes(&lanes).await?;
    lanes.retain(|lane| !open.contains(lane));
    let blocks = transaction.lane_blocks(&lanes, now).await?;
    let mut deliveries = Vec::with_capacity(matches.len());
    for of in matches {
        // It was deleted meanwhile.
        let Some(stored) = locked.get_mut(&of.endpoint) else { continue };
        let is_first = !is_ordered(stored) || open.insert(lane(of));
        let due_at = is_first.then(|| blocks.get(&lane(of)).copied().unwrap_or(now));
        let delivery = delivery(of.logged, lane(of), due_at, now)?;
        let queue = &mut stored.queue;
        if delivery.state.is_settled() {
            done.too_large = done.too_large.saturating_add(1);
            queue.dead = queue.dead.saturating_add(1);
        } else {
            queue.pending = queue.pending.saturating_add(1);
        }
        deliveries.push(delivery);
    }
    done.deliveries = u64::try_from(deliveries.len()).unwrap_or(u64::MAX);
    transaction.insert_deliveries(&deliveries).await?;
    reschedule(transaction, locked, &BTreeMap::new(), now).await?;
    Ok(done)
}

pub(super) fn delivery(
    logged: &LoggedEvent,
    lane: Lane,
    due_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Delivery, StoreError> {
    let id = DeliveryId::of(lane.endpoint, logged.sequence);
    let body = body(id, logged).map_err(unwritten)?;
    let state = if body.len() > MAX_BODY_BYTES {
        DeliveryState::Dead { at: now, reason: DeadReason::BodyTooLarge }
    } else {
        DeliveryState::Pending { due_at }
    };
    Ok(Delivery {
        id,
        replay_of: None,
        endpoint: lane.endpoint,
        sequence: logged.sequence,
        stream: lane.stream,
        event_type: logged.event.kind.name().to_owned(),
        // A body that is never sent is not kept.
        body: if state.is_settled() { Vec::new() } else { body },
        state,
        attempts: 0,
        tries: 0,
        first_attempt_at: None,
        blocks_until: None,
        claims: 0,
        created_at: now,
    })
}
