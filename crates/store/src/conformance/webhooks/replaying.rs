use fluxora_delivery::{
    AttemptOptions, DeadReason, DeliveryId, DeliveryState, DeliveryStatus, Endpoint, EndpointId, Ordering,
    Policy, Replay, ReplayFilter, ReplayId, ReplayState,
};
use fluxora_stream::EventKind;

use super::*;
use crate::Sequence;
use crate::delivery::{EndpointUpdate, EndpointUpdated, ReplayQuery, StartReplay};

async fn start(store: &impl DeliveryStore, n: u64, filter: ReplayFilter, now: Timestamp) -> Replay {
    let replay = StartReplay {
        id: ReplayId::new(uuid(800_000 + n)),
        endpoint: endpoint_id(1),
        filter,
        fresh_ids: false,
    };
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
    let (listed, done) = store.replay(first.id, None, t(22)).await.unwrap().unwrap();
    assert!(done && listed.status == DeliveryStatus::Pending, "{listed:?}");
    let (_, again) = store.replay(first.id, None, t(22)).await.unwrap().unwrap();
    assert!(!again, "it is not settled");
    let sent = deliver_all(store, t(22)).await;
    assert_eq!(sent.iter().map(|one| one.delivery.sequence.0).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((sent[0].delivery.id, &sent[0].delivery.body), (first.id, &first.body));
    assert_eq!(sent[0].attempt, 2);
    let unknown = DeliveryId::new(uuid(1));
    assert!(store.replay(unknown, None, t(22)).await.unwrap().is_none());
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
    store.replay(first.id, None, t(22)).await.unwrap();
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
    let (_, done) = store.replay(second.delivery.id, None, t(23)).await.unwrap().unwrap();
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
    let unknown = StartReplay {
        id: unknown,
        endpoint: endpoint_id(9),
        filter: ReplayFilter::default(),
        fresh_ids: false,
    };
    assert_eq!(store.start_replay(unknown, t(6)).await.unwrap(), None);
}

/// It is another delivery of the event: it names the first one, and its body has its id.
pub async fn a_replay_under_a_new_id_is_another_delivery_of_the_event(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let first = deliver_all(store, t(1)).await.remove(0).delivery;
    let (copy, done) = store.replay(first.id, Some(uuid(1)), t(2)).await.unwrap().unwrap();
    assert!(done && copy.status == DeliveryStatus::Pending, "{copy:?}");
    let copy = copy.delivery;
    assert_eq!((copy.id, copy.replay_of), (DeliveryId::replayed(first.id, uuid(1)), Some(first.id)));
    let (again, done) = store.replay(first.id, Some(uuid(1)), t(2)).await.unwrap().unwrap();
    assert_eq!((again.delivery.id, done), (copy.id, false), "the same request makes nothing");
    let sent = deliver_all(store, t(2)).await.remove(0);
    assert_eq!((sent.delivery.id, sent.attempt, sent.delivery.sequence), (copy.id, 1, first.sequence));
    assert_eq!(Some(sent.delivery.body), fluxora_delivery::body_of_replay(&first.body, first.id, copy.id));
    let kept = store.delivery(first.id).await.unwrap().unwrap().delivery;
    assert_eq!((kept.state, kept.attempts), (first_delivered(t(1)), 1), "the first one is unchanged");
    let (of_copy, _) = store.replay(copy.id, Some(uuid(2)), t(3)).await.unwrap().unwrap();
    assert_eq!(of_copy.delivery.replay_of, Some(first.id), "the first one, not the copy");
    assert_eq!(deliver_all(store, t(3)).await.len(), 1);
    let figures = store.delivery_figures(t(3)).await.unwrap();
    assert_eq!((figures.delivered, figures.pending), (3, 0));
}

fn first_delivered(at: Timestamp) -> DeliveryState {
    DeliveryState::Delivered { at }
}

/// Each event of the job once, also over several steps.
pub async fn a_replay_job_can_give_each_delivery_a_new_id(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=5).await;
    fan_out(store, t(1)).await;
    let first: Vec<_> = deliver_all(store, t(1)).await.iter().map(|one| one.delivery.id).collect();
    let id = ReplayId::new(uuid(800_001));
    let filter = ReplayFilter::default();
    let job = StartReplay { id, endpoint: endpoint_id(1), filter, fresh_ids: true };
    let (job, _) = store.start_replay(job, t(2)).await.unwrap().unwrap();
    assert_eq!((job.total, job.fresh_ids), (5, true));
    run(store, t(2)).await;
    let done = store.replay_job(id).await.unwrap().unwrap();
    assert_eq!((done.replayed, done.fresh_ids), (5, true));
    let sent = deliver_all(store, t(3)).await;
    let originals: std::collections::BTreeSet<_> = sent.iter().map(|one| one.delivery.original()).collect();
    assert_eq!((sent.len(), originals), (5, first.into_iter().collect()));
}

