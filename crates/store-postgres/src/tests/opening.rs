use futures_util::future::join_all;

use super::*;
use crate::{OpenError, Schema, check_schema, migrate};

async fn refused(location: &Location) -> OpenError {
    PostgresStore::open(location, patient()).await.unwrap_err()
}

/// All that an operator may get to see of an error.
fn shown(error: &OpenError) -> String {
    let chain = fluxora_store::error_chain(error);
    format!("{chain} {error:?} {error:#?}")
}

const MIGRATIONS: [&str; 28] = [
    "V1__streams",
    "V2__chain",
    "V3__cheaper_rows",
    "V4__idempotency_records",
    "V5__streams_by_update",
    "V6__event_log_without_gaps",
    "V7__constraint_names",
    "V8__event_positions",
    "V9__contract_families",
    "V10__dependents_by_ledger",
    "V11__chain_gaps",
    "V12__chain_follower",
    "V13__webhooks",
    "V14__audit",
    "V15__followers_version",
    "V16__treasury_sums",
    "V17__access",
    "V18__endpoint_options",
    "V19__order_of_arrival",
    "V20__keys_by_owner",
    "V21__unreadable_streams",
    "V22__time_events",
    "V23__treasury_runways",
    "V24__invocations",
    "V25__stream_drifts",
    "V26__lanes_that_wait",
    "V27__replays_under_new_ids",
    "V28__endpoint_notices",
];
const HISTORY: &str = "SELECT count(*) FROM fluxora_schema_history";

