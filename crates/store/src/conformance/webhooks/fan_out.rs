use std::collections::HashSet;

use fluxora_delivery::DeliveryId;
use fluxora_stream::{EventKind, LoggedEvent};
use futures_util::future::join_all;

use super::*;
use crate::delivery::{DeliveryQuery, FannedOut};

/// Each committed event gives one delivery for each endpoint.
pub async fn an_event_is_fanned_out_once_to_each_endpoint(store: &impl Store) {
    add(store, endpoint(1)).await;
    add(store, endpoint(2)).await;
    create_streams(store, 1..=5).await;
    assert_eq!(fan_out(store, t(1)).await, 10);
    assert_eq!(fan_out(store, t(2)).await, 0, "a further step finds nothing");
    let sent = deliver_all(store, t(3)).await;
    let pairs: HashSet<_> = sent.iter().map(|one| (one.delivery.endpoint, one.delivery.sequence)).collect();
    assert_eq!((sent.len(), pairs.len()), (10, 10));
    for one in &sent {
        assert_eq!(one.delivery.id, DeliveryId::of(one.delivery.endpoint, one.delivery.sequence));
    }
    let figures = store.delivery_figures(t(3)).await.unwrap();
    assert_eq!((figures.fanned_out, figures.head), (Sequence(5), Sequence(5)));
}

/// The body is the public event object with the id of the delivery, the same on every attempt.
pub async fn the_body_of_a_delivery_is_its_event(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let page = store.events_after(Sequence(0), &EventFilter::default(), 1).await.unwrap();
    let logged: &LoggedEvent = &page.events[0];
    let first = claim(store, 1, t(1)).await;
    let delivery = &first.deliveries[0].delivery;
    assert_eq!(delivery.body, fluxora_delivery::body(delivery.id, logged).unwrap());
    let body: serde_json::Value = serde_json::from_slice(&delivery.body).unwrap();
    assert_eq!(body["delivery_id"], delivery.id.to_string());
    assert_eq!(body["sequence"], 1);
    settle(store, &first, &failed(500, t(1)), t(1)).await;
    let second = claim(store, 1, t(100)).await;
    assert_eq!(second.deliveries[0].delivery.body, delivery.body);
}

/// Events that a filter leaves out give no delivery, and the cursor passes them.
pub async fn the_filter_of_an_endpoint_leaves_events_out(store: &impl Store) {
    let filter = |n, filter| Endpoint { filter, ..endpoint(n) };
    let all = EventFilter::default();
    add(store, filter(1, EventFilter { kinds: vec![EventKind::Cancelled], ..all.clone() })).await;
    add(store, filter(2, EventFilter { stream: Some(stream_id(2)), ..all.clone() })).await;
    add(store, filter(3, EventFilter { sender: Some(address(1)), ..all.clone() })).await;
    add(store, filter(4, EventFilter { recipient: Some(address(9)), ..all.clone() })).await;
    create_streams(store, 1..=3).await;
    cancel(store, 2).await;
    fan_out(store, t(21)).await;
    let sent = deliver_all(store, t(21)).await;
    let of = |n: u64| {
        let of_endpoint = sent.iter().filter(|one| one.delivery.endpoint == endpoint_id(n));
        of_endpoint.map(|one| one.delivery.sequence.0).collect::<Vec<_>>()
    };
    assert_eq!(of(1), [4]);
    assert_eq!(of(2), [2, 4]);
    assert_eq!(of(3).len(), 4);
    assert!(of(4).is_empty());
    assert_eq!(store.delivery_figures(t(21)).await.unwrap().fanned_out, Sequence(4));
}

/// At the head of the log, or at an earlier position: then it is caught up in the order of the log.
pub async fn an_endpoint_gets_the_events_after_its_start(store: &impl Store) {
    create_streams(store, 1..=6).await;
    fan_out(store, t(1)).await;
    let EndpointCreated::Done(at_head) = store.create_endpoint(endpoint(1), true, 9).await.unwrap() else {
        panic!("it was not written")
    };
    assert_eq!((at_head.endpoint.start_sequence, at_head.behind), (Sequence(6), None));
    let earlier = add(store, Endpoint { start_sequence: Sequence(2), ..endpoint(2) }).await;
    assert_eq!(earlier.behind, Some(Sequence(2)));
    create_streams(store, [7]).await;
    cancel(store, 3).await;
    // In small steps, so that it is behind over several of them.
    while store.fan_out(1, t(21)).await.unwrap().more {}
    assert_eq!(stored(store, 2).await.behind, None);
    let sent = deliver_all(store, t(22)).await;
    let of = |n: u64| {
        let of_endpoint = sent.iter().filter(|one| one.delivery.endpoint == endpoint_id(n));
        let mut sequences: Vec<_> = of_endpoint.map(|one| one.delivery.sequence.0).collect();
        sequences.sort_unstable();
        sequences
    };
    assert_eq!(of(1), [7, 8]);
    assert_eq!(of(2), [3, 4, 5, 6, 7, 8]);
    let lane = sent
        .iter()
        .filter(|one| one.delivery.endpoint == endpoint_id(2) && one.delivery.stream == stream_id(3));
    assert_eq!(
        lane.map(|one| one.delivery.sequence.0).collect::<Vec<_>>(),
        [3, 8],
        "in the order of the log"
    );
}

