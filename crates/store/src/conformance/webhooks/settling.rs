use fluxora_delivery::{DeadReason, DeliveryState, DeliveryStatus, HoldReason, MAX_EXCERPT_BYTES, OnDead};

use super::*;
use crate::delivery::{DeliveryQuery, Fence};

/// Everything that was reported of an attempt is kept.
pub async fn attempts_are_kept_with_their_results(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let result = failed(503, t(2)).with_retry_after(SignedDuration::from_secs(9)).with_excerpt(&vec![
        0xff;
        MAX_EXCERPT_BYTES
            + 9
    ]);
    let claimed = claim(store, 1, t(2)).await;
    let id = claimed.deliveries[0].delivery.id;
    settle(store, &claimed, &result, t(3)).await;
    let claimed = claim(store, 1, t(50)).await;
    settle(store, &claimed, &delivered(t(50)), t(51)).await;
    let attempts = store.attempts(id, 0, 100).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((&attempts[0].result, &attempts[1].result), (&result, &delivered(t(50))));
    assert_eq!(attempts[0].result.excerpt.len(), MAX_EXCERPT_BYTES);
    let listed = store.delivery(id).await.unwrap().unwrap();
    assert_eq!((listed.status, listed.delivery.attempts), (DeliveryStatus::Delivered, 2));
    assert_eq!(listed.delivery.state, DeliveryState::Delivered { at: t(51) });
}

/// The next event of the stream is sent only after the first has arrived.
pub async fn a_failed_delivery_is_retried_and_holds_its_lane_up(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let mut now = 21;
    for wait in [5, 30, 120] {
        let claimed = claim(store, 9, t(now)).await;
        assert_eq!(claimed.deliveries[0].delivery.sequence, Sequence(1));
        settle(store, &claimed, &failed(404, t(now)), t(now)).await;
        assert_eq!(claim(store, 9, t(now + wait - 1)).await.deliveries, []);
        now += wait;
    }
    let sent = deliver_all(store, t(now)).await;
    assert_eq!(sent.iter().map(|one| one.delivery.sequence.0).collect::<Vec<_>>(), [1, 2]);
}

/// The gap is visible by the numbers of the stream's events.
pub async fn a_delivery_is_given_up_after_its_schedule_and_the_next_goes_on(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let policy = Policy { schedule: vec![SignedDuration::from_secs(1)], ..Policy::default() };
    for now in [21, 22] {
        let claimed = claim(store, 9, t(now)).await;
        let settled = settlement(&claimed.deliveries[0], failed(500, t(now)));
        store.settle(vec![settled], &policy, t(now)).await.unwrap();
    }
    let dead = DeliveryQuery { status: Some(DeliveryStatus::Dead), limit: 9, ..DeliveryQuery::default() };
    let dead = store.list_deliveries(&dead).await.unwrap().deliveries;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].delivery.state, DeliveryState::Dead { at: t(22), reason: DeadReason::Exhausted });
    assert_eq!(deliver_all(store, t(22)).await[0].delivery.sequence, Sequence(2));
    let figures = store.delivery_figures(t(22)).await.unwrap();
    assert_eq!((figures.dead, figures.delivered, figures.pending), (1, 1, 0));
}

/// The lease has ended, but nobody else has claimed the delivery.
pub async fn a_late_result_counts_while_nobody_else_has_claimed(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 1, t(1)).await;
    let outcomes = settle(store, &claimed, &delivered(t(99)), t(99)).await;
    assert!(matches!(outcomes[..], [SettleOutcome::Recorded { held: None, .. }]), "{outcomes:?}");
    let outcomes = settle(store, &claimed, &failed(500, t(99)), t(99)).await;
    assert_eq!(outcomes, [SettleOutcome::Stale], "it was settled");
    assert_eq!(store.attempts(claimed.deliveries[0].delivery.id, 0, 100).await.unwrap().len(), 1);
}

/// At shutdown nothing waits for the end of a lease.
pub async fn released_deliveries_are_due_at_once_and_cost_no_attempt(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=3).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 9, t(1)).await;
    let fences: Vec<_> = claimed.deliveries.iter().map(|one| one.fence).collect();
    let mut void: Vec<Fence> = fences.clone();
    void[0].claim += 1;
    assert_eq!(store.release(void, t(2)).await.unwrap(), 2, "a void claim is passed over");
    let again = claim(store, 9, t(2)).await;
    assert_eq!(again.deliveries.len(), 2);
    assert!(again.deliveries.iter().all(|one| one.attempt == 1 && one.delivery.attempts == 0));
    let outcomes = settle(store, &claimed, &delivered(t(3)), t(3)).await;
    let recorded =
        outcomes.iter().filter(|outcome| matches!(outcome, SettleOutcome::Recorded { .. })).count();
    assert_eq!(recorded, 1, "only the claim that was not given back");
}

