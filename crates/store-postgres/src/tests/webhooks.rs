//! Deliveries of several processes on one database.

use std::collections::HashSet;

use fluxora_delivery::{
    AttemptOptions, AttemptResult, Endpoint, EndpointId, EndpointState, HeaderProfile, Jitter, Ordering,
    OutcomeCode, Policy,
};
use fluxora_store::conformance::FailingDelivery;
use fluxora_store::delivery::{
    Claimed, EndpointUpdate, FollowerCache, SettleOutcome, Settlement, StartReplay, steps,
};
use fluxora_store::{DeliveryStore, EndpointStore, Sequence};
use fluxora_stream::EventFilter;
use futures_util::future::join_all;

use super::plans::{FILL, lines};
use super::replicas::session;
use super::*;
use crate::webhooks::{QUERIES, Webhooks};

const LEASE: SignedDuration = SignedDuration::from_secs(30);

fn endpoint(n: u64) -> Endpoint {
    Endpoint {
        id: EndpointId::new(uuid(1_000 + n)),
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
        created_at: t(0),
        updated_at: t(0),
        version: 1,
    }
}

async fn claim(store: &PostgresStore, limit: u32, now: Timestamp) -> Claimed {
    store.claim("worker", limit, LEASE, &Policy::default(), now).await.unwrap()
}

