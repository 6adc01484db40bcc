//! What a delivery that is not acknowledged does to the later ones of its stream.

use fluxora_delivery::{AttemptOptions, DeadReason, DeliveryState, OnDead};

use super::*;

/// One retry after ten seconds; a dead delivery blocks its lane for a minute.
fn blocking() -> AttemptOptions {
    AttemptOptions {
        retry_seconds: Some(vec![10]),
        on_dead: OnDead::Block,
        max_lane_block_seconds: Some(60),
        ..AttemptOptions::default()
    }
}

/// An endpoint with two deliveries in one lane, of which the first has died at `t(31)`. Returns both.
async fn with_a_dead_head(store: &impl Store, options: AttemptOptions) -> [fluxora_delivery::DeliveryId; 2] {
    add(store, Endpoint { options, ..endpoint(1) }).await;
    create_streams(store, [1]).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let mut first = None;
    for now in [21, 31] {
        let claimed = claim(store, 9, t(now)).await;
        assert_eq!(sequences(&claimed), [1], "the second waits");
        settle(store, &claimed, &failed(500, t(now)), t(now)).await;
        first = Some(claimed.deliveries[0].delivery.id);
    }
    [first.unwrap(), fluxora_delivery::DeliveryId::of(endpoint_id(1), Sequence(2))]
}

async fn read(store: &impl Store, id: fluxora_delivery::DeliveryId) -> fluxora_delivery::Delivery {
    store.delivery(id).await.unwrap().unwrap().delivery
}

/// The lane goes on when the longest block ends, for what waited and for what comes then.
pub async fn a_dead_delivery_blocks_its_lane_for_as_long_as_its_endpoint_asks(store: &impl Store) {
    let [first, second] = with_a_dead_head(store, blocking()).await;
    let dead = read(store, first).await;
    assert_eq!(dead.state, DeliveryState::Dead { at: t(31), reason: DeadReason::Exhausted });
    assert_eq!(dead.blocks_until, Some(t(91)));
    assert_eq!(read(store, second).await.state, DeliveryState::Pending { due_at: Some(t(91)) });
    let none = claim(store, 9, t(90)).await;
    assert_eq!((none.deliveries.len(), none.next_at), (0, Some(t(91))));
    assert_eq!(sequences(&claim(store, 9, t(91)).await), [2]);
}

/// Also one that is fanned out while nothing waits in the lane.
pub async fn an_event_that_comes_while_its_lane_is_blocked_waits_for_the_end_of_the_block(
    store: &impl Store,
) {
    add(store, Endpoint { options: blocking(), ..endpoint(1) }).await;
    create_streams(store, 1..=2).await;
    fan_out(store, t(1)).await;
    for now in [1, 11] {
        let claimed = claim(store, 9, t(now)).await;
        settle(store, &claimed, &failed(500, t(now)), t(now)).await;
    }
    cancel(store, 1).await;
    create_streams(store, [3]).await;
    fan_out(store, t(20)).await;
    let free = claim(store, 9, t(20)).await;
    assert_eq!(streams_of(&free), names([3]), "other lanes go on");
    settle(store, &free, &delivered(t(20)), t(20)).await;
    assert_eq!(claim(store, 9, t(70)).await.deliveries, []);
    let after = claim(store, 9, t(71)).await;
    assert_eq!(streams_of(&after), names([1]));
}

/// The lane goes on with it, and then with what waited.
pub async fn a_replay_of_the_dead_delivery_ends_its_block(store: &impl Store) {
    let [first, _] = with_a_dead_head(store, blocking()).await;
    assert!(store.replay(first, None, t(40)).await.unwrap().unwrap().1);
    assert_eq!(read(store, first).await.blocks_until, None);
    let sent = deliver_all(store, t(40)).await;
    assert_eq!(sent.iter().map(|one| one.delivery.sequence.0).collect::<Vec<_>>(), [1, 2]);
}