/// It is not attempted again until a person resumes it.
pub async fn an_answer_of_410_holds_the_endpoint(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=2).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 1, t(1)).await;
    let outcomes = settle(store, &claimed, &failed(410, t(2)), t(2)).await;
    let gone = Some(HoldReason::Gone);
    assert!(matches!(&outcomes[..], [SettleOutcome::Recorded { held, .. }] if *held == gone), "{outcomes:?}");
    let state = stored(store, 1).await.endpoint.state;
    assert_eq!(state, EndpointState::Held { since: t(2), reason: HoldReason::Gone });
    assert_eq!(claim(store, 9, t(999_999)).await.deliveries, []);
    let held = DeliveryQuery { status: Some(DeliveryStatus::Held), limit: 9, ..DeliveryQuery::default() };
    assert_eq!(store.list_deliveries(&held).await.unwrap().deliveries.len(), 2);
    assert_eq!(store.delivery_figures(t(3)).await.unwrap().held_endpoints, 1);
}

/// Those of its owner that ask for it, and never itself.
pub async fn the_other_endpoints_of_an_owner_are_notified_of_one_that_is_held(store: &impl Store) {
    let owned = |n, owner: &str, notices| Endpoint {
        owner: Some(owner.to_owned()),
        options: AttemptOptions { notices, ..AttemptOptions::default() },
        ..endpoint(n)
    };
    for (n, owner, notices) in [(1, "acme", true), (2, "acme", true), (3, "acme", false), (4, "other", true)]
    {
        add(store, owned(n, owner, notices)).await;
    }
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 9, t(1)).await;
    let result = |n| if n == endpoint_id(1) { failed(410, t(2)) } else { delivered(t(2)) };
    let settled =
        claimed.deliveries.iter().map(|one| settlement(one, result(one.delivery.endpoint))).collect();
    store.settle(settled, &Policy::default(), t(2)).await.unwrap();
    assert_eq!(stored(store, 1).await.notices.len(), 1);
    assert_eq!(fan_out(store, t(3)).await, 1);
    assert_eq!(stored(store, 1).await.notices, [], "it is fanned out once");
    let sent = deliver_all(store, t(3)).await;
    let [notice] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!((notice.delivery.endpoint, notice.delivery.about()), (endpoint_id(2), Some(endpoint_id(1))));
    assert_eq!(notice.delivery.event_type, "endpoint.held");
    let body = String::from_utf8(notice.delivery.body.clone()).unwrap();
    assert!(body.contains(r#""reason":"gone""#), "{body}");
    assert_eq!(fan_out(store, t(4)).await, 0);
    let figures = store.delivery_figures(t(4)).await.unwrap();
    assert_eq!((figures.delivered, figures.pending, figures.held), (4, 0, 1));
    store.delete_settled_deliveries(t(5)).await.unwrap();
    assert_eq!(stored(store, 2).await.forgotten_to, Sequence(1), "a notice is no event of the log");
}

fn notified(n: u64, options: AttemptOptions) -> Endpoint {
    Endpoint { options: AttemptOptions { notices: true, ..options }, ..endpoint(n) }
}

/// Two results of one endpoint are recorded at once: each has its notice, in order, and the events after them are fanned out.
pub async fn notices_of_one_instant_are_all_fanned_out(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=3).await;
    fan_out(store, t(1)).await;
    add(store, Endpoint { start_sequence: Sequence(3), ..notified(2, AttemptOptions::default()) }).await;
    let of_first = claim(store, 9, t(1)).await.deliveries;
    let policy = Policy { hold_after: None, ..Policy::default() };
    let day = t(1 + 25 * 3_600);
    store.settle(vec![settlement(&of_first[0], failed(500, t(1)))], &policy, t(1)).await.unwrap();
    let both = vec![settlement(&of_first[1], failed(500, day)), settlement(&of_first[2], failed(410, day))];
    store.settle(both, &policy, day).await.unwrap();
    let instants: Vec<_> = stored(store, 1).await.notices.iter().map(|notice| notice.at).collect();
    assert_eq!(instants, [day, day + SignedDuration::from_millis(1)]);
    create_streams(store, [4]).await;
    assert_eq!(fan_out(store, day).await, 4, "two notices, and the event to both endpoints");
    let sent = deliver_all(store, day + LEASE).await;
    let notices = sent.iter().filter(|one| one.delivery.about().is_some());
    let types: Vec<_> = notices.map(|one| one.delivery.event_type.as_str()).collect();
    assert_eq!(types, ["endpoint.failing", "endpoint.held"]);
}