fn delivered(claimed: &Claimed) -> Vec<Settlement> {
    let result = AttemptResult::new(OutcomeCode::Delivered, t(0), SignedDuration::ZERO).with_status(200);
    let settlement = |fence| Settlement { fence, result: result.clone(), jitter: Jitter::NONE };
    claimed.deliveries.iter().map(|one| settlement(one.fence)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_fan_out_claim_and_settle_at_once_send_each_delivery_once_and_in_order() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let stores = [open(&database).await, open(&database).await, open(&database).await];
    for n in 1..=4 {
        stores[0].create_endpoint(endpoint(n), false, 9).await.unwrap();
    }
    put(&stores[0], 1..=20).await;
    let sent = std::sync::Mutex::new(Vec::new());
    let process = async |store: &PostgresStore| {
        for n in 1..=20 {
            store.cancel_stream(&id(n), fluxora_store::still(t(20))).await.unwrap();
            while store.fan_out(7, t(21)).await.unwrap().more {}
            let claimed = claim(store, 9, t(21)).await;
            sent.lock().unwrap().extend(claimed.deliveries.iter().map(|one| one.delivery.clone()));
            store.settle(delivered(&claimed), &Policy::default(), t(21)).await.unwrap();
        }
    };
    join_all(stores.iter().map(process)).await;
    loop {
        let claimed = claim(&stores[0], 64, t(22)).await;
        if claimed.deliveries.is_empty() {
            break;
        }
        sent.lock().unwrap().extend(claimed.deliveries.iter().map(|one| one.delivery.clone()));
        stores[0].settle(delivered(&claimed), &Policy::default(), t(22)).await.unwrap();
    }
    let sent = sent.into_inner().unwrap();
    let events: u64 = database.sql("SELECT count(*) FROM stream_events").parse().unwrap();
    let distinct: HashSet<_> = sent.iter().map(|delivery| delivery.id).collect();
    assert_eq!((sent.len(), distinct.len()), (distinct.len(), usize::try_from(events * 4).unwrap()));
    assert_eq!(
        database.sql("SELECT sum(pending), sum(delivered) FROM webhook_endpoints"),
        format!("0|{}", events * 4)
    );
    let waiting = "SELECT count(*) FROM webhook_deliveries WHERE state <> 'delivered'";
    assert_eq!(database.sql(waiting), "0", "no lane is stuck");
}

#[tokio::test(flavor = "multi_thread")]
async fn dues_and_leases_follow_the_clock_of_the_database() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open_with(&database, Options { callers_time: false, ..patient() }).await;
    store.create_endpoint(endpoint(1), false, 9).await.unwrap();
    put(&store, [1]).await;
    // The clocks of these callers are wrong by years.
    store.fan_out(9, t(999_999_999)).await.unwrap();
    let claimed = claim(&store, 9, t(0)).await;
    assert_eq!(claimed.deliveries.len(), 1);
    assert_eq!(claim(&store, 9, t(999_999_999)).await.deliveries, [], "the lease has not ended");
    let outcomes = store.settle(delivered(&claimed), &Policy::default(), t(0)).await.unwrap();
    assert!(matches!(outcomes[..], [SettleOutcome::Recorded { .. }]), "{outcomes:?}");
    let recent = "SELECT settled_at > now() - INTERVAL '1 minute' FROM webhook_deliveries";
    assert_eq!(database.sql(recent), "t");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replay_is_begun_under_an_id_that_two_endpoints_use_at_the_same_time() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    for n in 1..=2 {
        store.create_endpoint(endpoint(n), false, 9).await.unwrap();
    }
    for round in 0..20 {
        let id = fluxora_delivery::ReplayId::new(uuid(round));
        let start = |n| {
            let filter = fluxora_delivery::ReplayFilter::default();
            store.start_replay(StartReplay { id, endpoint: endpoint(n).id, filter, fresh_ids: false }, t(1))
        };
        let (first, second) = tokio::join!(start(1), start(2));
        let ((first, is_first), (second, is_second)) = (first.unwrap().unwrap(), second.unwrap().unwrap());
        assert_ne!(is_first, is_second, "round {round}");
        assert_eq!(first, second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_passes_over_an_endpoint_that_another_process_holds() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    for n in 1..=2 {
        store.create_endpoint(endpoint(n), false, 9).await.unwrap();
    }
    put(&store, [1]).await;
    store.fan_out(9, t(1)).await.unwrap();
    let (holder, _task) = session(&database).await;
    holder
        .batch_execute("BEGIN; SELECT FROM webhook_endpoints ORDER BY seq LIMIT 1 FOR UPDATE")
        .await
        .unwrap();
    let claimed = claim(&store, 9, t(2)).await;
    assert_eq!(claimed.deliveries.len(), 1);
    assert_eq!(claimed.deliveries[0].delivery.endpoint, endpoint(2).id);
}

#[tokio::test(flavor = "multi_thread")]
async fn fan_out_follows_what_another_process_changes() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let [one, other] = [open(&database).await, open(&database).await];
    one.create_endpoint(endpoint(1), false, 9).await.unwrap();
    put(&one, [1]).await;
    assert_eq!(one.fan_out(9, t(2)).await.unwrap().deliveries, 1);
    other.create_endpoint(endpoint(2), true, 9).await.unwrap();
    put(&one, [2]).await;
    assert_eq!(one.fan_out(9, t(3)).await.unwrap().deliveries, 2);
    let kinds = vec![fluxora_stream::EventKind::Cancelled];
    let filtered = Endpoint { filter: EventFilter { kinds, ..EventFilter::default() }, ..endpoint(1) };
    let update = EndpointUpdate { endpoint: filtered, expected_version: None };
    other.update_endpoint(update, t(4)).await.unwrap();
    put(&one, [3]).await;
    assert_eq!(one.fan_out(9, t(5)).await.unwrap().deliveries, 1);
    other.delete_endpoint(endpoint(2).id, t(6)).await.unwrap();
    put(&one, [4]).await;
    assert_eq!(one.fan_out(9, t(7)).await.unwrap().deliveries, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_at_any_step_leaves_everything_as_it_was() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    store.create_endpoint(endpoint(1), false, 9).await.unwrap();
    put(&store, 1..=3).await;
    let everything = || {
        let table = |name: &str| database.sql(&format!("SELECT t.* FROM {name} t ORDER BY 1"));
        ["webhook_fan_out", "webhook_endpoints", "webhook_deliveries", "webhook_attempts"]
            .map(table)
            .join("\n")
    };
    let policy = Policy::default();
    for step in ["fan out", "claim", "settle"] {
        let before = everything();
        let claims = if step == "settle" { vec![claims_of(&database)] } else { Vec::new() };
        let mut steps = 0;
        loop {
            let transaction = Webhooks::begin(std::sync::Arc::new(store.lease().await), true);
            let mut failing = FailingDelivery::after(steps, transaction);
            let now = t(50);
            let done = match step {
                "fan out" => steps::fan_out(&mut failing, &FollowerCache::default(), 9, now).await.map(drop),
                "claim" => steps::claim(&mut failing, "w", 9, LEASE, &policy, now).await.map(drop),
                _ => steps::settle(&mut failing, &claims, &policy, now).await.map(drop),
            };
            if done.is_ok() {
                assert!(steps > 5, "{step} takes more than {steps} steps");
                failing.into_inner().commit().await.ok().unwrap();
                break;
            }
            drop(failing);
            until(
                &database,
                "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'",
                "0",
            );
            assert!(everything() == before, "something stays of the first {steps} steps of {step}");
            steps += 1;
        }
        assert!(everything() != before, "{step} happens in the end");
    }
}

/// The proof of one claim that is stored.
fn claims_of(database: &Database) -> Settlement {
    let row =
        database.sql("SELECT id, endpoint, claims FROM webhook_deliveries WHERE state = 'in_flight' LIMIT 1");
    let parts: Vec<_> = row.split('|').collect();
    let fence = fluxora_store::delivery::Fence {
        delivery: fluxora_delivery::DeliveryId::parse(parts[0]).unwrap(),
        endpoint: EndpointId::parse(parts[1]).unwrap(),
        claim: parts[2].parse().unwrap(),
    };
    let result = AttemptResult::new(OutcomeCode::Delivered, t(0), SignedDuration::ZERO).with_status(200);
    Settlement { fence, result, jitter: Jitter::NONE }
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_deliveries_follow_the_indexes_that_are_made_for_them() {
    let Some(cluster) = Cluster::shared() else { return };
    let fill = "INSERT INTO webhook_endpoints (id, url, description, filter, state, headers, secrets, custom_headers, start_sequence, \
            created_at, updated_at, version, breaker, runnable_at, behind) \
        SELECT 'e' || n, '', '', '{}', 'active', 'contract', '[]', '', 0, now(), now(), 1, '{}', \
            CASE WHEN n < 50 THEN now() END, CASE WHEN n < 3 THEN 0 END FROM generate_series(1, 2000) n; \
        INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, claimable_at, settled_at, worker, claimed_at, \
            attempts, tries, claims, created_at) \
        SELECT 'd' || n, 'e' || n % 2000, n, 's' || n % 1000, 'stream.created', '', \
            CASE WHEN n > 19900 THEN 'in_flight' WHEN n > 19000 THEN 'pending' ELSE 'delivered' END, \
            CASE WHEN n > 19000 THEN now() END, CASE WHEN n <= 19000 THEN now() END, CASE WHEN n > 19900 THEN 'w' END, \
            CASE WHEN n > 19900 THEN now() END, 1, 1, 1, now() FROM generate_series(1, 20000) n;";
    for fill in [fill.to_owned(), format!("{fill} ANALYZE")] {
        let database = cluster.database();
        let store = open(&database).await;
        put(&store, 1..=2).await;
        database.sql(FILL);
        database.sql(&fill);
        let client = store.lease().await;
        for (sql, indexes) in QUERIES {
            let statement = client.prepare(sql).await.unwrap();
            let nulls = vec!["NULL"; statement.params().len()].join(", ");
            let arguments = if nulls.is_empty() { nulls } else { format!("({nulls})") };
            client.batch_execute("DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan").await.unwrap();
            client.batch_execute(&format!("PREPARE q AS {sql}")).await.unwrap();
            let plan = lines(&client.simple_query(&format!("EXPLAIN EXECUTE q {arguments}")).await.unwrap());
            for index in indexes {
                assert!(plan.contains(index), "{index}\n{sql}\n{plan}");
            }
            assert!(!plan.contains("Seq Scan on webhook"), "{sql}\n{plan}");
        }
    }
}
