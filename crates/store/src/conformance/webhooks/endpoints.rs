use std::num::NonZeroU32;

use fluxora_delivery::{Breaker, DeliveryStatus, OnDead};
use fluxora_stream::EventKind;

use super::*;
use crate::delivery::{
    DeliveryQuery, EndpointQuery, EndpointUpdate, EndpointUpdated, ResumeFrom, StateChange,
};

pub(super) async fn pause(store: &impl EndpointStore, n: u64, now: Timestamp) {
    change(store, n, StateChange::Pause { reason: "maintenance".to_owned() }, now).await;
}

pub(super) async fn change(
    store: &impl EndpointStore,
    n: u64,
    change: StateChange,
    now: Timestamp,
) -> StoredEndpoint {
    match store.change_endpoint_state(endpoint_id(n), change, now).await.unwrap() {
        EndpointUpdated::Done(stored) => stored,
        other => panic!("{other:?}"),
    }
}

/// With every value that it can have.
pub async fn an_endpoint_reads_back_as_it_was_written(store: &impl Store) {
    let filter = EventFilter {
        stream: Some(stream_id(1)),
        sender: Some(address(1)),
        recipient: Some(address(2)),
        contract: Some(fluxora_stream::ContractId::from_hash([7; 32])),
        kinds: EventKind::ALL.to_vec(),
    };
    let secret = |byte, expires_at| SealedSecret { sealed: vec![byte; 60], created_at: t(1), expires_at };
    let full = Endpoint {
        owner: Some("partner ü".to_owned()),
        filter,
        headers: HeaderProfile::StandardWebhooks,
        ordering: Ordering::None,
        options: AttemptOptions {
            timeout_seconds: Some(30),
            retry_seconds: Some(vec![1, 60]),
            fail_fast: true,
            on_dead: OnDead::Block,
            max_lane_block_seconds: Some(60),
            notices: true,
        },
        secrets: vec![secret(0, Some(t(9))), secret(255, None)],
        custom_headers: vec![0, 255, 10],
        rate_limit: NonZeroU32::new(u32::MAX),
        ..endpoint(1)
    };
    assert_eq!(add(store, full.clone()).await, stored(store, 1).await);
    assert_eq!(stored(store, 1).await.endpoint, full);
    assert_eq!(store.endpoint(endpoint_id(9)).await.unwrap(), None);
    let again = store.create_endpoint(endpoint(1), false, 9).await.unwrap();
    assert_eq!(again, EndpointCreated::Exists);
    assert_eq!(stored(store, 1).await.endpoint, full);
}

/// Each owner has a limit of its own; the operator too.
pub async fn an_owner_has_as_many_endpoints_as_are_allowed(store: &impl Store) {
    let of = |n, owner: Option<&str>| Endpoint { owner: owner.map(str::to_owned), ..endpoint(n) };
    for (n, owner) in [(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None)] {
        let made = store.create_endpoint(of(n, owner), false, 2).await.unwrap();
        assert!(matches!(made, EndpointCreated::Done(_)), "{n}");
    }
    let made = store.create_endpoint(of(5, Some("a")), false, 2).await.unwrap();
    assert_eq!(made, EndpointCreated::TooMany);
    store.delete_endpoint(endpoint_id(1), t(1)).await.unwrap();
    let made = store.create_endpoint(of(5, Some("a")), false, 2).await.unwrap();
    assert!(matches!(made, EndpointCreated::Done(_)), "a deleted one does not count");
}

/// Only its configuration, and its version grows.
pub async fn a_change_from_an_old_version_is_refused(store: &impl Store) {
    add(store, endpoint(1)).await;
    let changed = Endpoint {
        url: "https://other.example/".to_owned(),
        owner: Some("stays".to_owned()),
        rate_limit: NonZeroU32::new(7),
        ..endpoint(1)
    };
    let update = EndpointUpdate { endpoint: changed, expected_version: Some(1) };
    let EndpointUpdated::Done(done) = store.update_endpoint(update.clone(), t(5)).await.unwrap() else {
        panic!("it was not changed")
    };
    assert_eq!((&*done.endpoint.url, done.endpoint.version), ("https://other.example/", 2));
    assert_eq!((done.endpoint.owner.as_deref(), done.endpoint.updated_at), (None, t(5)));
    assert_eq!(stored(store, 1).await, done);
    assert_eq!(store.update_endpoint(update, t(6)).await.unwrap(), EndpointUpdated::Stale(done));
    let unknown = EndpointUpdate { endpoint: endpoint(9), expected_version: None };
    assert_eq!(store.update_endpoint(unknown, t(6)).await.unwrap(), EndpointUpdated::NotFound);
}

