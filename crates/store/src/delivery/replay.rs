use std::collections::{BTreeMap, BTreeSet};

use fluxora_delivery::{
    Delivery, DeliveryId, DeliveryState, EndpointId, Missing, Ordering, Replay, ReplayFilter, ReplayId,
    ReplayState,
};
use fluxora_stream::Sequence;
use jiff::Timestamp;
use uuid::Uuid;

use super::fan_out::delivery;
use super::queues::{lock, reschedule};
use super::transaction::{DeliveryTransaction, Lane, StoredDelivery};
use super::{StartReplay, StoredEndpoint};
use crate::StoreError;

/// Sends one settled delivery again, under its id or as another delivery. Returns which one, and whether it is sent; `None` if there is
/// no such delivery or its endpoint is deleted.
pub async fn replay<T: DeliveryTransaction>(
    transaction: &mut T,
    id: DeliveryId,
    fresh: Option<Uuid>,
    now: Timestamp,
) -> Result<Option<(DeliveryId, bool)>, T::Fault> {
    let now = transaction.now(now).await?;
    let Some(found) = transaction.deliveries(&[id]).await?.into_iter().next() else { return Ok(None) };
    let endpoint = found.delivery.endpoint;
    let Some(mut stored) = lock(transaction, &BTreeSet::from([endpoint])).await?.remove(&endpoint) else {
        return Ok(None);
    };
    // As it is under the lock.
    let Some(delivery) = transaction.deliveries(&[id]).await?.into_iter().next() else { return Ok(None) };
    let made = fresh.map(|nonce| DeliveryId::replayed(delivery.delivery.original(), nonce));
    if let Some(made) = made
        && !transaction.deliveries(&[made]).await?.is_empty()
    {
        return Ok(Some((made, false)));
    }
    let mut deliveries = vec![delivery];
    deliveries.retain(|stored| ReplayFilter::default().matches(&stored.delivery));
    let replayed = match fresh {
        None => send_again(transaction, &mut stored, deliveries, now).await?,
        Some(nonce) => send_copies(transaction, &mut stored, &deliveries, nonce, now).await?,
    };
    reschedule(transaction, BTreeMap::from([(endpoint, stored)]), &BTreeMap::new(), now).await?;
    let done = replayed == 1;
    Ok(Some((made.filter(|_| done).unwrap_or(id), done)))
}

