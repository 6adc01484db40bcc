//! A random history of endpoints and deliveries on a store and on the model: both answer the same, and lanes keep their order.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use fluxora_delivery::{AttemptOptions, OnDead, Ordering, ReplayFilter, ReplayId};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;
use crate::conformance::Model;
use crate::delivery::{DeliveryQuery, EndpointUpdate, ResumeFrom, StartReplay, StateChange};

#[derive(Clone, Debug)]
enum Step {
    Create(u64),
    Cancel(u64),
    FanOut(u32),
    Claim(u32),
    Settle { success: bool, status: u16, retry_after: Option<i64>, jitter: u32, count: usize },
    Release(usize),
    Wait(i64),
    AddEndpoint { n: u64, rate: Option<u32>, start: u64, ordering: Ordering, options: AttemptOptions },
    Pause(u64),
    Resume(u64, bool),
    Update(u64, Ordering),
    Delete(u64),
    ReplayOne(usize, bool),
    Skip(usize),
    StartReplay { n: u64, missing: bool, fresh_ids: bool, from: Option<u64> },
    RunReplay,
    Retain(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let endpoint = 1_u64..5;
    prop_oneof![
        6 => (1_u64..40).prop_map(Step::Create),
        4 => (1_u64..40).prop_map(Step::Cancel),
        8 => (1_u32..20).prop_map(Step::FanOut),
        12 => (1_u32..12).prop_map(Step::Claim),
        14 => (
            prop::bool::weighted(0.6),
            prop::sample::select(vec![500, 404, 410, 429, 503]),
            prop::option::of(0_i64..90),
            any::<u32>(),
            1_usize..6,
        )
            .prop_map(|(success, status, retry_after, jitter, count)| Step::Settle {
                success, status, retry_after, jitter, count
            }),
        2 => (1_usize..4).prop_map(Step::Release),
        10 => prop_oneof![1_i64..20, 30_i64..4_000, 20_000_i64..200_000].prop_map(Step::Wait),
        3 => (endpoint.clone(), prop::option::of(1_u32..4), 0_u64..30, ordering(), options()).prop_map(
            |(n, rate, start, ordering, options)| Step::AddEndpoint { n, rate, start, ordering, options }
        ),
        1 => endpoint.clone().prop_map(Step::Pause),
        3 => (endpoint.clone(), any::<bool>()).prop_map(|(n, held)| Step::Resume(n, held)),
        1 => (endpoint.clone(), ordering()).prop_map(|(n, ordering)| Step::Update(n, ordering)),
        1 => (4_u64..5).prop_map(Step::Delete),
        2 => (0_usize..50, any::<bool>()).prop_map(|(nth, fresh)| Step::ReplayOne(nth, fresh)),
        2 => (0_usize..50).prop_map(Step::Skip),
        1 => (endpoint, any::<bool>(), any::<bool>(), prop::option::of(0_u64..30)).prop_map(
            |(n, missing, fresh_ids, from)| Step::StartReplay { n, missing, fresh_ids, from }
        ),
        3 => Just(Step::RunReplay),
        1 => (0_i64..90_000).prop_map(Step::Retain),
    ]
}

/// Most endpoints keep the order.
fn ordering() -> impl Strategy<Value = Ordering> {
    prop_oneof![4 => Just(Ordering::Stream), 1 => Just(Ordering::None)]
}

/// Some endpoints give up soon, and block their lanes or let them go on soon.
fn options() -> impl Strategy<Value = AttemptOptions> {
    let retries = prop::option::of(prop::collection::vec(1_u32..60, 1..3));
    let block = prop::option::of(60_u32..4_000);
    (retries, any::<bool>(), block).prop_map(|(retry_seconds, blocks, max_lane_block_seconds)| {
        let on_dead = if blocks { OnDead::Block } else { OnDead::Skip };
        AttemptOptions { retry_seconds, on_dead, max_lane_block_seconds, ..AttemptOptions::default() }
    })
}

/// Both answer the same to every step, and keep the same.
pub async fn a_random_history_of_webhooks_agrees_with_the_model(store: &impl Store, seed: u64) {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = prop::collection::vec(step(), 250).new_tree(&mut runner).unwrap().current();
    let model = Model::default();
    let (mut now, mut replays) = (0, 0);
    let mut held: Vec<ClaimedDelivery> = Vec::new();
    // Endpoints that were without an order at some time.
    let mut was_unordered = BTreeSet::new();
    // Deliveries that were skipped.
    let mut overtaken = BTreeSet::new();
    let mut sent: BTreeMap<(EndpointId, fluxora_stream::StreamId), Sequence> = BTreeMap::new();
    for (number, step) in steps.into_iter().enumerate() {
        now += 1;
        let at = t(now);
        let context = format!("seed {seed}, step {number}: {step:?}");
        macro_rules! both {
            ($($call:tt)+) => {{
                let (ours, theirs) = (store.$($call)+.await.unwrap(), model.$($call)+.await.unwrap());
                assert_eq!(ours, theirs, "{context}");
                ours
            }};
        }
        match step {
            Step::Create(n) => {
                if model.stream(&stream_id(n)).await.unwrap().is_none() {
                    both!(create_stream(create(n, &draft(), at)));
                }
            }
            Step::Cancel(n) => {
                both!(cancel_stream(&stream_id(n), still(at)));
            }
            Step::FanOut(limit) => {
                both!(fan_out(limit, at));
            }
            Step::Claim(limit) => {
                let mut claimed = both!(claim("worker", limit, LEASE, &Policy::default(), at));
                for one in &claimed.deliveries {
                    // A replay goes back in its lane; nothing else does.
                    let lane = (one.delivery.endpoint, one.delivery.stream);
                    let last = sent.insert(lane, one.delivery.sequence);
                    let is_in_order = last.is_none_or(|last| last <= one.delivery.sequence);
                    let is_ordered = !was_unordered.contains(&one.delivery.endpoint);
                    let is_overtaken = overtaken.contains(&one.delivery.id);
                    assert!(
                        is_in_order || one.delivery.attempts > 0 || !is_ordered || is_overtaken,
                        "{context}"
                    );
                }
                held.append(&mut claimed.deliveries);
            }
            Step::Settle { success, status, retry_after, jitter, count } => {
                let count = count.min(held.len());
                let result = if success { delivered(at) } else { failed(status, at) };
                let result = match retry_after {
                    Some(seconds) => result.with_retry_after(SignedDuration::from_secs(seconds)),
                    None => result,
                };
                let settled = held.drain(..count);
                let settled: Vec<_> = settled
                    .map(|one| Settlement { jitter: Jitter(jitter), ..settlement(&one, result.clone()) })
                    .collect();
                both!(settle(settled.clone(), &Policy::default(), at));
            }
            Step::Release(count) => {
                let fences: Vec<_> = held.drain(..count.min(held.len())).map(|one| one.fence).collect();
                both!(release(fences.clone(), at));
            }
            Step::Wait(seconds) => now += seconds,
            Step::AddEndpoint { n, rate, start, ordering, options } => {
                let head = model.contents().events.len();
                let start = Sequence(start.min(u64::try_from(head).unwrap()));
                let rate_limit = rate.and_then(NonZeroU32::new);
                let made = Endpoint { rate_limit, start_sequence: start, ordering, options, ..endpoint(n) };
                was_unordered.extend((ordering == Ordering::None).then_some(endpoint_id(n)));
                both!(create_endpoint(made.clone(), n % 2 == 0, 9));
            }
            Step::Pause(n) => {
                let change = StateChange::Pause { reason: String::new() };
                both!(change_endpoint_state(endpoint_id(n), change.clone(), at));
            }
            Step::Resume(n, from_held) => {
                let from = if from_held { ResumeFrom::Held } else { ResumeFrom::Now };
                both!(change_endpoint_state(endpoint_id(n), StateChange::Resume(from), at));
            }
            Step::Update(n, ordering) => {
                was_unordered.extend((ordering == Ordering::None).then_some(endpoint_id(n)));
                let changed = Endpoint { url: "https://changed.example".to_owned(), ordering, ..endpoint(n) };
                let update = EndpointUpdate { endpoint: changed, expected_version: None };
                both!(update_endpoint(update.clone(), at));
            }
            Step::Delete(n) => {
                both!(delete_endpoint(endpoint_id(n), at));
            }
            Step::ReplayOne(nth, is_fresh) => {
                let all = DeliveryQuery { limit: 50, ..DeliveryQuery::default() };
                let page = model.list_deliveries(&all).await.unwrap();
                if let Some(listed) = page.deliveries.get(nth) {
                    let fresh = is_fresh.then(|| uuid(600_000 + u64::try_from(number).unwrap()));
                    both!(replay(listed.delivery.id, fresh, at));
                    sent.remove(&(listed.delivery.endpoint, listed.delivery.stream));
                }
            }
            Step::Skip(nth) => {
                let all = DeliveryQuery { limit: 50, ..DeliveryQuery::default() };
                let page = model.list_deliveries(&all).await.unwrap();
                if let Some(listed) = page.deliveries.get(nth) {
                    both!(skip(listed.delivery.id, at));
                    // It may be claimed for the first time after a later one.
                    sent.remove(&(listed.delivery.endpoint, listed.delivery.stream));
                    overtaken.insert(listed.delivery.id);
                }
            }
            Step::StartReplay { n, missing, fresh_ids, from } => {
                replays += 1;
                let start = StartReplay {
                    id: ReplayId::new(uuid(700_000 + replays)),
                    endpoint: endpoint_id(n),
                    filter: ReplayFilter {
                        missing,
                        from_sequence: from.map(Sequence),
                        ..ReplayFilter::default()
                    },
                    fresh_ids,
                };
                both!(start_replay(start.clone(), at));
            }
            Step::RunReplay => {
                if both!(run_replay(3, at)).is_some() {
                    sent.clear();
                }
            }
            Step::Retain(seconds) => {
                both!(delete_settled_deliveries(t(now - seconds)));
            }
        }
        both!(delivery_figures(at));
    }
    agree(store, &model, seed).await;
}

/// Every endpoint, every delivery and every attempt is the same.
async fn agree(store: &impl Store, model: &Model, seed: u64) {
    for n in 1..5 {
        let (ours, theirs) = (store.endpoint(endpoint_id(n)).await, model.endpoint(endpoint_id(n)).await);
        assert_eq!(ours.unwrap(), theirs.unwrap(), "seed {seed}, endpoint {n}");
    }
    let all = DeliveryQuery { limit: 10_000, ..DeliveryQuery::default() };
    let (ours, theirs) = (store.list_deliveries(&all).await, model.list_deliveries(&all).await);
    let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
    assert_eq!(ours, theirs, "seed {seed}");
    for listed in ours.deliveries {
        let id = listed.delivery.id;
        let (ours, theirs) = (store.attempts(id, 0, 100).await, model.attempts(id, 0, 100).await);
        assert_eq!(ours.unwrap(), theirs.unwrap(), "seed {seed}");
    }
}
