//! Webhook endpoints and deliveries.

mod claiming;
mod endpoints;
mod fan_out;
mod fault_injection;
mod lanes;
mod listing;
mod random;
mod replaying;
mod settling;

use fluxora_delivery::{
    AttemptOptions, AttemptResult, DeliveryStatus, Endpoint, EndpointId, EndpointState, HeaderProfile,
    Jitter, Ordering, OutcomeCode, Policy, ReplayFilter, ReplayId, SealedSecret,
};
use fluxora_stream::EventFilter;
use jiff::{SignedDuration, Timestamp};

use endpoints::{change, pause};

pub use claiming::*;
pub use endpoints::*;
pub use fan_out::*;
pub use fault_injection::FailingDelivery;
pub use lanes::*;
pub use listing::*;
pub use random::a_random_history_of_webhooks_agrees_with_the_model;
pub use replaying::*;
pub use settling::*;

use super::fixtures::*;
use crate::delivery::{
    Claimed, ClaimedDelivery, EndpointCreated, EndpointUpdate, ResumeFrom, SettleOutcome, Settlement,
    StartReplay, StateChange, StoredEndpoint,
};
use crate::{DeliveryStore, EndpointStore, Sequence, Store, StreamStore};

const LEASE: SignedDuration = SignedDuration::from_secs(30);

pub(super) fn endpoint_id(n: u64) -> EndpointId {
    EndpointId::new(uuid(900_000 + n))
}

pub(super) fn endpoint(n: u64) -> Endpoint {
    Endpoint {
        id: endpoint_id(n),
        owner: None,
        url: format!("https://receiver-{n}.example/hooks"),
        description: format!("receiver {n}"),
        filter: EventFilter::default(),
        state: EndpointState::Active,
        headers: HeaderProfile::Contract,
        ordering: Ordering::default(),
        options: AttemptOptions::default(),
        secrets: vec![SealedSecret { sealed: vec![0, 1, 255], created_at: t(0), expires_at: None }],
        custom_headers: Vec::new(),
        rate_limit: None,
        start_sequence: Sequence(0),
        created_at: t(0),
        updated_at: t(0),
        version: 1,
    }
}

async fn add(store: &impl EndpointStore, endpoint: Endpoint) -> StoredEndpoint {
    match store.create_endpoint(endpoint, false, 1_000).await.unwrap() {
        EndpointCreated::Done(stored) => stored,
        other => panic!("{other:?}"),
    }
}

async fn stored(store: &impl EndpointStore, n: u64) -> StoredEndpoint {
    store.endpoint(endpoint_id(n)).await.unwrap().expect("the endpoint is there")
}

/// Makes an event in the lane of each of these streams.
async fn create_streams(store: &impl StreamStore, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        put(store, n, &draft(), t(0)).await;
    }
}

/// Makes a second event in the lane of a stream.
async fn cancel(store: &impl StreamStore, n: u64) {
    store.cancel_stream(&stream_id(n), still(t(20))).await.unwrap();
}

/// Fans out everything. Returns how many deliveries were written.
async fn fan_out(store: &impl DeliveryStore, now: Timestamp) -> u64 {
    let mut deliveries = 0;
    loop {
        let done = store.fan_out(100, now).await.unwrap();
        deliveries += done.deliveries;
        if !done.more {
            return deliveries;
        }
    }
}

async fn claim(store: &impl DeliveryStore, limit: u32, now: Timestamp) -> Claimed {
    store.claim("worker", limit, LEASE, &Policy::default(), now).await.unwrap()
}

/// The positions of claimed deliveries' events, in order.
fn sequences(claimed: &Claimed) -> Vec<u64> {
    let mut sequences: Vec<_> = claimed.deliveries.iter().map(|one| one.delivery.sequence.0).collect();
    sequences.sort_unstable();
    sequences
}

/// The streams of claimed deliveries, in order.
fn streams_of(claimed: &Claimed) -> Vec<String> {
    let mut streams: Vec<_> =
        claimed.deliveries.iter().map(|claimed| claimed.delivery.stream.to_string()).collect();
    streams.sort();
    streams
}

fn names(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|n| stream_id(n).to_string()).collect()
}

fn delivered(now: Timestamp) -> AttemptResult {
    AttemptResult::new(OutcomeCode::Delivered, now, SignedDuration::from_millis(12)).with_status(204)
}

fn failed(status: u16, now: Timestamp) -> AttemptResult {
    AttemptResult::new(OutcomeCode::HttpStatus, now, SignedDuration::from_millis(34)).with_status(status)
}

fn settlement(claimed: &ClaimedDelivery, result: AttemptResult) -> Settlement {
    Settlement { fence: claimed.fence, result, jitter: Jitter::NONE }
}

/// Settles every claimed delivery with the same result.
async fn settle(
    store: &impl DeliveryStore,
    claimed: &Claimed,
    result: &AttemptResult,
    now: Timestamp,
) -> Vec<SettleOutcome> {
    let settlements = claimed.deliveries.iter().map(|claimed| settlement(claimed, result.clone()));
    let settlements: Vec<_> = settlements.collect();
    let count = settlements.len();
    let outcomes = store.settle(settlements, &Policy::default(), now).await.unwrap();
    assert_eq!(outcomes.len(), count);
    outcomes
}

/// Claims and acknowledges until nothing is due. Returns the deliveries in the order in which they were sent.
pub(super) async fn deliver_all(store: &impl DeliveryStore, now: Timestamp) -> Vec<ClaimedDelivery> {
    let mut sent = Vec::new();
    loop {
        let claimed = claim(store, 64, now).await;
        if claimed.deliveries.is_empty() {
            return sent;
        }
        settle(store, &claimed, &delivered(now), now).await;
        sent.extend(claimed.deliveries);
    }
}

/// Endpoints and deliveries in every state, with attempts and a replay.
pub(super) async fn live_through_deliveries(store: &impl Store) {
    add(store, Endpoint { owner: Some("partner".to_owned()), ..endpoint(1) }).await;
    add(store, endpoint(2)).await;
    add(store, endpoint(3)).await;
    create_streams(store, 1..=6).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let first = claim(store, 9, t(22)).await;
    let policy = Policy { schedule: Vec::new(), ..Policy::default() };
    let results = [delivered(t(23)), failed(500, t(23)).with_excerpt(b"no"), failed(410, t(23))];
    let settled = first.deliveries.iter().zip(results).map(|(one, result)| settlement(one, result));
    store.settle(settled.collect(), &policy, t(23)).await.unwrap();
    pause(store, 2, t(24)).await;
    change(store, 2, StateChange::Resume(ResumeFrom::Now), t(25)).await;
    store.delete_endpoint(endpoint_id(3), t(26)).await.unwrap();
    let filter = ReplayFilter { statuses: vec![DeliveryStatus::Dead], ..ReplayFilter::default() };
    let replay =
        StartReplay { id: ReplayId::new(uuid(800_001)), endpoint: endpoint_id(1), filter, fresh_ids: false };
    store.start_replay(replay, t(27)).await.unwrap();
    claim(store, 3, t(28)).await;
    add(store, Endpoint { start_sequence: Sequence(2), ..endpoint(4) }).await;
}
