//! Pages of deliveries, endpoints and replays follow one index each, for every filter, for any data, and for any statistics.

use fluxora_delivery::{DeliveryStatus, EndpointId};
use fluxora_store::Sequence;
use fluxora_store::delivery::{DeliveryIndex, DeliveryQuery, EndpointQuery, ReplayQuery};
use fluxora_stream::{EventKind, StreamId};

use super::plans::lines;
use super::*;
use crate::webhooks::{listing, listing_of_endpoints, listing_of_replays};

/// Endpoints of three owners, most of them the operator's. `common` of a hundred deliveries are of one endpoint and one stream and have
/// every status; the others are delivered.
fn fill(common: u32) -> String {
    let [busy, quiet] = [1, 2].map(|n| EndpointId::new(uuid(n)).to_string());
    let [stream, other] = [1, 2].map(|n| StreamId::api(uuid(n)).to_string());
    format!(
        "INSERT INTO webhook_endpoints (id, owner, url, description, filter, state, headers, secrets, custom_headers, start_sequence, \
             created_at, updated_at, version, breaker) \
         SELECT CASE n WHEN 1 THEN '{busy}' WHEN 2 THEN '{quiet}' ELSE gen_random_uuid()::text END, \
             CASE WHEN n = 2 THEN 'quiet' WHEN n % 3 = 0 THEN 'busy' END, '', '', '{{}}', 'active', 'contract', '[]', '', 0, now(), now(), \
             1, '{{}}' FROM generate_series(1, 2000) n; \
         INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, reason, claimable_at, settled_at, worker, \
             claimed_at, attempts, tries, claims, created_at) \
         SELECT 'd' || n, CASE WHEN n % 100 < {common} THEN '{busy}' ELSE '{quiet}' END, n, \
             CASE WHEN n % 100 < {common} THEN '{stream}' ELSE '{other}' END, 'stream.created', '', state, \
             CASE state WHEN 'dead' THEN 'exhausted' END, NULL, CASE WHEN state NOT IN ('pending', 'in_flight') THEN now() END, \
             CASE state WHEN 'in_flight' THEN 'w' END, CASE state WHEN 'in_flight' THEN now() END, 1, 1, 1, now() \
         FROM (SELECT n, CASE WHEN n % 100 >= {common} THEN 'delivered' \
             ELSE (ARRAY['dead', 'pending', 'in_flight', 'cancelled'])[n % 4 + 1] END AS state FROM generate_series(1, 20000) n) AS numbered; \
         INSERT INTO webhook_replays (id, endpoint, filter, state, created_at, finished_at, cursor, upto, total, replayed) \
         SELECT gen_random_uuid(), CASE WHEN n % 100 < {common} THEN '{busy}' ELSE '{quiet}' END, '{{}}', 'done', now(), now(), 0, 0, 0, 0 \
         FROM generate_series(1, 20000) n;"
    )
}

fn owners() -> [Option<Option<String>>; 4] {
    [None, Some(None), Some(Some("quiet".to_owned())), Some(Some("none".to_owned()))]
}