/// It comes after one that is given up and blocks the notices about that endpoint.
pub async fn a_notice_waits_for_the_end_of_the_block_of_its_lane(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let options = AttemptOptions {
        retry_seconds: Some(vec![10]),
        on_dead: OnDead::Block,
        max_lane_block_seconds: Some(60),
        ..AttemptOptions::default()
    };
    add(store, Endpoint { start_sequence: Sequence(1), ..notified(2, options) }).await;
    let gone = async |now| {
        let claimed = claim(store, 9, now).await;
        settle(store, &claimed, &failed(410, now), now).await;
        assert_eq!(fan_out(store, now).await, 1);
    };
    gone(t(2)).await;
    for now in [2, 12] {
        let claimed = claim(store, 9, t(now)).await;
        settle(store, &claimed, &failed(500, t(now)), t(now)).await;
    }
    change(store, 1, StateChange::Resume(ResumeFrom::Held), t(13)).await;
    gone(t(40)).await;
    assert_eq!(claim(store, 9, t(71)).await.deliveries, []);
    assert_eq!(claim(store, 9, t(72)).await.deliveries[0].delivery.about(), Some(endpoint_id(1)));
}

/// A notice has no position in the event log.
pub async fn a_replay_of_positions_leaves_notices_out(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    add(store, Endpoint { start_sequence: Sequence(1), ..notified(2, AttemptOptions::default()) }).await;
    settle(store, &claim(store, 9, t(1)).await, &failed(410, t(1)), t(1)).await;
    create_streams(store, [2]).await;
    assert_eq!(fan_out(store, t(2)).await, 3);
    assert_eq!(deliver_all(store, t(2)).await.len(), 2, "the notice and the event");
    for (n, from_sequence, to_sequence, expect) in
        [(1, Some(Sequence(1)), None, 1), (2, None, Some(Sequence(u64::MAX >> 1)), 1), (3, None, None, 2)]
    {
        let replay = StartReplay {
            id: ReplayId::new(uuid(800_000 + n)),
            endpoint: endpoint_id(2),
            filter: ReplayFilter { from_sequence, to_sequence, ..ReplayFilter::default() },
            fresh_ids: false,
        };
        let (job, _) = store.start_replay(replay, t(3)).await.unwrap().unwrap();
        assert_eq!(job.total, expect);
        while store.run_replay(9, t(3)).await.unwrap().is_some() {}
        assert_eq!(store.replay_job(job.id).await.unwrap().unwrap().replayed, expect);
        deliver_all(store, t(4)).await;
    }
}

/// 429 keeps all lanes of the endpoint waiting.
pub async fn an_answer_of_429_blocks_the_endpoint_for_as_long_as_it_asks(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=3).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 1, t(1)).await;
    let asked = failed(429, t(1)).with_retry_after(SignedDuration::from_secs(60));
    settle(store, &claimed, &asked, t(1)).await;
    let none = claim(store, 9, t(60)).await;
    assert_eq!((none.deliveries.len(), none.next_at), (0, Some(t(61))));
    assert_eq!(claim(store, 9, t(61)).await.deliveries.len(), 3);
}

/// Days without a success.
pub async fn an_endpoint_that_fails_for_days_is_held(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=30).await;
    fan_out(store, t(1)).await;
    let policy = Policy { hold_after: Some(SignedDuration::from_hours(1)), ..Policy::default() };
    let mut now = 1;
    let mut failures = 0;
    while stored(store, 1).await.endpoint.state.is_active() {
        let claimed = store.claim("worker", 9, LEASE, &policy, t(now)).await.unwrap();
        let settled =
            claimed.deliveries.iter().map(|one| settlement(one, failed(500, t(now)))).collect::<Vec<_>>();
        failures += settled.len();
        store.settle(settled, &policy, t(now)).await.unwrap();
        now += 300;
        assert!(now < 99_999, "it is never held");
    }
    assert!(failures >= 20 && now > 3_600, "{failures} failures, {now} seconds");
    let reason = stored(store, 1).await.endpoint.state.reason().map(str::to_owned);
    assert_eq!(reason.as_deref(), Some("failing"));
}