/// One attempt first, so that an endpoint that still fails is not flooded.
pub async fn a_resumed_endpoint_goes_on_with_what_waited(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=5).await;
    fan_out(store, t(1)).await;
    pause(store, 1, t(2)).await;
    let state = stored(store, 1).await.endpoint.state;
    assert_eq!(state, EndpointState::Paused { since: t(2), reason: "maintenance".to_owned() });
    let resumed = change(store, 1, StateChange::Resume(ResumeFrom::Held), t(90)).await;
    assert_eq!(resumed.endpoint.state, EndpointState::Active);
    assert!(matches!(resumed.queue.breaker, Breaker::Open { .. }));
    let first = claim(store, 9, t(90)).await;
    assert_eq!(first.deliveries.len(), 1);
    settle(store, &first, &delivered(t(91)), t(91)).await;
    assert_eq!(deliver_all(store, t(91)).await.len(), 4);
}

/// The deliveries that waited are cancelled.
pub async fn an_endpoint_resumed_from_now_forgets_what_waited(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=5).await;
    fan_out(store, t(1)).await;
    pause(store, 1, t(2)).await;
    change(store, 1, StateChange::Resume(ResumeFrom::Now), t(3)).await;
    assert_eq!(claim(store, 9, t(4)).await.deliveries, []);
    let cancelled =
        DeliveryQuery { status: Some(DeliveryStatus::Cancelled), limit: 9, ..DeliveryQuery::default() };
    assert_eq!(store.list_deliveries(&cancelled).await.unwrap().deliveries.len(), 5);
    assert_eq!(stored(store, 1).await.queue.pending, 0);
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    assert_eq!(deliver_all(store, t(22)).await.len(), 1, "later events are sent");
}

/// A person's pause does not replace the reason of a hold.
pub async fn a_held_endpoint_stays_held_when_it_is_paused(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 1, t(1)).await;
    settle(store, &claimed, &failed(410, t(2)), t(2)).await;
    pause(store, 1, t(3)).await;
    assert_eq!(stored(store, 1).await.endpoint.state.name(), "held");
}

/// What is in flight may end; its result is stale.
pub async fn a_deleted_endpoint_is_gone_and_its_deliveries_stay(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=2).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 1, t(1)).await;
    assert!(store.delete_endpoint(endpoint_id(1), t(2)).await.unwrap());
    assert!(!store.delete_endpoint(endpoint_id(1), t(2)).await.unwrap());
    assert_eq!(store.endpoint(endpoint_id(1)).await.unwrap(), None);
    assert_eq!(settle(store, &claimed, &delivered(t(3)), t(3)).await, [SettleOutcome::Stale]);
    assert_eq!(claim(store, 9, t(999)).await.deliveries, []);
    create_streams(store, [3]).await;
    assert_eq!(fan_out(store, t(4)).await, 0);
    let all = DeliveryQuery { endpoint: Some(endpoint_id(1)), limit: 9, ..DeliveryQuery::default() };
    let statuses: Vec<_> =
        store.list_deliveries(&all).await.unwrap().deliveries.iter().map(|listed| listed.status).collect();
    assert_eq!(statuses.len(), 2);
    assert!(statuses.contains(&DeliveryStatus::Cancelled));
    let made = store.create_endpoint(endpoint(1), false, 9).await.unwrap();
    assert_eq!(made, EndpointCreated::Exists, "an id is not used twice");
}

/// By owner, in pages.
pub async fn endpoints_are_listed_newest_first(store: &impl Store) {
    for n in 1..=5 {
        let owner = (n % 2 == 0).then(|| "partner".to_owned());
        add(store, Endpoint { owner, ..endpoint(n) }).await;
    }
    store.delete_endpoint(endpoint_id(3), t(1)).await.unwrap();
    let walk = async |owner: Option<Option<String>>| {
        let mut query = EndpointQuery { owner, before: None, limit: 2 };
        let mut found = Vec::new();
        loop {
            let page = store.list_endpoints(&query).await.unwrap();
            found.extend(page.endpoints.iter().map(|stored| stored.endpoint.id));
            query.before = page.next;
            if page.next.is_none() {
                return found;
            }
        }
    };
    let ids = |numbers: &[u64]| numbers.iter().map(|n| endpoint_id(*n)).collect::<Vec<_>>();
    assert_eq!(walk(None).await, ids(&[5, 4, 2, 1]));
    assert_eq!(walk(Some(None)).await, ids(&[5, 1]));
    assert_eq!(walk(Some(Some("partner".to_owned()))).await, ids(&[4, 2]));
    assert_eq!(walk(Some(Some("other".to_owned()))).await, []);
}