/// Also a replay of a replay that died and blocks.
pub async fn a_replay_of_the_dead_delivery_under_a_new_id_ends_its_block(store: &impl Store) {
    let [first, second] = with_a_dead_head(store, blocking()).await;
    let (copy, done) = store.replay(first, Some(uuid(1)), t(40)).await.unwrap().unwrap();
    assert!(done);
    assert_eq!(read(store, first).await.blocks_until, None);
    assert_eq!(read(store, second).await.state, DeliveryState::Pending { due_at: None });
    for now in [40, 50] {
        let claimed = claim(store, 9, t(now)).await;
        assert_eq!(claimed.deliveries[0].delivery.id, copy.delivery.id);
        settle(store, &claimed, &failed(500, t(now)), t(now)).await;
    }
    assert_eq!(read(store, copy.delivery.id).await.blocks_until, Some(t(110)));
    let (again, done) = store.replay(first, Some(uuid(2)), t(60)).await.unwrap().unwrap();
    assert!(done);
    assert_eq!(read(store, copy.delivery.id).await.blocks_until, None);
    let sent: Vec<_> = deliver_all(store, t(60)).await.iter().map(|one| one.delivery.id).collect();
    assert_eq!(sent, [again.delivery.id, second]);
}

/// It waits for the end of the block, also if it is the first that is not settled.
pub async fn a_delivery_behind_a_block_is_not_skipped(store: &impl Store) {
    let [first, second] = with_a_dead_head(store, blocking()).await;
    assert!(!store.skip(second, t(40)).await.unwrap().unwrap().1);
    assert_eq!(read(store, second).await.state, DeliveryState::Pending { due_at: Some(t(91)) });
    assert_eq!(read(store, first).await.blocks_until, Some(t(91)));
    assert!(store.skip(second, t(91)).await.unwrap().unwrap().1, "it has the turn");
}

/// No delivery waits for another one.
pub async fn without_an_order_nothing_is_skipped(store: &impl Store) {
    add(store, Endpoint { ordering: Ordering::None, ..endpoint(1) }).await;
    create_streams(store, [1]).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    for id in [1, 2].map(|n| fluxora_delivery::DeliveryId::of(endpoint_id(1), Sequence(n))) {
        let before = read(store, id).await;
        assert!(!store.skip(id, t(22)).await.unwrap().unwrap().1);
        assert_eq!(read(store, id).await, before);
    }
}

/// It blocks again when it dies again.
pub async fn a_replayed_delivery_that_dies_blocks_its_lane_again(store: &impl Store) {
    let [first, second] = with_a_dead_head(store, blocking()).await;
    store.replay(first, None, t(40)).await.unwrap();
    for now in [40, 50] {
        let claimed = claim(store, 9, t(now)).await;
        assert_eq!(sequences(&claimed), [1]);
        settle(store, &claimed, &failed(500, t(now)), t(now)).await;
    }
    assert_eq!(read(store, first).await.blocks_until, Some(t(110)));
    assert_eq!(read(store, second).await.state, DeliveryState::Pending { due_at: Some(t(110)) });
}

/// Once: then it holds nothing up.
pub async fn a_skip_lets_a_blocked_lane_go_on(store: &impl Store) {
    let [first, _] = with_a_dead_head(store, blocking()).await;
    let (listed, done) = store.skip(first, t(40)).await.unwrap().unwrap();
    assert!(done && listed.status == DeliveryStatus::Dead, "it stays dead: {listed:?}");
    assert!(!store.skip(first, t(40)).await.unwrap().unwrap().1, "it blocks nothing any more");
    assert_eq!(sequences(&claim(store, 9, t(40)).await), [2]);
    assert!(store.skip(fluxora_delivery::DeliveryId::new(uuid(1)), t(40)).await.unwrap().is_none());
}

