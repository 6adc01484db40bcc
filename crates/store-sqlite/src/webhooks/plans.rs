//! Every query that runs while deliveries are sent follows an index that holds no settled delivery.

use rusqlite::Connection;

use super::{deliveries, endpoints, events, lists, replays, retention};
use crate::Location;
use crate::open;

fn plan(connection: &Connection, sql: &str) -> String {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let count = statement.parameter_count();
    let values = vec![rusqlite::types::Value::Integer(1); count];
    let rows =
        statement.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
    rows.collect::<Result<Vec<_>, _>>().unwrap().join("\n")
}

#[track_caller]
fn check(connection: &Connection, sql: &str, index: &str) {
    let plan = plan(connection, sql);
    assert!(plan.contains(index), "{index}\n{sql}\n{plan}");
    assert!(!plan.contains("SCAN d\n") && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
}

#[test]
fn claims_results_and_fan_out_follow_their_indexes() {
    let opened = open::writer(&Location::Memory, std::time::Duration::ZERO).unwrap();
    let connection = &opened.connection;
    for analyzed in [false, true] {
        if analyzed {
            fill(connection);
        }
        for (sql, index) in [
            (endpoints::RUNNABLE, "webhook_endpoints_runnable"),
            (endpoints::WITH_NOTICES, "webhook_endpoints_with_notices"),
            (endpoints::NEXT_RUNNABLE, "webhook_endpoints_runnable"),
            (events::AFTER, "INTEGER PRIMARY KEY"),
            (deliveries::BY_ID, "sqlite_autoindex_webhook_deliveries_1"),
            (deliveries::DUE, "webhook_deliveries_due"),
            (deliveries::CLAIMABLE_AT, "webhook_deliveries_due"),
            (deliveries::IN_FLIGHT, "webhook_deliveries_in_flight"),
            (deliveries::IN_FLIGHT_OF_OWNER, "webhook_deliveries_in_flight"),
            (deliveries::IS_OPEN, "webhook_deliveries_lanes"),
            (deliveries::LANE_HEAD, "webhook_deliveries_lanes"),
            (deliveries::LANE_TURN, "webhook_deliveries_lanes"),
            (deliveries::COPIES, "webhook_deliveries_copies"),
            (deliveries::BLOCK, "webhook_deliveries_blocking"),
            (deliveries::FREE_LANES, "webhook_deliveries_blocking"),
            (deliveries::WAITING, "webhook_deliveries_lanes"),
            (deliveries::BETWEEN, "webhook_deliveries_by_endpoint"),
            (retention::SETTLED, "webhook_deliveries_settled"),
            (retention::OF_DELETED, "webhook_endpoints_deleted"),
        ] {
            check(connection, sql, index);
        }
    }
}

#[test]
fn pages_of_deliveries_are_read_in_the_order_of_an_index() {
    use fluxora_delivery::{DeliveryStatus, EndpointId};
    use fluxora_store::Sequence;
    use fluxora_store::delivery::DeliveryQuery;
    let opened = open::writer(&Location::Memory, std::time::Duration::ZERO).unwrap();
    let connection = &opened.connection;
    fill(connection);
    let all = DeliveryQuery { limit: 20, ..DeliveryQuery::default() };
    let status = |status| DeliveryQuery { status: Some(status), ..all.clone() };
    let endpoint = Some(EndpointId::new(uuid::Uuid::from_u128(1)));
    let statuses = DeliveryStatus::ALL.map(|given| match given {
        DeliveryStatus::Pending | DeliveryStatus::InFlight | DeliveryStatus::Held => {
            (status(given), "webhook_deliveries_open")
        }
        DeliveryStatus::Dead => (status(given), "webhook_deliveries_dead"),
        DeliveryStatus::Delivered | DeliveryStatus::Cancelled => (status(given), "INTEGER PRIMARY KEY"),
    });
    let others = [
        (all.clone(), "INTEGER PRIMARY KEY"),
        (DeliveryQuery { endpoint, ..all.clone() }, "webhook_deliveries_by_endpoint"),
        (DeliveryQuery { endpoint, ..status(DeliveryStatus::Dead) }, "webhook_deliveries_dead"),
    ];
    for (query, index) in statuses.into_iter().chain(others) {
        check(connection, &lists::statement(&query, Some(Sequence(1))).0, index);
        if let Some((window, _)) = lists::window(&query) {
            check(connection, &window, index);
        }
    }
}

#[test]
fn pages_of_endpoints_and_replays_are_read_in_the_order_of_an_index() {
    use fluxora_delivery::EndpointId;
    use fluxora_store::delivery::{EndpointQuery, ReplayQuery};
    let opened = open::writer(&Location::Memory, std::time::Duration::ZERO).unwrap();
    let connection = &opened.connection;
    for owner in [None, Some(None), Some(Some("acme".to_owned()))] {
        let query = EndpointQuery { owner: owner.clone(), before: None, limit: 20 };
        let index = if owner.is_some() { "webhook_endpoints_by_owner" } else { "INTEGER PRIMARY KEY" };
        check(connection, &lists::window_of_endpoints(&query).0, index);
        check(connection, &lists::statement_of_endpoints(&query, None).0, index);
        for endpoint in [None, Some(EndpointId::new(uuid::Uuid::from_u128(1)))] {
            let query = ReplayQuery { owner: owner.clone(), endpoint, before: None, limit: 20 };
            let index =
                if endpoint.is_some() { "webhook_replays_by_endpoint" } else { "INTEGER PRIMARY KEY" };
            check(connection, &replays::statement(&query, None).0, index);
            let window = replays::window(&query);
            assert_eq!(window.is_some(), owner.is_some());
            if let Some((window, _)) = window {
                check(connection, &window, index);
            }
        }
    }
}

/// 20,000 settled deliveries and a few that are not, of ten endpoints.
fn fill(connection: &Connection) {
    let sql = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000) \
        INSERT INTO webhook_deliveries (id, endpoint, sequence, stream, type, body, state, claimable_at, settled_at, attempts, tries, \
            claims, created_at) \
        SELECT 'd' || n, 'e' || n % 10, n, 's' || n % 100, 'stream.created', x'', iif(n > 19900, 'pending', 'delivered'), \
            iif(n > 19900, n, NULL), iif(n > 19900, NULL, n), 1, 1, 1, n FROM n; ANALYZE";
    connection.execute_batch(sql).unwrap();
}
