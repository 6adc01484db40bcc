//! `getEvents`: what it gives, and what it cannot prove.

use std::time::Duration;

use fluxora_stellar::testing::{Chain, FakeRpc, Fault, Shape, TestTransaction, scenarios};
use fluxora_stellar::{EventsFrom, HttpClient, HttpLimits, RpcSource, SourceError, WatchList, verify};

use crate::samples::{invocation, paused, watched};

fn source(rpc: &FakeRpc) -> RpcSource {
    let limits = HttpLimits { timeout: Duration::from_secs(5), ..HttpLimits::default() };
    RpcSource::new(&rpc.url(), HttpClient::new(limits).unwrap()).unwrap()
}

#[tokio::test]
async fn the_events_of_a_scenario_are_those_of_its_ledgers_without_the_transfers() {
    let scenario = scenarios().into_iter().find(|scenario| scenario.name == "pause_resume").unwrap();
    let watched = WatchList::new([scenario.contract.as_str()]).unwrap();
    let ledgers = scenario.eventful_ledgers(Shape::V2);
    let proven = ledgers.iter().flat_map(|meta| verify(meta, &watched).unwrap().events);
    let proven: Vec<_> = proven
        .map(|verified| verified.event)
        .filter(|event| event.contract.as_str() == scenario.contract)
        .collect();
    let rpc = FakeRpc::start(ledgers).await;
    let source = source(&rpc);
    let mut from = EventsFrom::Ledger(scenario.steps[0].ledger);
    let mut taken = Vec::new();
    loop {
        let page = source.events(&watched, &from, 5).await.unwrap();
        let done = page.covered_to == page.latest;
        taken.extend(page.events.into_iter().map(|unproven| unproven.0));
        from = EventsFrom::Cursor(page.cursor);
        if done {
            break;
        }
    }
    assert_eq!(taken, proven);
}

#[tokio::test]
async fn a_forged_event_in_a_payment_is_given_by_get_events_and_not_taken_from_the_ledger() {
    let ledger = Chain::new(Shape::V2, "forged").close(
        10,
        50,
        &[TestTransaction::Payment { events: vec![paused(1)] }],
    );
    assert!(verify(&ledger, &watched()).unwrap().events.is_empty());
    let rpc = FakeRpc::start([ledger]).await;
    let page = source(&rpc).events(&watched(), &EventsFrom::Ledger(10), 10).await.unwrap();
    assert_eq!(page.events.len(), 1, "this is why its events are marked as unproven");
}

#[tokio::test]
async fn a_full_page_covers_only_the_ledgers_before_its_last_event() {
    let mut chain = Chain::new(Shape::V2, "pages");
    let two = [invocation(Some(vec![paused(1)])), invocation(Some(vec![paused(2)]))];
    let rpc = FakeRpc::start((10..13).map(|ledger| chain.close(ledger, 50, &two))).await;
    let source = source(&rpc);
    let first = source.events(&watched(), &EventsFrom::Ledger(10), 3).await.unwrap();
    assert_eq!((first.events.len(), first.covered_to, first.latest), (3, 10, 12));
    let second = source.events(&watched(), &EventsFrom::Cursor(first.cursor), 10).await.unwrap();
    assert_eq!((second.events.len(), second.covered_to), (3, 12));
    let third = source.events(&watched(), &EventsFrom::Cursor(second.cursor.clone()), 10).await.unwrap();
    assert_eq!((third.events.len(), third.covered_to), (0, 12), "an empty page at the tip is no error");
}

#[tokio::test]
async fn a_server_that_repeats_a_cursor_with_events_is_caught() {
    let mut chain = Chain::new(Shape::V2, "loop");
    let rpc = FakeRpc::start([chain.close(10, 50, &[invocation(Some(vec![paused(1)]))])]).await;
    let source = source(&rpc);
    let page = source.events(&watched(), &EventsFrom::Ledger(10), 1).await.unwrap();
    rpc.fail_always(Some(Fault::FirstPage));
    let error = source.events(&watched(), &EventsFrom::Cursor(page.cursor), 1).await.unwrap_err();
    assert!(matches!(error, SourceError::RepeatedCursor { .. }), "{error:?}");
}
