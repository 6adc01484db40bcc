//! Ledgers from Stellar RPC, and everything that goes wrong on the way.

use std::sync::Arc;
use std::time::Duration;

use fluxora_stellar::testing::{Chain, FakeRpc, Fault, NETWORK_PASSPHRASE, Shape};
use fluxora_stellar::{
    Advice, HttpClient, HttpLimits, LedgerCloseMeta, LedgerError, LedgerRange, LedgerSource, Page, RpcSource,
    SourceError, VerifiedLedger, check_network, fetch,
};
use serde_json::json;

use crate::samples::{invocation, paused, watched};

/// Ledgers 10 to 39, each with one event.
fn ledgers(seed: &str) -> Vec<LedgerCloseMeta> {
    let mut chain = Chain::new(Shape::V2, seed);
    (10..40)
        .map(|ledger| chain.close(ledger, u64::from(ledger) * 5, &[invocation(Some(vec![paused(1)]))]))
        .collect()
}

fn source(rpc: &FakeRpc) -> RpcSource {
    let limits = HttpLimits { timeout: Duration::from_millis(500), body_max: 1024 * 1024 };
    RpcSource::new(&rpc.url(), HttpClient::new(limits).unwrap()).unwrap()
}

async fn ask(source: &RpcSource, from: u32, limit: usize) -> Result<Page<VerifiedLedger>, SourceError> {
    fetch(source, from, limit, &Arc::new(watched())).await
}

fn sequences(page: &Page<VerifiedLedger>) -> Vec<u32> {
    page.ledgers.iter().map(|verified| verified.ledger.sequence).collect()
}

/// The advice of the error that a fault leads to.
async fn advice(fault: Fault) -> Advice {
    let rpc = FakeRpc::start(ledgers("a")).await;
    let source = source(&rpc);
    rpc.fail_next(fault);
    let error = ask(&source, 10, 5).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("secret-key"), "{error:?}");
    assert_eq!(sequences(&ask(&source, 10, 3).await.unwrap()), [10, 11, 12], "the next answer is used");
    error.advice()
}

#[tokio::test]
async fn ledgers_come_verified_and_in_order_up_to_the_tip() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    let source = source(&rpc);
    let mut next = 10;
    while next < 40 {
        let page = ask(&source, next, 100).await.unwrap();
        assert_eq!(page.latest, Some(39));
        for verified in &page.ledgers {
            assert_eq!(verified.ledger.sequence, next);
            assert_eq!(verified.events.len(), 1);
            next += 1;
        }
        assert!(!page.ledgers.is_empty());
    }
    assert_eq!(source.range().await.unwrap(), Some(LedgerRange { oldest: 10, latest: 39 }));
}

#[tokio::test]
async fn at_the_tip_there_is_an_empty_page_and_no_error() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    let source = source(&rpc);
    let page = ask(&source, 40, 10).await.unwrap();
    assert_eq!((sequences(&page), page.latest), (vec![], Some(39)));
}

