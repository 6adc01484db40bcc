use fluxora_delivery::{
    AttemptOptions, DeadReason, DeliveryState, DeliveryStatus, Endpoint, EndpointId, Ordering, Policy,
    Replay, ReplayFilter, ReplayId, ReplayState,
};
use fluxora_stream::EventKind;

use super::*;
use crate::Sequence;
use crate::delivery::{EndpointUpdate, EndpointUpdated, ReplayQuery, StartReplay};

async fn start(store: &impl DeliveryStore, n: u64, filter: ReplayFilter, now: Timestamp) -> Replay {
    let replay = StartReplay { id: ReplayId::new(uuid(800_000 + n)), endpoint: endpoint_id(1), filter };
    store.start_replay(replay, now).await.unwrap().expect("the endpoint is there").0
}

async fn run(store: &impl DeliveryStore, now: Timestamp) -> u64 {
    let mut steps = 0;
    while store.run_replay(2, now).await.unwrap().is_some() {
        steps += 1;
    }
    steps
}

/// It keeps its id, and its body.
pub async fn a_replayed_delivery_is_sent_again_in_its_lane(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let first = deliver_all(store, t(1)).await.remove(0).delivery;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let (listed, done) = store.replay(first.id, t(22)).await.unwrap().unwrap();
    assert!(done && listed.status == DeliveryStatus::Pending, "{listed:?}");
    let (_, again) = store.replay(first.id, t(22)).await.unwrap().unwrap();
    assert!(!again, "it is not settled");
    let sent = deliver_all(store, t(22)).await;
    assert_eq!(sent.iter().map(|one| one.delivery.sequence.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((sent[0].delivery.id, &sent[0].delivery.body), (first.id, &first.body));
    assert_eq!(sent[0].attempt, 2);
    let unknown = fluxora_delivery::DeliveryId::new(uuid(1));
    assert!(store.replay(unknown, t(22)).await.unwrap().is_none());
}

/// The one in flight is not overtaken, and the lane goes on with the earlier event.
pub async fn a_replay_waits_for_the_delivery_in_flight(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let first = deliver_all(store, t(1)).await.remove(0).delivery;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let second = claim(store, 1, t(21)).await;
    store.replay(first.id, t(22)).await.unwrap();
    assert_eq!(claim(store, 9, t(22)).await.deliveries, []);
    settle(store, &second, &failed(500, t(23)), t(23)).await;
    let sent = deliver_all(store, t(23)).await;
    assert_eq!(sent.iter().map(|one| one.delivery.sequence.0).collect::<Vec<_>>(), [1, 2]);
}

/// A failed delivery holds up no other one of its stream, and a replay waits for none.
pub async fn without_an_order_each_delivery_is_due_at_once(store: &impl Store) {
    add(store, Endpoint { ordering: Ordering::None, ..endpoint(1) }).await;
    create_streams(store, [1]).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let both = claim(store, 9, t(21)).await;
    assert_eq!(sequences(&both), [1, 2]);
    let (first, second) = (&both.deliveries[0], &both.deliveries[1]);
    let results = vec![settlement(first, failed(500, t(22))), settlement(second, delivered(t(22)))];
    store.settle(results, &Policy::default(), t(22)).await.unwrap();
    assert_eq!(claim(store, 9, t(22)).await.deliveries, [], "the first one is due later");
    let (_, done) = store.replay(second.delivery.id, t(23)).await.unwrap().unwrap();
    assert!(done);
    let replayed = claim(store, 9, t(23)).await;
    assert_eq!(sequences(&replayed), [2], "it does not wait for the first one");
    settle(store, &replayed, &delivered(t(23)), t(23)).await;
    let sent = deliver_all(store, t(999_999)).await;
    assert_eq!(sent.iter().map(|one| one.delivery.sequence.0).collect::<Vec<_>>(), [1]);
}

/// A delivery that waits for an earlier one of its stream still does, and nothing is left behind by a change in either direction.
pub async fn a_change_of_the_order_holds_for_later_events(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=2).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let order = async |ordering, now| {
        let endpoint = Endpoint { ordering, ..endpoint(1) };
        let update = EndpointUpdate { endpoint, expected_version: None };
        assert!(matches!(store.update_endpoint(update, now).await.unwrap(), EndpointUpdated::Done(_)));
    };
    order(Ordering::None, t(22)).await;
    cancel(store, 2).await;
    fan_out(store, t(23)).await;
    let due = claim(store, 9, t(23)).await;
    assert_eq!(
        sequences(&due),
        [1, 2, 4],
        "the third waits for the first; the fourth does not wait for the second"
    );
    order(Ordering::Stream, t(24)).await;
    settle(store, &due, &failed(500, t(24)), t(24)).await;
    let mut sent: Vec<_> =
        deliver_all(store, t(999_999)).await.iter().map(|one| one.delivery.sequence.0).collect();
    sent.sort_unstable();
    assert_eq!(sent, [1, 2, 3, 4]);
}

/// Its retries follow its schedule, it gives up at once where it asks to, and its claims last as much longer as its attempts.
pub async fn an_endpoint_has_its_own_schedule_and_its_own_time(store: &impl Store) {
    let own = AttemptOptions {
        timeout_seconds: Some(30),
        retry_seconds: Some(vec![100]),
        fail_fast: true,
        ..AttemptOptions::default()
    };
    add(store, Endpoint { options: own, ..endpoint(1) }).await;
    create_streams(store, 1..=2).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 9, t(1)).await;
    let longer = Policy::default().attempt_timeout;
    let ends = t(1) + LEASE + SignedDuration::from_secs(30) - longer;
    assert_eq!(claimed.deliveries[0].delivery.state.claimable_at(), Some(ends));
    let (first, second) = (&claimed.deliveries[0], &claimed.deliveries[1]);
    let results = vec![settlement(first, failed(500, t(2))), settlement(second, failed(404, t(2)))];
    store.settle(results, &Policy::default(), t(2)).await.unwrap();
    let read = async |id| store.delivery(id).await.unwrap().unwrap().delivery.state;
    assert_eq!(read(first.delivery.id).await, DeliveryState::Pending { due_at: Some(t(102)) });
    let reason = DeadReason::Exhausted;
    assert_eq!(read(second.delivery.id).await, DeliveryState::Dead { at: t(2), reason });
    let again = claim(store, 9, t(102)).await;
    settle(store, &again, &failed(500, t(103)), t(103)).await;
    assert_eq!(
        read(first.delivery.id).await,
        DeliveryState::Dead { at: t(103), reason },
        "its schedule has one retry"
    );
}