/// Begins a replay job, and returns it with whether it is new. One that has begun under the id is returned as it is.
pub async fn start<T: DeliveryTransaction>(
    transaction: &mut T,
    start: &StartReplay,
    now: Timestamp,
) -> Result<Option<(Replay, bool)>, T::Fault> {
    let now = transaction.now(now).await?;
    // Its lock comes before those of endpoints.
    let fanned_out =
        if start.filter.missing { Some(transaction.fan_out_cursor().await?.sequence) } else { None };
    let Some(stored) = lock(transaction, &BTreeSet::from([start.endpoint])).await?.remove(&start.endpoint)
    else {
        return Ok(None);
    };
    if let Some(begun) = transaction.lock_replay(start.id).await? {
        return Ok(Some((begun, false)));
    }
    let (cursor, upto, total) = match fanned_out {
        // Later events are fanned out to the endpoint.
        Some(fanned_out) => (first_event(&start.filter, &stored), stored.behind.unwrap_or(fanned_out), 0),
        None => {
            let total = match named(transaction, start.endpoint, &start.filter).await? {
                Some(named) => u64::try_from(named.len()).unwrap_or(u64::MAX),
                None => transaction.count_to_replay(start.endpoint, &start.filter).await?,
            };
            (Sequence(0), transaction.newest_delivery().await?, total)
        }
    };
    let replay = Replay {
        id: start.id,
        endpoint: start.endpoint,
        filter: start.filter.clone(),
        fresh_ids: start.fresh_ids,
        state: ReplayState::Running,
        created_at: now,
        finished_at: None,
        cursor,
        upto,
        total,
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

/// The event before the first one that a search for what is missing looks at.
fn first_event(filter: &ReplayFilter, stored: &StoredEndpoint) -> Sequence {
    let given = filter.from_sequence.map(|Sequence(from)| Sequence(from.saturating_sub(1)));
    given.unwrap_or(stored.endpoint.start_sequence)
}

/// The deliveries that a filter names one by one, as far as it matches them; `None` if it names none.
async fn named<T: DeliveryTransaction>(
    transaction: &mut T,
    endpoint: EndpointId,
    filter: &ReplayFilter,
) -> Result<Option<Vec<StoredDelivery>>, T::Fault> {
    if filter.deliveries.is_empty() {
        return Ok(None);
    }
    // One that is named twice is sent once.
    let ids: BTreeSet<_> = filter.deliveries.iter().copied().collect();
    let mut named = transaction.deliveries(&ids.into_iter().collect::<Vec<_>>()).await?;
    named.retain(|stored| stored.delivery.endpoint == endpoint && filter.matches(&stored.delivery));
    named.sort_by_key(|stored| stored.sequence);
    Ok(Some(named))
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
        let found = if replay.filter.missing {
            missing(transaction, &replay, &mut stored, limit, now).await?
        } else {
            settled(transaction, &replay, limit).await?
        };
        is_last = found.is_last;
        replay.cursor = found.cursor;
        let replayed = match replay.fresh_ids {
            false => send_again(transaction, &mut stored, found.deliveries, now).await?,
            true => send_copies(transaction, &mut stored, &found.deliveries, replay.id.uuid(), now).await?,
        };
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

/// What one step of a job sends again.
struct Found {
    deliveries: Vec<StoredDelivery>,
    cursor: Sequence,
    is_last: bool,
}

/// The next settled deliveries that a filter matches.
async fn settled<T: DeliveryTransaction>(
    transaction: &mut T,
    replay: &Replay,
    limit: u32,
) -> Result<Found, T::Fault> {
    if let Some(deliveries) = named(transaction, replay.endpoint, &replay.filter).await? {
        return Ok(Found { deliveries, cursor: replay.upto, is_last: true });
    }
    let page = transaction.deliveries_between(replay.endpoint, replay.cursor, replay.upto, limit).await?;
    let is_last = u32::try_from(page.len()).is_ok_and(|read| read < limit);
    let cursor = page.last().map_or(replay.upto, |last| last.sequence);
    let deliveries = page.into_iter().filter(|stored| replay.filter.matches(&stored.delivery)).collect();
    Ok(Found { deliveries, cursor, is_last })
}

/// What the endpoint is missing of the next events. An event without a delivery gets one, which is not to be sent yet.
async fn missing<T: DeliveryTransaction>(
    transaction: &mut T,
    replay: &Replay,
    stored: &mut StoredEndpoint,
    limit: u32,
    now: Timestamp,
) -> Result<Found, T::Fault> {
    let end = replay.filter.to_sequence.map_or(replay.upto, |to| to.min(replay.upto));
    let mut events =
        if replay.cursor < end { transaction.events_after(replay.cursor, limit).await? } else { Vec::new() };
    events.retain(|event| event.logged.sequence <= end);
    let is_last = u32::try_from(events.len()).is_ok_and(|read| read < limit);
    let cursor = events.last().map_or(end, |last| last.logged.sequence);
    events.retain(|event| {
        let logged = &event.logged;
        stored.endpoint.filter.matches(&logged.event, event.parties)
            && replay.filter.wants(logged.event.kind.name(), logged.event.stream, logged.sequence)
    });
    let ids: Vec<_> =
        events.iter().map(|event| DeliveryId::of(replay.endpoint, event.logged.sequence)).collect();
    let mut known = transaction.deliveries(&ids).await?;
    known.extend(transaction.copies_of(&ids).await?);
    let mut by_original: BTreeMap<_, Vec<Delivery>> = BTreeMap::new();
    for found in &known {
        by_original.entry(found.delivery.original()).or_default().push(found.delivery.clone());
    }
    let oldest = stored.endpoint.start_sequence.max(stored.forgotten_to);
    let (mut wanted, mut made) = (Vec::new(), Vec::new());
    for (event, id) in events.iter().zip(ids) {
        let of_event = by_original.get(&id).map_or(&[][..], Vec::as_slice);
        match ReplayFilter::missing_of(of_event) {
            Missing::Nothing => {}
            Missing::Delivery(delivery) => wanted.push(delivery.id),
            Missing::Event => {
                let is_known = event.logged.sequence > oldest || replay.filter.from_sequence.is_some();
                if is_known {
                    let lane = Lane { endpoint: replay.endpoint, stream: event.logged.event.stream };
                    let mut delivery = delivery(&event.logged, lane, None, now)?;
                    match delivery.state {
                        // It is not sent before it is replayed.
                        DeliveryState::Pending { .. } => {
                            delivery.state = DeliveryState::Cancelled { at: now }
                        }
                        // Its body is too large.
                        _ => stored.queue.dead = stored.queue.dead.saturating_add(1),
                    }
                    made.push(delivery);
                    wanted.push(id);
                }
            }
        }
    }
    transaction.insert_deliveries(&made).await?;
    let mut deliveries = transaction.deliveries(&wanted).await?;
    deliveries.sort_by_key(|stored| stored.delivery.sequence);
    Ok(Found { deliveries, cursor, is_last })
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

/// Sends deliveries again as others, under new ids: each event once in a replay. Returns how many.
async fn send_copies<T: DeliveryTransaction>(
    transaction: &mut T,
    endpoint: &mut StoredEndpoint,
    deliveries: &[StoredDelivery],
    nonce: Uuid,
    now: Timestamp,
) -> Result<u64, T::Fault> {
    let copies = deliveries.iter().filter_map(|stored| stored.delivery.copied(nonce, now));
    let mut copies: BTreeMap<_, _> = copies.map(|copy| (copy.id, copy)).collect();
    let ids: Vec<_> = copies.keys().copied().collect();
    for known in transaction.deliveries(&ids).await? {
        copies.remove(&known.delivery.id);
    }
    let mut made: Vec<_> = copies.into_values().collect();
    made.sort_by_key(|copy| copy.sequence);
    transaction.insert_deliveries(&made).await?;
    let ids: Vec<_> = made.iter().map(|copy| copy.id).collect();
    let mut copies = transaction.deliveries(&ids).await?;
    copies.sort_by_key(|stored| stored.delivery.sequence);
    send_again(transaction, endpoint, copies, now).await
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
    end_blocks(transaction, &lanes, &deliveries, now).await?;
    let turns = transaction.lane_turns(&lanes).await?;
    let mut turns: BTreeMap<_, _> = turns.into_iter().map(|stored| (lane(&stored), stored)).collect();
    let mut written = BTreeMap::new();
    let mut replayed = 0_u64;
    for mut stored in deliveries {
        if written.contains_key(&stored.sequence) || !stored.delivery.replay(&mut endpoint.queue) {
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

/// Ends what dead deliveries of the same events block: the lanes go on after the deliveries that are sent now.
async fn end_blocks<T: DeliveryTransaction>(
    transaction: &mut T,
    lanes: &BTreeSet<Lane>,
    sent: &[StoredDelivery],
    now: Timestamp,
) -> Result<(), T::Fault> {
    let blocked = transaction.lane_blocks(lanes, now).await?;
    let is_blocked = |one: &&StoredDelivery| {
        blocked.contains_key(&Lane { endpoint: one.delivery.endpoint, stream: one.delivery.stream })
    };
    let events: BTreeSet<_> = sent.iter().filter(is_blocked).map(|one| one.delivery.original()).collect();
    if events.is_empty() {
        return Ok(());
    }
    let events: Vec<_> = events.into_iter().collect();
    let mut blocking = transaction.deliveries(&events).await?;
    blocking.extend(transaction.copies_of(&events).await?);
    blocking.retain(|stored| {
        matches!(stored.delivery.state, DeliveryState::Dead { .. }) && stored.delivery.blocks_until.is_some()
    });
    for stored in &mut blocking {
        stored.delivery.blocks_until = None;
    }
    transaction.write_deliveries(&blocking).await
}