#[tokio::test(flavor = "multi_thread")]
async fn ten_replicas_that_start_at_once_make_the_schema_once() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let stores = join_all((0..10).map(|_| open(&database))).await;
    assert_eq!(database.sql(HISTORY), MIGRATIONS.len().to_string());
    for (n, store) in (1..).zip(&stores) {
        put(store, [n]).await;
    }
    assert_eq!(database.sql("SELECT count(*) FROM streams"), "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn migrating_alone_says_what_was_done_and_checking_says_what_is_to_do() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let (location, options) = (location(&database), patient());
    let all = MIGRATIONS.map(str::to_owned).to_vec();
    assert_eq!(check_schema(&location, &options).await.unwrap(), Schema::Behind(all.clone()));
    assert_eq!(
        database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"),
        "0",
        "checking changes nothing"
    );
    assert_eq!(migrate(&location, &options).await.unwrap(), all);
    assert_eq!(migrate(&location, &options).await.unwrap(), Vec::<String>::new());
    assert_eq!(check_schema(&location, &options).await.unwrap(), Schema::Current);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_first_version_is_brought_up_to_date_with_all_that_is_in_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let first =
        refinery::Migration::unapplied("V1__streams", include_str!("../../migrations/V1__streams.sql"));
    let (first, account) = (first.unwrap(), AccountId::from_public_key([1; 32]));
    database.sql(&format!(
        "{} CREATE TABLE fluxora_schema_history \
         (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255)); \
         INSERT INTO fluxora_schema_history VALUES (1, 'streams', '2026-01-01T00:00:00Z', '{}'); \
         INSERT INTO streams (id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, \
             created_at, updated_at, events) \
         SELECT '{}', 'api', '{account}', '{account}', 100, 1, 0, 0, 4000000000, 0, 'active', '2026-01-01', '2026-01-01', 1; \
         INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
         SELECT seq, 1, 'stream.started', '2026-01-01', '2026-01-01', '{{}}' FROM streams; \
         INSERT INTO kept_answers (scope, key, request, status, location, body, made_at) VALUES ('create', 'k', '{STORED_BY_0_1_0}', \
             201, '/api/streams/1', '{{\"id\":\"1\"}}', '2026-01-01')",
        first.sql().unwrap(),
        first.checksum(),
        id(1),
    ));
    let behind = Schema::Behind(MIGRATIONS.iter().skip(1).map(|name| (*name).to_owned()).collect());
    assert_eq!(check_schema(&location(&database), &Options::default()).await.unwrap(), behind);
    let store = open(&database).await;
    assert!(store.stream(&id(1)).await.unwrap().is_some());
    store.cancel_stream(&id(1), fluxora_store::still(t(20))).await.unwrap();
    assert_eq!(store.stream_events(&id(1), 0, 10).await.unwrap().unwrap().events.len(), 2);
    assert_eq!(fluxora_store::ChainStore::chain_state(&store).await.unwrap(), Default::default());
    let now = "2026-01-01T12:00:00Z".parse().unwrap();
    let key = IdempotencyKey::parse("k").unwrap();
    let record = store.idempotency_record("create", &key, now).await.unwrap().unwrap();
    assert_eq!(record.request, r#"["GA","GB","100.50","1",null,5,null]"#);
    let response: serde_json::Value = serde_json::from_slice(&record.response).unwrap();
    let expect = serde_json::json!({"status": 201, "location": "/api/streams/1", "body": r#"{"id":"1"}"#});
    assert_eq!(response, expect);
}

/// A request as version 0.1.0 stored it.
const STORED_BY_0_1_0: &str = r#"[Some("GA"), Some("GB")] [Some("100.50"), Some("1")] [None, Some(5), None]"#;

#[tokio::test(flavor = "multi_thread")]
async fn events_at_one_position_are_set_aside_and_named() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    database.sql(&schema_before_unique_positions());
    database.sql(
        "INSERT INTO ledgers (sequence, hash) VALUES (7, 'a7'), (9, 'a9'); \
         INSERT INTO contract_events (id, ledger, tx_index, operation_index, event_index, contract_id, topic, tx_hash, happened_at, \
             payload, class) \
         SELECT id, ledger, 1, 0, 0, 'C', 't', 'h', '2026-01-01', payload::json, 'unknown' FROM (VALUES ('b', 7, '{}'), ('a', 7, '{ }'), \
             ('é', 7, '{\"x\":1}'), ('B', 9, '{}'), ('z', 9, '{}'), ('once', 8, '{}')) AS e (id, ledger, payload); \
         UPDATE chain_state SET tip_ledger = 9, tip_hash = 'a9', last_safe = 8, events = 6, pending = 2, unknown_events = 6",
    );
    let store = open(&database).await;
    let kept = "SELECT string_agg(id, ' ' ORDER BY ledger) FROM contract_events";
    assert_eq!(database.sql(kept), "a once B");
    let state = fluxora_store::ChainStore::chain_state(&store).await.unwrap();
    assert_eq!((state.events, state.pending, state.unknown), (3, 1, 3));
    let report = verified(&store).await;
    let named: Vec<_> =
        report.repeated.iter().map(|one| (one.id.as_str(), one.kept.as_str(), one.is_same)).collect();
    assert_eq!(named, [("b", "a", true), ("é", "a", false), ("z", "B", true)]);
}

/// The schema and the list of migrations up to and with V7.
fn schema_before_unique_positions() -> String {
    let migrations = [
        include_str!("../../migrations/V1__streams.sql"),
        include_str!("../../migrations/V2__chain.sql"),
        include_str!("../../migrations/V3__cheaper_rows.sql"),
        include_str!("../../migrations/V4__idempotency_records.sql"),
        include_str!("../../migrations/V5__streams_by_update.sql"),
        include_str!("../../migrations/V6__event_log_without_gaps.sql"),
        include_str!("../../migrations/V7__constraint_names.sql"),
    ];
    let mut schema = "CREATE TABLE fluxora_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), \
                      applied_on VARCHAR(255), checksum VARCHAR(255));"
        .to_owned();
    for (name, sql) in MIGRATIONS.iter().zip(migrations) {
        let migration = refinery::Migration::unapplied(name, sql).unwrap();
        let (version, name, checksum) = (migration.version(), migration.name(), migration.checksum());
        schema += sql;
        schema += &format!(
            "INSERT INTO fluxora_schema_history VALUES ({version}, '{name}', '2026-01-01T00:00:00Z', '{checksum}');"
        );
    }
    schema
}

async fn verified(store: &PostgresStore) -> fluxora_store::chain::RebuildReport {
    let scope = fluxora_store::chain::Scope::Everything;
    let progress = std::sync::Arc::new(|_| ());
    let rebuild = fluxora_store::chain::Rebuild { scope, verify_only: true, progress };
    fluxora_store::ChainStore::rebuild(store, rebuild, t(1)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_schema_is_refused_by_name() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    open(&database).await;
    database.sql(
        "INSERT INTO fluxora_schema_history VALUES (999, 'from_the_future', '2030-01-01T00:00:00Z', '1')",
    );
    let error = refused(&location(&database)).await;
    assert!(
        matches!(&error, OpenError::NewerSchema { migration, .. } if migration == "V999__from_the_future"),
        "{error}"
    );
    assert!(matches!(migrate(&location(&database), &patient()).await, Err(OpenError::NewerSchema { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_of_another_build_is_refused() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    open(&database).await;
    database.sql("UPDATE fluxora_schema_history SET checksum = '1'");
    let error = refused(&location(&database)).await;
    assert!(matches!(error, OpenError::OtherSchema { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program_is_refused_and_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    database.sql("CREATE TABLE notes (text TEXT)");
    let error = refused(&location(&database)).await;
    assert!(matches!(error, OpenError::NotOurs { .. }), "{error}");
    assert_eq!(
        database.sql("SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'"),
        "notes"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_start_that_was_cut_short_goes_on() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    database.sql(
        "CREATE TABLE fluxora_schema_history \
         (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255))",
    );
    put(&open(&database).await, [1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_make_tables_opens_a_current_schema_and_is_told_of_one_that_is_not() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    database.sql("CREATE ROLE replica LOGIN PASSWORD 'hunter2'");
    let replica = database.for_role("replica", "hunter2");
    let error = refused(&location(&replica)).await;
    assert!(
        matches!(&error, OpenError::NotPermitted { migration, .. } if migration == "V1__streams"),
        "{error:?}"
    );

    migrate(&location(&database), &patient()).await.unwrap();
    let error = refused(&location(&replica)).await;
    assert!(matches!(error, OpenError::NoAccess { .. }), "{error:?}");

    database.sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO replica");
    let store = open(&replica).await;
    put(&store, [1]).await;
    store.create_stream(keyed(2, "k", "r")).await.unwrap();
    store.cancel_stream(&id(1), fluxora_store::still(t(20))).await.unwrap();
    assert_eq!(store.record_due(t(200), 10).await.unwrap().events, 2);
    assert_eq!(store.delete_expired_idempotency_records(t(1)).await.unwrap(), 1);
    fluxora_store::Store::check(&store).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_of_not_getting_in_has_its_name_and_none_shows_the_password() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let url = |from: &str, to: &str| Location::parse(&database.url().replace(from, to)).unwrap();
    let port = format!(":{}/", cluster.port());
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let wrong = location(&database.for_role("fluxora", "hunter2"));
    let unknown = location(&database.for_role("unknown", "hunter2"));
    let absent = location(&database.named("absent"));
    let elsewhere = url(&port, &format!(":{unused}/"));
    let mute = url(&port, &format!(":{silent_port}/"));
    let no_tls = url("sslmode=disable", "sslmode=require");
    let no_file = url("sslmode=disable", "sslmode=verify-full&sslrootcert=%2Fabsent.pem");
    type Is = fn(&OpenError) -> bool;
    let cases: [(&Location, Is, &str); 7] = [
        (
            &wrong,
            |error| matches!(error, OpenError::WrongPassword { .. }),
            "does not accept the user and password",
        ),
        (
            &unknown,
            |error| matches!(error, OpenError::WrongPassword { .. }),
            "does not accept the user and password",
        ),
        (&absent, |error| matches!(error, OpenError::NoDatabase { .. }), "create the database first"),
        (&elsewhere, |error| matches!(error, OpenError::Unreachable { .. }), "cannot reach the server"),
        (&mute, |error| matches!(error, OpenError::Unreachable { .. }), "no answer in time"),
        (&no_tls, |error| matches!(error, OpenError::NotPrivate { .. }), "does not support TLS"),
        (&no_file, |error| matches!(error, OpenError::RootCertificates { .. }), "/absent.pem"),
    ];
    let options = Options { connect_timeout: std::time::Duration::from_millis(300), ..Options::default() };
    for (location, is, says) in cases {
        let limit = if says.contains("no answer") { options } else { patient() };
        let error = PostgresStore::open(location, limit).await.unwrap_err();
        let shown = shown(&error);
        assert!(is(&error) && shown.contains(says), "{says}: {shown}");
        for secret in [database.password(), "hunter2", "battery"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_shows_where_it_is_and_nothing_that_lets_in() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, [1]).await;
    let described = fluxora_store::Store::describe(&store);
    assert!(described.starts_with(&format!("postgres, 127.0.0.1:{}/test_", cluster.port())), "{described}");
    let shown = format!("{described} {store:?} {store:#?} {database:?} {:?}", location(&database));
    for secret in [database.password(), "battery", "%"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_in_utf8_is_refused_and_left_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let server = cluster.database();
    for encoding in ["LATIN1", "SQL_ASCII"] {
        let database = server.named(&format!("encoded_{}", encoding.to_lowercase()));
        server.sql(&format!(
            "CREATE DATABASE encoded_{encoding} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        ));
        let location = location(&database);
        let errors = [
            refused(&location).await,
            migrate(&location, &patient()).await.unwrap_err(),
            check_schema(&location, &patient()).await.unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, OpenError::NotUtf8 { .. }), "{error:?}");
            assert!(shown(&error).contains(encoding), "{}", shown(&error));
        }
        assert_eq!(database.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    }
}