/// Those of other endpoints, unsettled and unknown ones are passed over.
pub async fn a_replay_sends_the_deliveries_that_it_names(store: &impl Store) {
    add(store, endpoint(1)).await;
    add(store, endpoint(2)).await;
    create_streams(store, 1..=4).await;
    fan_out(store, t(1)).await;
    deliver_all(store, t(1)).await;
    create_streams(store, [5]).await;
    fan_out(store, t(2)).await;
    let of = |n, sequence| DeliveryId::of(endpoint_id(n), Sequence(sequence));
    let deliveries = vec![of(1, 3), of(1, 1), of(2, 2), of(1, 5), DeliveryId::new(uuid(7))];
    let job = start(store, 1, ReplayFilter { deliveries, ..ReplayFilter::default() }, t(3)).await;
    assert_eq!(job.total, 2);
    assert_eq!(run(store, t(3)).await, 1);
    let done = store.replay_job(job.id).await.unwrap().unwrap();
    assert_eq!((done.replayed, done.filter, done.state), (2, job.filter, ReplayState::Done));
    let sent = deliver_all(store, t(4)).await;
    let mut sequences: Vec<_> =
        sent.iter().map(|one| (one.delivery.endpoint, one.delivery.sequence)).collect();
    sequences.sort_unstable();
    let expect = [(1, 1), (1, 3), (1, 5), (2, 5)].map(|(n, sequence)| (endpoint_id(n), Sequence(sequence)));
    assert_eq!(sequences, expect);
}

/// Also in its lane: it is due, and what comes after it is sent.
pub async fn a_delivery_that_is_named_twice_is_sent_again_once(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let id = deliver_all(store, t(1)).await.remove(0).delivery.id;
    let job =
        start(store, 1, ReplayFilter { deliveries: vec![id, id], ..ReplayFilter::default() }, t(2)).await;
    assert_eq!(job.total, 1);
    run(store, t(2)).await;
    assert_eq!(store.replay_job(job.id).await.unwrap().unwrap().replayed, 1);
    assert_eq!(stored(store, 1).await.queue.pending, 1);
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let sent: Vec<_> = deliver_all(store, t(21)).await.iter().map(|one| one.delivery.sequence.0).collect();
    assert_eq!(sent, [1, 2]);
}