/// What matched when it was asked for, in steps.
pub async fn a_replay_sends_what_its_filter_matches(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=5).await;
    cancel(store, 2).await;
    fan_out(store, t(21)).await;
    deliver_all(store, t(22)).await;
    create_streams(store, [6]).await;
    fan_out(store, t(23)).await;
    let created = ReplayFilter { kinds: vec![EventKind::Created], ..ReplayFilter::default() };
    for (n, filter, expect) in [
        (1, created.clone(), 5),
        (2, ReplayFilter { stream: Some(stream_id(2)), ..ReplayFilter::default() }, 2),
        (3, ReplayFilter { statuses: vec![DeliveryStatus::Dead], ..ReplayFilter::default() }, 0),
        (4, ReplayFilter { statuses: vec![DeliveryStatus::Delivered], ..created }, 6),
        (
            5,
            ReplayFilter {
                from_sequence: Some(Sequence(2)),
                to_sequence: Some(Sequence(3)),
                ..ReplayFilter::default()
            },
            2,
        ),
        (6, ReplayFilter { created_from: Some(t(23)), ..ReplayFilter::default() }, 1),
        (7, ReplayFilter { created_until: Some(t(21)), ..ReplayFilter::default() }, 0),
    ] {
        let job = start(store, n, filter, t(30)).await;
        assert_eq!((job.total, job.state), (expect, ReplayState::Running), "{n}");
        assert!(run(store, t(31)).await >= 3, "in steps");
        let done = store.replay_job(job.id).await.unwrap().unwrap();
        assert_eq!((done.state, done.replayed, done.finished_at), (ReplayState::Done, expect, Some(t(31))));
        let sent = deliver_all(store, t(32)).await;
        let pending = usize::from(n == 1);
        assert_eq!(sent.len(), usize::try_from(expect).unwrap() + pending, "{n}");
    }
}

