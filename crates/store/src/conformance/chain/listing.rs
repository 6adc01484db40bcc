use fluxora_indexer::Opaque;

use super::events::*;
use super::*;
use crate::chain::{ContractEventQuery, EventCursor};

/// Contract events are listed as they came, in the order of the chain, a page after the other.
pub async fn contract_events_are_listed_in_the_order_of_the_chain(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        unknown(At(10, 1, 1)),
        transfer(At(10, 2, 0), 3),
        withdrew(At(10, 2, 1), 0, 3),
        withdrew(At(11, 1, 0), 0, 4),
    ];
    let shuffled = [&events[3], &events[0], &events[4], &events[2], &events[1]].map(Clone::clone);
    MAIN.push(store, &shuffled, None).await;
    let mut after = None;
    let mut read = Vec::new();
    loop {
        let query = ContractEventQuery { after, limit: 2, ..ContractEventQuery::default() };
        let page = store.contract_events(&query).await.unwrap();
        assert!(page.events.len() <= 2);
        after = page
            .events
            .last()
            .map(|last| EventCursor { position: last.event.position, id: last.event.id.clone() });
        read.extend(page.events);
        if !page.more {
            break;
        }
    }
    assert_eq!(
        read.iter().map(|listed| &listed.event).collect::<Vec<_>>(),
        events.iter().collect::<Vec<_>>()
    );
    assert!(read.iter().all(|listed| listed.ledger_hash == MAIN.hash(listed.event.position.ledger)));
}

/// Ledgers, contract and topic narrow the list down.
pub async fn contract_events_are_filtered(store: &impl Store) {
    let events = [
        created(At(10, 1, 0), 0, 100, 1),
        transfer(At(11, 2, 0), 3),
        withdrew(At(11, 2, 1), 0, 3),
        withdrew(At(12, 1, 0), 0, 4),
    ];
    MAIN.push(store, &events, None).await;
    let all = ContractEventQuery { limit: 10, ..ContractEventQuery::default() };
    let opaque = |text: &str| Some(Opaque::new(text).unwrap());
    for (query, expect) in [
        (all.clone(), vec![0, 1, 2, 3]),
        (ContractEventQuery { from_ledger: Some(11), ..all.clone() }, vec![1, 2, 3]),
        (ContractEventQuery { to_ledger: Some(11), ..all.clone() }, vec![0, 1, 2]),
        (ContractEventQuery { from_ledger: Some(12), to_ledger: Some(11), ..all.clone() }, vec![]),
        (ContractEventQuery { topic: opaque("withdrew"), ..all.clone() }, vec![2, 3]),
        (ContractEventQuery { contract: opaque(&token().to_string()), ..all.clone() }, vec![1]),
        (ContractEventQuery { contract: opaque("another"), ..all.clone() }, vec![]),
    ] {
        let page = store.contract_events(&query).await.unwrap();
        let found: Vec<_> = page.events.iter().map(|listed| &listed.event).collect();
        assert_eq!(found, expect.iter().map(|n: &usize| &events[*n]).collect::<Vec<_>>(), "{query:?}");
    }
}
