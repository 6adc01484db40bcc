use fluxora_delivery::DeliveryStatus;
use fluxora_stream::EventKind;

use super::*;
use crate::delivery::DeliveryQuery;

async fn walk(store: &impl DeliveryStore, query: DeliveryQuery) -> Vec<(u64, DeliveryStatus)> {
    let mut query = DeliveryQuery { limit: 2, ..query };
    let mut found = Vec::new();
    loop {
        let page = store.list_deliveries(&query).await.unwrap();
        found.extend(page.deliveries.iter().map(|listed| (listed.delivery.sequence.0, listed.status)));
        query.before = page.next;
        if page.next.is_none() {
            return found;
        }
    }
}

/// Each condition leaves out what it does not name.
pub async fn deliveries_are_listed_newest_first(store: &impl Store) {
    add(store, Endpoint { owner: Some("partner".to_owned()), ..endpoint(1) }).await;
    create_streams(store, 1..=4).await;
    fan_out(store, t(1)).await;
    let first = claim(store, 2, t(1)).await;
    settle(store, &first, &delivered(t(2)), t(2)).await;
    claim(store, 1, t(3)).await;
    cancel(store, 1).await;
    fan_out(store, t(21)).await;
    let (pending, in_flight, done) =
        (DeliveryStatus::Pending, DeliveryStatus::InFlight, DeliveryStatus::Delivered);
    let expect = [(5, pending), (4, pending), (3, in_flight), (2, done), (1, done)];
    let all = DeliveryQuery::default();
    assert_eq!(walk(store, all.clone()).await, expect);
    let status = |status| DeliveryQuery { status: Some(status), ..all.clone() };
    assert_eq!(walk(store, status(pending)).await, expect[..2]);
    assert_eq!(walk(store, status(in_flight)).await, expect[2..3]);
    assert_eq!(walk(store, status(done)).await, expect[3..]);
    assert_eq!(walk(store, status(DeliveryStatus::Dead)).await, []);
    let stream = DeliveryQuery { stream: Some(stream_id(1)), ..all.clone() };
    assert_eq!(walk(store, stream).await, [expect[0], expect[4]]);
    let kind = DeliveryQuery { kind: Some(EventKind::Cancelled), ..all.clone() };
    assert_eq!(walk(store, kind).await, expect[..1]);
    let of = |n| DeliveryQuery { endpoint: Some(endpoint_id(n)), ..all.clone() };
    assert_eq!((walk(store, of(1)).await.len(), walk(store, of(2)).await.len()), (5, 0));
    let owned = |owner: Option<&str>| DeliveryQuery { owner: Some(owner.map(str::to_owned)), ..all.clone() };
    assert_eq!(walk(store, owned(Some("partner"))).await.len(), 5);
    assert_eq!(walk(store, owned(None)).await, []);
    let since = DeliveryQuery { created_from: Some(t(21)), ..all.clone() };
    assert_eq!(walk(store, since).await, expect[..1]);
    let until = DeliveryQuery { created_until: Some(t(21)), ..all };
    assert_eq!(walk(store, until).await, expect[1..]);
}

/// What is not settled stays, however old.
pub async fn retention_deletes_settled_deliveries_with_their_attempts(store: &impl Store) {
    add(store, endpoint(1)).await;
    create_streams(store, 1..=3).await;
    fan_out(store, t(1)).await;
    let claimed = claim(store, 2, t(1)).await;
    let policy = Policy { schedule: Vec::new(), ..Policy::default() };
    let [one, two] = &claimed.deliveries[..] else { panic!("{claimed:?}") };
    let results = vec![settlement(one, delivered(t(5))), settlement(two, failed(500, t(5)))];
    store.settle(results, &policy, t(5)).await.unwrap();
    assert_eq!(store.delete_settled_deliveries(t(5)).await.unwrap(), 0);
    assert_eq!(store.delivery_figures(t(5)).await.unwrap().dead, 1);
    assert_eq!(store.delete_settled_deliveries(t(6)).await.unwrap(), 2);
    assert_eq!(store.attempts(one.delivery.id, 0, 100).await.unwrap(), []);
    assert_eq!(store.delivery(two.delivery.id).await.unwrap(), None);
    assert_eq!(store.delivery_figures(t(6)).await.unwrap().dead, 0);
    assert_eq!(deliver_all(store, t(7)).await.len(), 1);
    assert_eq!(store.fan_out(9, t(8)).await.unwrap().deliveries, 0, "they are not written again");
    store.delete_endpoint(endpoint_id(1), t(8)).await.unwrap();
    assert_eq!(store.delete_settled_deliveries(t(9)).await.unwrap(), 1);
    let made = store.create_endpoint(endpoint(1), true, 9).await.unwrap();
    assert!(matches!(made, EndpointCreated::Done(_)), "nothing is left of it");
}

/// Since when the longest waiting delivery could be sent.
pub async fn the_oldest_due_delivery_is_one_that_may_be_sent(store: &impl Store) {
    for n in 1..=2 {
        add(store, endpoint(n)).await;
    }
    create_streams(store, [1]).await;
    fan_out(store, t(1)).await;
    let figures = store.delivery_figures(t(9)).await.unwrap();
    assert_eq!((figures.oldest_due, figures.pending, figures.active_endpoints), (Some(t(1)), 2, 2));
    let claimed = claim(store, 1, t(10)).await;
    settle(store, &claimed, &failed(500, t(10)), t(10)).await;
    pause(store, if claimed.deliveries[0].delivery.endpoint == endpoint_id(1) { 2 } else { 1 }, t(11)).await;
    assert_eq!(store.delivery_figures(t(14)).await.unwrap().oldest_due, None);
    assert_eq!(store.delivery_figures(t(15)).await.unwrap().oldest_due, Some(t(15)));
    claim(store, 9, t(16)).await;
    let figures = store.delivery_figures(t(16)).await.unwrap();
    assert_eq!((figures.oldest_due, figures.in_flight), (None, 1));
}