/// Events that no endpoint can get are passed over in one step, also more than a step reads.
pub async fn without_an_endpoint_one_step_passes_over_all_events(store: &impl Store) {
    create_streams(store, 1..=5).await;
    let passed = FannedOut { events: 5, ..FannedOut::default() };
    assert_eq!(store.fan_out(1, t(1)).await.unwrap(), passed);
    assert_eq!(store.fan_out(1, t(1)).await.unwrap(), FannedOut::default());
    assert_eq!(store.delivery_figures(t(1)).await.unwrap().fanned_out, Sequence(5));
    add(store, Endpoint { start_sequence: Sequence(3), ..endpoint(1) }).await;
    create_streams(store, [6]).await;
    assert_eq!(fan_out(store, t(2)).await, 3, "an endpoint that begins before them gets them");
}

/// Fan-out follows each change of the endpoints that matters to it, from the next event on.
pub async fn changes_of_endpoints_hold_from_the_next_event_on(store: &impl Store) {
    let filter = |kinds| EventFilter { kinds, ..EventFilter::default() };
    add(store, endpoint(1)).await;
    create_streams(store, [1]).await;
    assert_eq!(fan_out(store, t(1)).await, 1);
    let none = Endpoint { filter: filter(vec![EventKind::Cancelled]), ..endpoint(1) };
    let update = EndpointUpdate { endpoint: none, expected_version: None };
    store.update_endpoint(update, t(2)).await.unwrap();
    create_streams(store, [2]).await;
    assert_eq!(fan_out(store, t(3)).await, 0, "the filter leaves it out");
    let all = EndpointUpdate { endpoint: endpoint(1), expected_version: None };
    store.update_endpoint(all, t(4)).await.unwrap();
    add(store, Endpoint { start_sequence: Sequence(2), ..endpoint(2) }).await;
    create_streams(store, [3]).await;
    assert_eq!(fan_out(store, t(5)).await, 2, "one to each");
    assert!(store.delete_endpoint(endpoint_id(1), t(6)).await.unwrap());
    add(store, Endpoint { start_sequence: Sequence(1), ..endpoint(3) }).await;
    create_streams(store, [4]).await;
    assert_eq!(fan_out(store, t(7)).await, 4, "two that were missed and one to each");
    create_streams(store, [5]).await;
    assert_eq!(fan_out(store, t(8)).await, 2, "the one that was behind follows the log");
}

/// Steps that are taken at the same time share the work.
pub async fn concurrent_steps_of_fan_out_write_each_delivery_once(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=40).await;
    let steps = join_all((0..16).map(|_| store.fan_out(5, t(1)))).await;
    let written: u64 = steps.into_iter().map(|step| step.unwrap().deliveries).sum();
    assert_eq!(written + fan_out(store, t(1)).await, 40);
    let all = store.list_deliveries(&DeliveryQuery { limit: 100, ..DeliveryQuery::default() }).await.unwrap();
    let sequences: HashSet<_> = all.deliveries.iter().map(|listed| listed.delivery.sequence).collect();
    assert_eq!((all.deliveries.len(), sequences.len()), (40, 40));
}

/// Deliveries of an endpoint that is not active are written too.
pub async fn events_are_fanned_out_to_a_paused_endpoint(store: &impl Store) {
    add(store, endpoint(1)).await;
    pause(store, 1, t(0)).await;
    create_streams(store, 1..=3).await;
    assert_eq!(fan_out(store, t(1)).await, 3);
    assert_eq!(claim(store, 10, t(2)).await.deliveries, []);
    let figures = store.delivery_figures(t(2)).await.unwrap();
    assert_eq!((figures.held, figures.pending, figures.paused_endpoints), (3, 0, 1));
}
