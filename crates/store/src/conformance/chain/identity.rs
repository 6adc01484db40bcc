use fluxora_indexer::{ContractEvent, Opaque, Refusal};

use super::events::*;
use super::*;
use crate::chain::ContractEventQuery;

/// The same event as another pusher names it.
fn renamed(event: &ContractEvent, by: &str) -> ContractEvent {
    ContractEvent { id: Opaque::new(&format!("{by}-{}", event.id)).unwrap(), ..event.clone() }
}

/// A second pusher with ids of its own: each event is stored once and counts once.
pub async fn an_event_under_two_ids_counts_once(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(11, 1, 0), 0, 40)];
    MAIN.push(store, &events, Some(12)).await;
    let again = events.clone().map(|event| renamed(&event, "other"));
    let ingested = MAIN.push(store, &again, Some(13)).await;
    assert_eq!((ingested.inserted, ingested.duplicates), (vec![], vec![0, 1]));
    assert_eq!(withdrawn(store, 0).await, Some(40));
    let query = ContractEventQuery { limit: 10, ..ContractEventQuery::default() };
    let listed = store.contract_events(&query).await.unwrap().events;
    assert_eq!(listed.into_iter().map(|listed| listed.event).collect::<Vec<_>>(), events);
}

/// At one position lies one event: other contents there are refused under any id.
pub async fn other_contents_at_a_known_position_are_a_conflict(store: &impl Store) {
    MAIN.push(store, &[withdrew(At(10, 1, 0), 0, 5)], None).await;
    let before = store.chain_state().await.unwrap();
    let other = renamed(&withdrew(At(10, 1, 0), 0, 6), "other");
    let refused = MAIN.try_push(store, &[created(At(11, 1, 0), 1, 100, 1), other], Some(12)).await;
    assert_eq!(refused, Err(Refusal::EventConflict { indices: vec![1] }));
    assert_eq!(store.chain_state().await.unwrap(), before);
}

/// One batch of two pushers' reports.
pub async fn a_position_given_twice_in_a_batch_is_stored_once(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(11, 1, 0), 0, 40)];
    let both =
        [events[0].clone(), events[1].clone(), renamed(&events[1], "other"), renamed(&events[0], "other")];
    let ingested = MAIN.push(store, &both, Some(12)).await;
    assert_eq!((ingested.inserted, ingested.duplicates), (vec![0, 1], vec![2, 3]));
    assert_eq!((withdrawn(store, 0).await, ingested.state.events), (Some(40), 2));
    let twice = [withdrew(At(12, 1, 0), 0, 1), renamed(&withdrew(At(12, 1, 0), 0, 2), "other")];
    let refused = MAIN.try_push(store, &twice, None).await;
    assert_eq!(refused, Err(Refusal::EventConflict { indices: vec![1] }));
}

/// A fork has other events at the same positions: the hash of the ledger is part of an event's identity.
pub async fn a_fork_has_other_events_at_the_same_positions(store: &impl Store) {
    let events = [created(At(10, 1, 0), 0, 100, 1), withdrew(At(11, 1, 0), 0, 40)];
    MAIN.push(store, &events, Some(12)).await;
    let other = renamed(&withdrew(At(11, 1, 0), 0, 7), "other");
    let ingested = MAIN.forked("b", 11).push(store, &[other], Some(12)).await;
    assert_eq!(ingested.inserted, [0]);
    assert_eq!(withdrawn(store, 0).await, Some(7));
}
