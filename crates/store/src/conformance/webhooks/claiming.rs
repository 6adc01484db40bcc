use std::collections::HashSet;
use std::num::NonZeroU32;

use fluxora_delivery::DeliveryState;
use futures_util::future::join_all;

use super::*;

/// The second event of a stream waits for the first.
pub async fn only_the_first_of_a_lane_is_claimed(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=3).await;
    cancel(store, 1).await;
    cancel(store, 2).await;
    fan_out(store, t(21)).await;
    let first = claim(store, 10, t(21)).await;
    assert_eq!(streams_of(&first), names(1..=3));
    assert_eq!(claim(store, 10, t(22)).await.deliveries, []);
    assert!(first.deliveries.iter().all(|one| one.attempt == 1 && one.delivery.sequence.0 <= 3));
    assert_eq!(first.endpoints, [stored(store, 1).await.endpoint]);
    settle(store, &first, &delivered(t(22)), t(22)).await;
    let second = claim(store, 10, t(22)).await;
    assert_eq!(streams_of(&second), names([1, 2]));
    assert!(second.deliveries.iter().all(|one| one.delivery.sequence.0 > 3));
}

/// The others wait for the end of one in flight.
pub async fn an_endpoint_has_no_more_in_flight_than_allowed(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=9).await;
    fan_out(store, t(1)).await;
    let policy = Policy { max_in_flight: 4, ..Policy::default() };
    let first = store.claim("worker", 64, LEASE, &policy, t(1)).await.unwrap();
    assert_eq!(first.deliveries.len(), 4);
    let none = store.claim("worker", 64, LEASE, &policy, t(2)).await.unwrap();
    assert_eq!((none.deliveries.len(), none.next_at), (0, Some(t(1) + LEASE)));
    let one = settlement(&first.deliveries[0], delivered(t(3)));
    store.settle(vec![one], &policy, t(3)).await.unwrap();
    assert_eq!(store.claim("worker", 64, LEASE, &policy, t(3)).await.unwrap().deliveries.len(), 1);
}

/// Those of other partners and of the operator go on; what waits is looked at again soon.
pub async fn a_partner_has_no_more_in_flight_than_allowed_over_all_its_endpoints(store: &impl Store) {
    let owned = |n, owner: Option<&str>| Endpoint { owner: owner.map(str::to_owned), ..endpoint(n) };
    for (n, owner) in [(1, Some("acme")), (2, Some("acme")), (3, Some("other")), (4, None)] {
        add(store, owned(n, owner)).await;
    }
    create_streams(store, 1..=8).await;
    fan_out(store, t(1)).await;
    let policy = Policy { max_in_flight_per_owner: 5, ..Policy::default() };
    let claim = async |now| store.claim("worker", 64, LEASE, &policy, now).await.unwrap();
    let of = |claimed: &Claimed, numbers: &[u64]| {
        let ids: Vec<_> = numbers.iter().map(|n| endpoint_id(*n)).collect();
        claimed.deliveries.iter().filter(|one| ids.contains(&one.delivery.endpoint)).count()
    };
    let first = claim(t(1)).await;
    assert_eq!([of(&first, &[1, 2]), of(&first, &[3]), of(&first, &[4])], [5, 5, 8]);
    let soon = t(1) + SignedDuration::from_millis(100);
    let none = claim(t(1)).await;
    assert_eq!((none.deliveries.len(), none.next_at), (0, Some(soon)));
    let own: Vec<_> = first.deliveries.iter().filter(|one| one.delivery.endpoint == endpoint_id(1)).collect();
    let settled = own.iter().take(2).map(|one| settlement(one, delivered(t(2)))).collect();
    store.settle(settled, &policy, t(2)).await.unwrap();
    assert_eq!(of(&claim(t(2)).await, &[1, 2]), 2, "what was settled makes room");
    assert_eq!(of(&claim(t(1) + LEASE).await, &[1, 2]), 3, "and so does what is lost");
}

/// An endpoint with a backlog gets a share, not all.
pub async fn endpoints_take_turns(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=30).await;
    fan_out(store, t(1)).await;
    for n in 2..=4 {
        store.create_endpoint(endpoint(n), true, 9).await.unwrap();
    }
    create_streams(store, [31]).await;
    fan_out(store, t(2)).await;
    let claimed = claim(store, 8, t(3)).await;
    let of = |n| claimed.deliveries.iter().filter(|one| one.delivery.endpoint == endpoint_id(n)).count();
    assert_eq!([of(1), of(2), of(3), of(4)], [2, 1, 1, 1]);
    // One at a time: who was served goes to the end.
    let mut served = HashSet::new();
    let EndpointCreated::Done(_) = store.create_endpoint(endpoint(5), true, 9).await.unwrap() else {
        panic!("it was not written")
    };
    create_streams(store, 32..=35).await;
    fan_out(store, t(4)).await;
    for _ in 0..5 {
        let claimed = claim(store, 1, t(5)).await;
        served.insert(claimed.deliveries[0].delivery.endpoint);
    }
    assert_eq!(served.len(), 5);
}