/// Events before the endpoint's start, given up, cancelled, never fanned out; not those that arrived, wait or are not wanted.
pub async fn a_replay_sends_everything_that_an_endpoint_is_missing(store: &impl Store) {
    create_streams(store, 1..=3).await;
    let filter = EventFilter { kinds: vec![EventKind::Created], ..Default::default() };
    add(store, Endpoint { start_sequence: Sequence(2), filter, ..endpoint(1) }).await;
    create_streams(store, 4..=6).await;
    cancel(store, 4).await;
    fan_out(store, t(21)).await;
    // Events 3 to 6 have deliveries: 3 dies, 4 is delivered, 5 is cancelled, 6 waits.
    let policy = Policy { schedule: Vec::new(), ..Policy::default() };
    let claimed = claim(store, 2, t(22)).await;
    let results = [failed(500, t(22)), delivered(t(22))];
    let settled =
        claimed.deliveries.iter().zip(results).map(|(one, result)| settlement(one, result)).collect();
    store.settle(settled, &policy, t(22)).await.unwrap();
    let claimed = claim(store, 1, t(23)).await;
    assert_eq!(sequences(&claimed), [5]);
    pause(store, 1, t(23)).await;
    store.settle(vec![settlement(&claimed.deliveries[0], failed(500, t(24)))], &policy, t(24)).await.unwrap();
    change(store, 1, StateChange::Resume(ResumeFrom::Now), t(25)).await;
    let missing = ReplayFilter { missing: true, ..ReplayFilter::default() };
    let job = start(store, 1, missing.clone(), t(26)).await;
    assert_eq!((job.total, job.cursor, job.upto), (0, Sequence(2), Sequence(7)));
    run(store, t(26)).await;
    let done = store.replay_job(job.id).await.unwrap().unwrap();
    assert_eq!((done.replayed, done.state), (3, ReplayState::Done));
    let sent: Vec<_> = deliver_all(store, t(27)).await.iter().map(|one| one.delivery.sequence.0).collect();
    assert_eq!(sorted(sent), [3, 5, 6]);
    let again = start(store, 2, missing, t(28)).await;
    run(store, t(28)).await;
    assert_eq!(store.replay_job(again.id).await.unwrap().unwrap().replayed, 0, "nothing is missing now");
    let earlier = ReplayFilter { missing: true, from_sequence: Some(Sequence(1)), ..ReplayFilter::default() };
    let job = start(store, 3, earlier, t(29)).await;
    run(store, t(29)).await;
    assert_eq!(store.replay_job(job.id).await.unwrap().unwrap().replayed, 2, "events before its start");
    let sent: Vec<_> = deliver_all(store, t(30)).await.iter().map(|one| one.delivery.sequence.0).collect();
    assert_eq!(sorted(sent), [1, 2]);
}

fn sorted(mut numbers: Vec<u64>) -> Vec<u64> {
    numbers.sort_unstable();
    numbers
}

/// It is not known whether they arrived. An explicit position asks for them.
pub async fn what_retention_has_deleted_is_not_missing(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=3).await;
    fan_out(store, t(1)).await;
    deliver_all(store, t(1)).await;
    assert_eq!(store.delete_settled_deliveries(t(100)).await.unwrap(), 3);
    assert_eq!(stored(store, 1).await.forgotten_to, Sequence(3));
    let missing = ReplayFilter { missing: true, ..ReplayFilter::default() };
    for (n, from_sequence, expect) in [(1, None, 0), (2, Some(Sequence(2)), 2)] {
        let job = start(store, n, ReplayFilter { from_sequence, ..missing.clone() }, t(101)).await;
        run(store, t(101)).await;
        assert_eq!(store.replay_job(job.id).await.unwrap().unwrap().replayed, expect);
    }
}

/// It goes before a later event that waits, and not at the same time.
pub async fn a_missing_event_gets_its_place_in_its_lane(store: &impl Store) {
    create_streams(store, [1]).await;
    add(store, Endpoint { start_sequence: Sequence(1), ..endpoint(1) }).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let filter = ReplayFilter { missing: true, from_sequence: Some(Sequence(1)), ..ReplayFilter::default() };
    start(store, 1, filter, t(22)).await;
    run(store, t(22)).await;
    let sent = deliver_all(store, t(23)).await;
    assert_eq!(sent.iter().map(|one| one.delivery.sequence.0).collect::<Vec<_>>(), [1, 2]);
}

/// Two requests under one key come at the same time.
pub async fn a_replay_begins_once(store: &impl Store) {
    add(store, endpoint(1)).await;
    let job = start(store, 1, ReplayFilter::default(), t(3)).await;
    assert_eq!(store.run_replay(2, t(4)).await.unwrap().unwrap().state, ReplayState::Done);
    let other = ReplayFilter { from_sequence: Some(Sequence(1)), ..ReplayFilter::default() };
    for filter in [ReplayFilter::default(), other] {
        let again = StartReplay { id: job.id, endpoint: endpoint_id(1), filter, fresh_ids: false };
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
            fresh_ids: false,
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