/// It is attempted on, and what follows it is neither held up by it nor by its end.
pub async fn a_skipped_delivery_that_is_attempted_leaves_its_lane(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let first = claim(store, 9, t(21)).await;
    let [first_id, second_id] = [1, 2].map(|n| fluxora_delivery::DeliveryId::of(endpoint_id(1), Sequence(n)));
    assert!(!store.skip(second_id, t(21)).await.unwrap().unwrap().1, "the second waits itself");
    assert!(store.skip(first_id, t(22)).await.unwrap().unwrap().1, "the first is in flight");
    let second = claim(store, 9, t(22)).await;
    assert_eq!(sequences(&second), [2]);
    settle(store, &first, &failed(500, t(23)), t(23)).await;
    settle(store, &second, &delivered(t(24)), t(24)).await;
    assert_eq!(claim(store, 9, t(27)).await.deliveries, []);
    let again = claim(store, 9, t(28)).await;
    assert_eq!((sequences(&again), again.deliveries[0].attempt), (vec![1], 2));
    settle(store, &again, &delivered(t(28)), t(28)).await;
    assert_eq!(read(store, first_id).await.blocks_until, None);
}

/// The owner trades the order for time: the first delivery is attempted on beside its lane.
pub async fn a_delivery_that_holds_its_lane_up_for_too_long_is_overtaken(store: &impl Store) {
    let options = AttemptOptions { max_lane_block_seconds: Some(60), ..AttemptOptions::default() };
    add(store, Endpoint { options, ..endpoint(1) }).await;
    create_streams(store, [1]).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    for now in [21, 26, 56] {
        let claimed = claim(store, 9, t(now)).await;
        assert_eq!(sequences(&claimed), [1], "the second waits");
        settle(store, &claimed, &failed(500, t(now)), t(now)).await;
    }
    assert_eq!(claim(store, 9, t(80)).await.deliveries, []);
    let overtaking = claim(store, 9, t(81)).await;
    assert_eq!(sequences(&overtaking), [2], "a minute after the first attempt");
    settle(store, &overtaking, &delivered(t(81)), t(81)).await;
    let first = claim(store, 9, t(176)).await;
    assert_eq!((sequences(&first), first.deliveries[0].attempt), (vec![1], 4));
    settle(store, &first, &delivered(t(176)), t(176)).await;
    let figures = store.delivery_figures(t(176)).await.unwrap();
    assert_eq!((figures.delivered, figures.pending, figures.dead), (2, 0, 0));
}

/// What waited is cancelled, and no lane is blocked by what died before.
pub async fn an_endpoint_resumed_from_now_has_no_blocked_lanes(store: &impl Store) {
    let [first, second] = with_a_dead_head(store, blocking()).await;
    pause(store, 1, t(40)).await;
    change(store, 1, StateChange::Resume(ResumeFrom::Now), t(41)).await;
    assert_eq!(read(store, first).await.blocks_until, None);
    assert_eq!(read(store, second).await.state, DeliveryState::Cancelled { at: t(41) });
}

/// With which claim and which address, how long each phase took, and what was decided then.
pub async fn the_details_of_an_attempt_are_kept(store: &impl Store) {
    use fluxora_delivery::{Exchange, Phase, TlsVersion};
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let microseconds = |n| Some(SignedDuration::from_micros(n));
    let exchange = Exchange {
        address: Some("[2001:db8::7]:8443".parse().unwrap()),
        tls: Some(TlsVersion::V1_2),
        is_reused: false,
        dns: microseconds(1_001),
        connect: microseconds(2_002),
        handshake: microseconds(3_003),
        first_byte: None,
        failed_in: Some(Phase::Head),
        location: Some("https://elsewhere.example/ü".to_owned()),
    };
    let claimed = claim(store, 1, t(2)).await;
    settle(store, &claimed, &failed(302, t(2)).with_exchange(exchange.clone()), t(2)).await;
    let again = claim(store, 1, t(7)).await;
    settle(store, &again, &delivered(t(7)), t(7)).await;
    let attempts = store.attempts(again.deliveries[0].delivery.id, 0, 9).await.unwrap();
    assert_eq!(attempts[0].result.exchange, exchange);
    assert_eq!((attempts[0].claim, attempts[0].next_attempt_at), (Some(1), Some(t(7))));
    assert_eq!((attempts[1].claim, attempts[1].next_attempt_at), (Some(2), None));
    assert_eq!(attempts[1].result.exchange, Exchange::default());
}