fn deliveries() -> Vec<DeliveryQuery> {
    let mut queries = Vec::new();
    for status in std::iter::once(None).chain(DeliveryStatus::ALL.map(Some)) {
        for owner in owners() {
            for bits in 0..16_u8 {
                let given = |bit: u8| bits & bit != 0;
                queries.push(DeliveryQuery {
                    owner: owner.clone(),
                    endpoint: given(1).then(|| EndpointId::new(uuid(1))),
                    status,
                    stream: given(2).then(|| StreamId::api(uuid(1))),
                    kind: given(4).then_some(EventKind::Cancelled),
                    created_from: given(8).then(|| t(1)),
                    created_until: given(8).then(|| t(2)),
                    before: Some(Sequence(10_000)),
                    limit: 20,
                });
            }
        }
    }
    queries
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_deliveries_endpoints_and_replays_follow_one_index_for_any_filter() {
    let Some(cluster) = Cluster::shared() else { return };
    let few = format!("{} ANALYZE", fill(1));
    let most = format!("{} ANALYZE", fill(99));
    // Statistics from a time when every row had the common values.
    let older = "ANALYZE; UPDATE webhook_deliveries SET state = 'delivered', reason = NULL, claimable_at = NULL, settled_at = now(), \
        worker = NULL, claimed_at = NULL";
    let outdated = format!("{} {older}", fill(100));
    for fill in ["", &fill(50), &few, &most, &outdated] {
        let database = cluster.database();
        let store = open(&database).await;
        if !fill.is_empty() {
            database.sql(fill);
        }
        let client = store.lease().await;
        let check = async |statements: [Option<_>; 2], index: &str, what: String| {
            for statement in statements.into_iter().flatten() {
                let statement: crate::webhooks::Statement = statement;
                let explain = format!("EXPLAIN {}", statement.sql);
                let rows = client.query_typed(&explain, &statement.typed()).await.unwrap();
                let plan = rows.iter().map(|row| row.get(0)).collect::<Vec<&str>>().join("\n");
                assert!(plan.contains(index), "{index} for {what}\n{plan}");
                assert!(!plan.contains("Seq Scan on webhook"), "{what}\n{plan}");
                assert!(!plan.contains("Sort  ("), "{what}\n{plan}");
            }
        };
        for query in deliveries() {
            let index = match query.index() {
                DeliveryIndex::Stream(_) => "webhook_deliveries_by_stream",
                DeliveryIndex::Endpoint(_) => "webhook_deliveries_by_endpoint",
                DeliveryIndex::Dead => "webhook_deliveries_dead",
                DeliveryIndex::Open => "webhook_deliveries_open",
                DeliveryIndex::All => "webhook_deliveries_pkey",
            };
            check(listing(&query), index, format!("{query:?}")).await;
        }
        for owner in owners() {
            let query = EndpointQuery { owner: owner.clone(), before: None, limit: 20 };
            let index = if owner.is_some() { "webhook_endpoints_by_owner" } else { "webhook_endpoints_pkey" };
            check(listing_of_endpoints(&query), index, format!("{query:?}")).await;
            for endpoint in [None, Some(EndpointId::new(uuid(1)))] {
                let query = ReplayQuery { owner: owner.clone(), endpoint, before: None, limit: 20 };
                let index =
                    if endpoint.is_some() { "webhook_replays_by_endpoint" } else { "webhook_replays_pkey" };
                check(listing_of_replays(&query), index, format!("{query:?}")).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_partner_are_read_from_their_index() {
    let Some(cluster) = Cluster::shared() else { return };
    let fill = "INSERT INTO api_keys (id, name, role, owner, prefix, hash, created_at) \
        SELECT 'k' || n, 'n', 'partner', CASE WHEN n < 3 THEN 'few' ELSE 'many' END, 'p', sha256(n::text::bytea), now() \
        FROM generate_series(1, 20000) n;";
    for fill in ["", fill, &format!("{fill} ANALYZE")] {
        let database = cluster.database();
        let store = open(&database).await;
        if !fill.is_empty() {
            database.sql(fill);
        }
        let client = store.lease().await;
        for (sql, arguments, index) in [
            (crate::keys::LIST, "(10000, 21)", "api_keys_pkey"),
            (crate::keys::LIST_OF_OWNER, "(10000, 21, 'few')", "api_keys_by_owner"),
        ] {
            client.batch_execute("DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan").await.unwrap();
            client.batch_execute(&format!("PREPARE q AS {sql}")).await.unwrap();
            let plan = lines(&client.simple_query(&format!("EXPLAIN EXECUTE q {arguments}")).await.unwrap());
            assert!(plan.contains(index) && !plan.contains("Sort  ("), "{index}\n{plan}");
        }
    }
}
