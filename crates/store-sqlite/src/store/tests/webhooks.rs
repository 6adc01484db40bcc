//! Deliveries that break off between any two steps leave nothing behind, and outlive a crash.

use fluxora_delivery::{
    AttemptOptions, AttemptResult, Endpoint, EndpointId, EndpointState, HeaderProfile, Jitter, Ordering,
    OutcomeCode, Policy,
};
use fluxora_store::conformance::FailingDelivery;
use fluxora_store::delivery::{FollowerCache, Settlement, steps as delivery_steps};
use fluxora_store::{DeliveryStore, EndpointStore};
use fluxora_stream::EventFilter;

use super::fault_injection::everything;
use super::*;
use crate::faults::Attempt;
use crate::webhooks::Webhooks;

const LEASE: SignedDuration = SignedDuration::from_secs(30);

fn endpoint() -> Endpoint {
    Endpoint {
        id: EndpointId::new(uuid(7)),
        owner: None,
        url: "https://receiver.example".to_owned(),
        description: String::new(),
        filter: EventFilter::default(),
        state: EndpointState::Active,
        headers: HeaderProfile::Contract,
        ordering: Ordering::default(),
        options: AttemptOptions::default(),
        secrets: Vec::new(),
        custom_headers: Vec::new(),
        rate_limit: None,
        start_sequence: Sequence(0),
        created_at: Timestamp::UNIX_EPOCH,
        updated_at: Timestamp::UNIX_EPOCH,
        version: 1,
    }
}

/// Runs a unit with ever more steps until it is done, and checks that each one that breaks off changes nothing.
macro_rules! breaking_off {
    ($store:expr, |$transaction:ident| $steps:expr) => {{
        let before = everything(&$store).await;
        let mut steps = 0;
        loop {
            let unit = move |connection: &Connection| {
                let mut $transaction = FailingDelivery::after(steps, Webhooks(connection));
                chain::run($steps)
            };
            match $store.writer.run(unit).await {
                Ok(done) => {
                    assert!(steps > 5, "it takes more than {steps} steps");
                    break done;
                }
                Err(error) => {
                    assert!(error.to_string().contains("broken off"), "{error}");
                    assert!(
                        everything(&$store).await == before,
                        "something stays of the first {steps} steps"
                    );
                }
            }
            steps += 1;
        }
    }};
}

#[tokio::test]
async fn fan_out_claims_and_results_that_break_off_at_any_step_leave_everything_as_it_was() {
    let store = SqliteStore::open(&Location::Memory, Options::default()).unwrap();
    store.create_endpoint(endpoint(), false, 9).await.unwrap();
    for n in 1..=3 {
        store.create_stream(create(n)).await.unwrap();
    }
    let now = t(50);
    let fanned_out = breaking_off!(store, |transaction| delivery_steps::fan_out(
        &mut transaction,
        &FollowerCache::default(),
        10,
        now
    ));
    assert_eq!(fanned_out.deliveries, 3);
    let policy = Policy::default();
    let claimed = breaking_off!(store, |transaction| delivery_steps::claim(
        &mut transaction,
        "worker",
        10,
        LEASE,
        &Policy::default(),
        now
    ));
    assert_eq!(claimed.deliveries.len(), 3);
    let result = AttemptResult::new(OutcomeCode::Delivered, now, SignedDuration::ZERO).with_status(200);
    let fence = claimed.deliveries[0].fence;
    let recorded = breaking_off!(store, |transaction| async {
        let settlement = Settlement {
            fence,
            result: AttemptResult::new(OutcomeCode::Delivered, now, SignedDuration::ZERO).with_status(200),
            jitter: Jitter::NONE,
        };
        delivery_steps::settle(&mut transaction, &[settlement], &Policy::default(), now).await
    });
    assert_eq!(recorded.len(), 1);
    let again = Settlement { fence, result, jitter: Jitter::NONE };
    let again = store.settle(vec![again], &policy, now).await.unwrap();
    assert_eq!(again, [fluxora_store::delivery::SettleOutcome::Stale]);
}

#[tokio::test]
async fn an_event_whose_body_is_too_large_is_a_dead_delivery_and_holds_nothing_up() {
    let store = SqliteStore::open(&Location::Memory, Options::default()).unwrap();
    store.create_endpoint(endpoint(), false, 9).await.unwrap();
    for n in 1..=2 {
        store.create_stream(create(n)).await.unwrap();
    }
    let topic = "x".repeat(fluxora_delivery::MAX_BODY_BYTES);
    let cause =
        format!(r#"{{"type":"contractEvent","ledger":1,"txHash":"ab","eventId":"1","topic":"{topic}"}}"#);
    let sql = "UPDATE stream_events SET data = json_set(data, '$.cause', json(?1)) WHERE seq = 1";
    let write = move |connection: &Connection| {
        connection.execute(sql, [&cause]).unwrap();
        Ok(())
    };
    store.writer.run(write).await.unwrap();
    let done = store.fan_out(10, t(1)).await.unwrap();
    assert_eq!((done.deliveries, done.too_large), (2, 1));
    let claimed = store.claim("worker", 10, LEASE, &Policy::default(), t(1)).await.unwrap();
    assert_eq!(claimed.deliveries.len(), 1);
    let figures = store.delivery_figures(t(1)).await.unwrap();
    assert_eq!((figures.dead, figures.in_flight), (1, 1));
}

/// Every second step passes over the notices as long as they cannot be written.
#[tokio::test]
async fn a_notice_that_cannot_be_written_does_not_keep_events_waiting() {
    let store = SqliteStore::open(&Location::Memory, Options::default()).unwrap();
    store.create_endpoint(endpoint(), false, 9).await.unwrap();
    let notices = AttemptOptions { notices: true, ..AttemptOptions::default() };
    let other = Endpoint { id: EndpointId::new(uuid(8)), options: notices, ..endpoint() };
    store.create_stream(create(1)).await.unwrap();
    store.fan_out(9, t(50)).await.unwrap();
    let policy = Policy::default();
    let claimed = store.claim("w", 9, LEASE, &policy, t(50)).await.unwrap();
    let result = AttemptResult::new(OutcomeCode::HttpStatus, t(50), SignedDuration::ZERO).with_status(410);
    let fence = claimed.deliveries[0].fence;
    store.settle(vec![Settlement { fence, result, jitter: Jitter::NONE }], &policy, t(51)).await.unwrap();
    store.create_endpoint(Endpoint { start_sequence: Sequence(1), ..other }, false, 9).await.unwrap();
    store.create_stream(create(2)).await.unwrap();
    let refuse = "CREATE TEMP TRIGGER refuse BEFORE INSERT ON main.webhook_deliveries WHEN new.type LIKE 'endpoint.%' \
                  BEGIN SELECT RAISE(ABORT, 'refused'); END";
    let execute = async |sql: &'static str| {
        store
            .writer
            .run(move |connection: &Connection| connection.execute_batch(sql).attempt("a test"))
            .await
            .unwrap();
    };
    let created = async |expect| {
        let mut deliveries = 0;
        for _ in 0..4 {
            deliveries += store.fan_out(9, t(52)).await.map_or(0, |done| done.deliveries);
        }
        assert_eq!(deliveries, expect);
    };
    execute(refuse).await;
    created(2).await;
    execute("DROP TRIGGER refuse").await;
    created(1).await;
}