#[tokio::test]
async fn both_codes_for_a_ledger_outside_of_the_range_are_understood_by_the_range_that_is_reported() {
    for code in [-32600, -32602] {
        let rpc = FakeRpc::start(ledgers("a")).await;
        let source = source(&rpc);
        let outside = || Fault::Rpc(code, "start ledger must be between".to_owned());
        rpc.fail_next(outside());
        assert!(ask(&source, 40, 10).await.unwrap().ledgers.is_empty());
        rpc.fail_next(outside());
        let error = ask(&source, 9, 10).await.unwrap_err();
        assert!(matches!(error, SourceError::Pruned { ledger: 9, oldest: 10 }), "{error:?}");
        assert_eq!(error.advice(), Advice::AskLake);
        rpc.fail_next(outside());
        let error = ask(&source, 20, 10).await.unwrap_err();
        assert!(
            matches!(error, SourceError::Contradictory { ledger: 20, oldest: 10, latest: 39 }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_lagging_server_has_an_empty_page_and_shows_its_lower_tip() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    rpc.lag_at(Some(20));
    let page = ask(&source(&rpc), 30, 10).await.unwrap();
    assert_eq!((sequences(&page), page.latest), (vec![], Some(20)));
}

#[tokio::test]
async fn ledger_numbers_may_be_strings() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    rpc.numbers_as_strings();
    let source = source(&rpc);
    assert_eq!(sequences(&ask(&source, 38, 10).await.unwrap()), [38, 39]);
    assert!(ask(&source, 40, 10).await.unwrap().ledgers.is_empty());
}

#[tokio::test]
async fn each_fault_of_a_server_becomes_an_advice() {
    for (fault, expected) in [
        (Fault::RetryAfter(429, 7), Advice::Wait(Some(Duration::from_secs(7)))),
        (Fault::RetryAfter(503, 3), Advice::Wait(Some(Duration::from_secs(3)))),
        (Fault::Html(429), Advice::Wait(None)),
        (Fault::Rpc(-32603, "not healthy".to_owned()), Advice::Wait(None)),
        (Fault::Rpc(-32001, "processing limit".to_owned()), Advice::Shrink),
        (Fault::Html(504), Advice::Shrink),
        (Fault::Stalled, Advice::Shrink),
        (Fault::Html(200), Advice::Rotate),
        (Fault::Html(502), Advice::Rotate),
        (Fault::HalfJson, Advice::Rotate),
        (Fault::Truncated, Advice::Rotate),
        (Fault::Closed, Advice::Rotate),
        (Fault::Rpc(-32601, "method not found".to_owned()), Advice::Rotate),
        (Fault::Html(401), Advice::Demote),
        (Fault::Html(403), Advice::Demote),
    ] {
        assert_eq!(advice(fault.clone()).await, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_server_that_serves_its_first_page_for_ever_is_caught_by_the_sequence() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    rpc.fail_always(Some(Fault::FirstPage));
    let error = ask(&source(&rpc), 20, 5).await.unwrap_err();
    assert!(matches!(error, SourceError::Misplaced { expected: 20, found: 10 }), "{error:?}");
    assert_eq!(error.advice(), Advice::Demote);
}

#[tokio::test]
async fn fewer_ledgers_are_asked_for_after_an_answer_that_is_too_large_until_it_fits() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    let limits = HttpLimits { timeout: Duration::from_secs(5), body_max: 8 * 1024 };
    let source = RpcSource::new(&rpc.url(), HttpClient::new(limits).unwrap()).unwrap();
    let mut failures = 0;
    let page = loop {
        match ask(&source, 10, 100).await {
            Ok(page) => break page,
            Err(error) => assert_eq!(error.advice(), Advice::Shrink, "{error:?}"),
        }
        failures += 1;
    };
    assert!((1..4).contains(&failures), "{failures}");
    assert_eq!(sequences(&page)[0], 10);
    let asked: Vec<_> =
        rpc.requests().iter().map(|(_, params)| params["pagination"]["limit"].as_u64().unwrap()).collect();
    assert!(asked.is_sorted_by(|one, other| one > other), "{asked:?}");
}

#[tokio::test]
async fn a_server_of_another_network_is_refused_by_its_passphrase() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    let source = source(&rpc);
    check_network(&source, NETWORK_PASSPHRASE).await.unwrap();
    rpc.set_network("Public Global Stellar Network ; September 2015");
    let error = check_network(&source, NETWORK_PASSPHRASE).await.unwrap_err();
    assert_eq!(error.advice(), Advice::Demote, "{error}");
}

#[tokio::test]
async fn a_false_ledger_ends_the_page_before_it_and_is_an_error_where_it_comes_first() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    // Ledger 13 of another chain: true by itself, and no successor of 12.
    rpc.put(ledgers("b").swap_remove(3));
    let source = source(&rpc);
    assert_eq!(sequences(&ask(&source, 10, 10).await.unwrap()), [10, 11, 12]);
    let page = ask(&source, 13, 10).await.unwrap();
    assert_eq!(sequences(&page), [13], "14 does not follow the false 13");

    let mut dropped = ledgers("a").swap_remove(4);
    crate::samples::edit_meta(&mut dropped, 0, |meta| {
        let stellar_xdr::TransactionMeta::V4(meta) = meta else { panic!("V4") };
        crate::samples::edit(&mut meta.operations, |list| list[0].events = Vec::new().try_into().unwrap());
    });
    rpc.put(dropped);
    let error = ask(&source, 14, 10).await.unwrap_err();
    assert!(matches!(error, SourceError::Refused(LedgerError::EventsHash { ledger: 14, .. })), "{error:?}");
    assert_eq!(error.advice(), Advice::Demote);
}

#[tokio::test]
async fn a_protocol_bump_that_can_be_decoded_is_followed() {
    let mut chain = Chain::new(Shape::V2, "bump");
    let before = chain.close(10, 50, &[]);
    chain.upgrade(31);
    let after = chain.close(11, 55, &[]);
    let rpc = FakeRpc::start([before, after]).await;
    let page = ask(&source(&rpc), 10, 10).await.unwrap();
    assert_eq!(page.ledgers.iter().map(|verified| verified.ledger.protocol).collect::<Vec<_>>(), [23, 31]);
}

#[tokio::test]
async fn an_unhealthy_server_is_waited_for() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    rpc.set_healthy(false);
    let error = source(&rpc).range().await.unwrap_err();
    assert_eq!(error.advice(), Advice::Wait(None));
    assert!(error.to_string().contains("latency"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_away_is_an_error_and_its_key_is_not_shown() {
    let rpc = FakeRpc::start([]).await;
    let source = source(&rpc);
    drop(rpc);
    let error = ask(&source, 10, 1).await.unwrap_err();
    assert!(matches!(error, SourceError::Connect(_) | SourceError::Timeout { .. }), "{error:?}");
    assert!(!source.name().contains("secret"), "{}", source.name());
}

#[tokio::test]
async fn ledgers_are_asked_for_by_their_number_and_never_by_a_cursor() {
    let rpc = FakeRpc::start(ledgers("a")).await;
    ask(&source(&rpc), 12, 3).await.unwrap();
    let expected = json!({"startLedger": 12, "pagination": {"limit": 3}});
    assert_eq!(rpc.requests(), [("getLedgers".to_owned(), expected)]);
}