/// A worker that is lost holds a delivery up for its lease, and its attempt is recorded.
pub async fn a_delivery_is_claimed_again_when_its_lease_has_ended(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let lost = store.claim("lost", 1, LEASE, &Policy::default(), t(1)).await.unwrap();
    assert_eq!(lost.next_at, Some(t(31)));
    assert_eq!(claim(store, 1, t(30)).await.deliveries, []);
    let again = claim(store, 1, t(31)).await;
    assert_eq!((again.deliveries.len(), again.deliveries[0].attempt), (1, 2));
    let attempts = store.attempts(again.deliveries[0].delivery.id, 0, 100).await.unwrap();
    let [attempt] = &attempts[..] else { panic!("{attempts:?}") };
    assert_eq!((attempt.result.outcome, &*attempt.worker), (OutcomeCode::LeaseExpired, "lost"));
    let outcomes = settle(store, &lost, &delivered(t(32)), t(32)).await;
    assert_eq!(outcomes, [SettleOutcome::Stale]);
    let listed = store.delivery(again.deliveries[0].delivery.id).await.unwrap().unwrap();
    assert!(matches!(listed.delivery.state, DeliveryState::InFlight(_)), "{listed:?}");
    let outcomes = settle(store, &again, &delivered(t(33)), t(33)).await;
    assert!(matches!(outcomes[..], [SettleOutcome::Recorded { .. }]), "{outcomes:?}");
}

/// A burst, and then as many as the rate allows.
pub async fn a_rate_limit_spreads_attempts(store: &impl Store) {
    add(store, Endpoint { rate_limit: NonZeroU32::new(2), ..endpoint(1) }).await;
    create_streams(store, 1..=9).await;
    fan_out(store, t(1)).await;
    let first = claim(store, 10, t(1)).await;
    assert_eq!(first.deliveries.len(), 2);
    settle(store, &first, &delivered(t(1)), t(1)).await;
    let half = SignedDuration::from_millis(500);
    let none = claim(store, 10, t(1)).await;
    assert_eq!((none.deliveries.len(), none.next_at), (0, Some(t(1) + half)));
    assert_eq!(claim(store, 10, t(1) + half).await.deliveries.len(), 1);
    assert_eq!(claim(store, 10, t(9)).await.deliveries.len(), 2);
}

/// One probe at a time, whoever asks.
pub async fn an_open_breaker_lets_one_probe_through(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=12).await;
    fan_out(store, t(1)).await;
    let first = claim(store, 12, t(1)).await;
    assert_eq!(first.deliveries.len(), 12);
    settle(store, &first, &failed(500, t(2)), t(2)).await;
    assert_eq!(store.delivery_figures(t(2)).await.unwrap().open_breakers, 1);
    assert_eq!(claim(store, 12, t(20)).await.deliveries, [], "they are due, but the breaker is open");
    let probes = join_all((0..8).map(|_| claim(store, 12, t(40)))).await;
    let probes: Vec<_> = probes.into_iter().filter(|claimed| !claimed.deliveries.is_empty()).collect();
    assert_eq!(probes.iter().map(|claimed| claimed.deliveries.len()).sum::<usize>(), 1);
    settle(store, &probes[0], &delivered(t(41)), t(41)).await;
    assert_eq!(claim(store, 12, t(41)).await.deliveries.len(), 1, "attempts come back gradually");
}

/// Many workers at once.
pub async fn concurrent_claims_never_share_a_delivery(store: &impl Store) {
    for n in 1..=5 {
        add(store, endpoint(n)).await;
    }
    create_streams(store, 1..=10).await;
    fan_out(store, t(1)).await;
    let mut seen = HashSet::new();
    let mut claims = 0;
    while claims < 50 {
        let round = join_all((0..8).map(|_| claim(store, 7, t(2)))).await;
        for one in round.iter().flat_map(|claimed| &claimed.deliveries) {
            assert!(seen.insert(one.delivery.id), "claimed twice");
            claims += 1;
        }
    }
    assert_eq!(claim(store, 7, t(2)).await.deliveries, []);
}

/// Nothing of a claim is left where the endpoint is held or paused.
pub async fn the_next_time_to_claim_is_that_of_the_next_due_delivery(store: &impl Store) {
    assert_eq!(claim(store, 1, t(0)).await.next_at, None);
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 1, t(1)).await;
    settle(store, &claimed, &failed(503, t(2)), t(2)).await;
    assert_eq!(claim(store, 1, t(3)).await.next_at, Some(t(7)), "5 seconds after the failure");
    pause(store, 1, t(4)).await;
    assert_eq!(claim(store, 1, t(9)).await.next_at, None);
}