/// What was made due stays so.
pub async fn a_cancelled_replay_ends(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=5).await;
    fan_out(store, t(1)).await;
    deliver_all(store, t(2)).await;
    let job = start(store, 1, ReplayFilter::default(), t(3)).await;
    assert_eq!(store.run_replay(2, t(4)).await.unwrap().unwrap().replayed, 2);
    let cancelled = store.cancel_replay(job.id, t(5)).await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.finished_at), (ReplayState::Cancelled, Some(t(5))));
    assert_eq!(run(store, t(6)).await, 0);
    assert_eq!(deliver_all(store, t(6)).await.len(), 2);
    let unknown = ReplayId::new(uuid(1));
    assert_eq!(store.cancel_replay(unknown, t(6)).await.unwrap(), None);
    let nobody = StartReplay { id: unknown, endpoint: endpoint_id(9), filter: ReplayFilter::default() };
    assert_eq!(store.start_replay(nobody, t(6)).await.unwrap(), None);
}

/// Two requests under one key come at the same time.
pub async fn a_replay_begins_once(store: &impl Store) {
    add(store, endpoint(1)).await;
    let job = start(store, 1, ReplayFilter::default(), t(3)).await;
    assert_eq!(store.run_replay(2, t(4)).await.unwrap().unwrap().state, ReplayState::Done);
    let other = ReplayFilter { from_sequence: Some(Sequence(1)), ..ReplayFilter::default() };
    for filter in [ReplayFilter::default(), other] {
        let again = StartReplay { id: job.id, endpoint: endpoint_id(1), filter };
        let (begun, is_new) = store.start_replay(again, t(5)).await.unwrap().unwrap();
        assert!(!is_new);
        assert_eq!(
            (begun.state, begun.created_at, begun.filter),
            (ReplayState::Done, job.created_at, ReplayFilter::default())
        );
    }
    assert_eq!(store.list_replays(&replays(None, None, 9)).await.unwrap().replays.len(), 1);
}

/// In pages, of one endpoint or of all.
pub async fn replays_are_listed_newest_first(store: &impl Store) {
    add(store, endpoint(1)).await;
    for n in 1..=3 {
        start(store, n, ReplayFilter::default(), t(1)).await;
    }
    let page = store.list_replays(&replays(Some(endpoint_id(1)), None, 2)).await.unwrap();
    let ids: Vec<_> = page.replays.iter().map(|replay| replay.id).collect();
    assert_eq!(ids, [3, 2].map(|n| ReplayId::new(uuid(800_000 + n))));
    let rest = store.list_replays(&replays(None, page.next, 2)).await.unwrap();
    assert_eq!((rest.replays.len(), rest.next), (1, None));
    assert_eq!(store.list_replays(&replays(Some(endpoint_id(2)), None, 2)).await.unwrap().replays, []);
}

fn replays(endpoint: Option<EndpointId>, before: Option<Sequence>, limit: u32) -> ReplayQuery {
    ReplayQuery { owner: None, endpoint, before, limit }
}

/// Also after the endpoint is deleted.
pub async fn replays_and_endpoints_know_their_owner(store: &impl Store) {
    for (n, owner) in [(1, Some("acme")), (2, None)] {
        let endpoint = Endpoint { owner: owner.map(str::to_owned), ..endpoint(n) };
        store.create_endpoint(endpoint, true, 9).await.unwrap();
        let replay = StartReplay {
            id: ReplayId::new(uuid(n)),
            endpoint: endpoint_id(n),
            filter: ReplayFilter::default(),
        };
        store.start_replay(replay, t(0)).await.unwrap().unwrap();
    }
    let of = async |owner: Option<Option<&str>>| {
        let owner = owner.map(|owner| owner.map(str::to_owned));
        let page = store.list_replays(&ReplayQuery { owner, ..replays(None, None, 9) }).await.unwrap();
        page.replays.iter().map(|replay| replay.endpoint).collect::<Vec<_>>()
    };
    assert!(store.delete_endpoint(endpoint_id(1), t(1)).await.unwrap());
    assert_eq!(store.endpoint_owner(endpoint_id(1)).await.unwrap(), Some(Some("acme".to_owned())));
    assert_eq!(store.endpoint_owner(endpoint_id(2)).await.unwrap(), Some(None));
    assert_eq!(store.endpoint_owner(endpoint_id(3)).await.unwrap(), None);
    assert_eq!(of(None).await, [endpoint_id(2), endpoint_id(1)]);
    assert_eq!(of(Some(Some("acme"))).await, [endpoint_id(1)]);
    assert_eq!(of(Some(None)).await, [endpoint_id(2)]);
    assert_eq!(of(Some(Some("other"))).await, []);
}
