use fluxora_indexer::Opaque;

use super::events::*;
use super::*;
use crate::Sequence;
use crate::chain::{Arrivals, CONTRACT_EVENT_WINDOW, ContractEventQuery, EventCursor};

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

/// Reads everything that arrived after a number, in pages of two. Returns the ids with their ledgers' hashes, and the last
/// number.
async fn arrived(store: &impl Store, mut after: Sequence) -> (Vec<(String, String)>, Sequence) {
    let mut read = Vec::new();
    loop {
        let arrivals = Some(Arrivals::after(after));
        let query = ContractEventQuery { arrivals, limit: 2, ..ContractEventQuery::default() };
        let page = store.contract_events(&query).await.unwrap();
        assert!(page.events.len() <= 2);
        for listed in page.events {
            assert!(listed.arrival > after, "numbers rise");
            after = listed.arrival;
            read.push((listed.event.id.to_string(), listed.ledger_hash.to_string()));
        }
        if !page.more {
            return (read, after);
        }
    }
}

/// An event that arrives late comes last, and events that a reorg removed come again when they are pushed again.
pub async fn contract_events_are_listed_in_the_order_of_their_arrival(store: &impl Store) {
    let named = |branch: &Branch<'_>, events: &[&ContractEvent]| -> Vec<_> {
        let name =
            |event: &&ContractEvent| (event.id.to_string(), branch.hash(event.position.ledger).to_string());
        events.iter().map(name).collect()
    };
    let [first, late, second, third] = [
        created(At(10, 1, 0), 0, 100, 1),
        created(At(11, 1, 0), 1, 100, 1),
        created(At(12, 1, 0), 2, 100, 1),
        created(At(13, 1, 0), 3, 100, 1),
    ];
    MAIN.push(store, &[first.clone(), second.clone()], Some(14)).await;
    let (read, last) = arrived(store, Sequence(0)).await;
    assert_eq!(read, named(&MAIN, &[&first, &second]));
    assert_eq!(arrived(store, last).await, (vec![], last));

    MAIN.push(store, std::slice::from_ref(&late), None).await;
    let (read, last) = arrived(store, last).await;
    assert_eq!(read, named(&MAIN, &[&late]));
    let (read, _) = arrived(store, Sequence(0)).await;
    assert_eq!(read, named(&MAIN, &[&first, &second, &late]));

    // The newest numbers belong to events that the fork removes: none is given again.
    MAIN.push(store, std::slice::from_ref(&third), None).await;
    let (_, last) = arrived(store, last).await;
    let fork = MAIN.forked("b", 11);
    fork.push(store, &[late.clone(), second.clone()], Some(14)).await;
    let (read, end) = arrived(store, last).await;
    assert_eq!(read, named(&fork, &[&late, &second]));
    assert!(end > last);
    let (read, _) = arrived(store, Sequence(0)).await;
    assert_eq!(read[0], named(&MAIN, &[&first])[0]);
    assert_eq!(read[1..], named(&fork, &[&late, &second]));
}

/// A page for a topic ends with its window, and the next one begins there; neither order leaves an event out.
pub async fn a_page_of_contract_events_looks_through_a_bounded_number(store: &impl Store) {
    let window = CONTRACT_EVENT_WINDOW;
    let rare = |ledger, index| transfer(At(ledger, 1, index), 3);
    let common: Vec<_> = (1..window + 10).map(|index| unknown(At(10, 1, index))).collect();
    let events: Vec<_> = std::iter::once(rare(10, 0)).chain(common).chain([rare(11, 0)]).collect();
    for part in events.chunks(100) {
        MAIN.push(store, part, None).await;
    }
    let topic = Some(Opaque::new("transfer").unwrap());
    let query = ContractEventQuery { topic, limit: 10, ..ContractEventQuery::default() };
    let page = store.contract_events(&query).await.unwrap();
    assert_eq!((page.events.len(), page.more), (1, true));
    let until = page.until.expect("the window ended the page");
    assert_eq!(until.position, events[usize::try_from(window).unwrap() - 1].position);
    let rest =
        store.contract_events(&ContractEventQuery { after: Some(until), ..query.clone() }).await.unwrap();
    assert_eq!((rest.events.len(), rest.more, rest.until), (1, false, None));

    let arrivals = Arrivals::after(Sequence(0));
    let page = store
        .contract_events(&ContractEventQuery { arrivals: Some(arrivals), ..query.clone() })
        .await
        .unwrap();
    assert_eq!((page.events.len(), page.more), (1, true));
    let arrivals = Arrivals::after(arrivals.upto);
    let rest =
        store.contract_events(&ContractEventQuery { arrivals: Some(arrivals), ..query }).await.unwrap();
    assert_eq!((rest.events.len(), rest.more), (1, false));
}
