use fluxora_store::{EventLog, Store, StoreError};
use fluxora_stream::Body;
use futures_util::future::join_all;

use super::replicas::session;
use super::*;

/// Makes the next `times` inserts of an event fail with this code.
fn fail(database: &Database, code: &str, times: u32) {
    database.sql(&format!(
        "CREATE SEQUENCE faults; CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('faults') <= {times} THEN RAISE EXCEPTION USING ERRCODE = '{code}'; END IF; RETURN NULL; END $$; \
         CREATE TRIGGER fail BEFORE INSERT ON stream_events FOR EACH STATEMENT EXECUTE FUNCTION fail()"
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_conflicts_is_retried_and_counted() {
    let Some(cluster) = Cluster::shared() else { return };
    for code in ["40001", "40P01"] {
        let database = cluster.database();
        let store = open(&database).await;
        fail(&database, code, 4);
        assert_eq!(store.create_stream(create(1)).await.unwrap(), Created::Done);
        assert_eq!(store.retries(), 4);
        assert_eq!(database.sql("SELECT count(*) FROM stream_events"), "1");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_not_repeated_for_ever() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, [1]).await;
    fail(&database, "40001", 1_000);
    let refused = store.cancel_stream(&id(1), fluxora_store::still(t(20))).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    assert_eq!((store.retries(), database.sql("SELECT last_value FROM faults").as_str()), (4, "5"));
    assert_eq!(database.sql("SELECT status, events FROM streams"), "scheduled|1", "nothing is half done");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_with_another_program_is_survived() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, [1]).await;
    drop(store);
    // Ours notices first.
    let name = database.sql("SELECT current_database()");
    database.sql(&format!("ALTER DATABASE {name} SET deadlock_timeout = '500ms'"));
    let store = open(&database).await;
    let (other, _task) = session(&database).await;
    other
        .batch_execute("SET deadlock_timeout = '1min'; BEGIN; SELECT pg_advisory_xact_lock(1181513080, 2)")
        .await
        .unwrap();
    let holds = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    let first = id(1);
    let (cancelled, ()) = tokio::join!(store.cancel_stream(&first, fluxora_store::still(t(20))), async {
        let watching = database.clone();
        tokio::task::spawn_blocking(move || until(&watching, holds, "1")).await.unwrap();
        other.batch_execute("UPDATE streams SET withdrawn = 0; COMMIT").await.unwrap();
    });
    assert!(matches!(cancelled, Ok(fluxora_store::Outcome::Done(_))), "{cancelled:?}");
    // Once, or once more where the second try takes the row before the other program has woken up for it.
    assert!(store.retries() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_cannot_be_written_fails_alone() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    put(&store, [7]).await;
    let mut creates: Vec<_> = (1..=20).map(create).collect();
    let Body::Api { flow, .. } = &mut creates[11].stream.body else { panic!("a chain stream") };
    flow.schedule.deposit = fluxora_decimal::Amount::ZERO;
    creates[12].keyed = keyed(13, "k", "with a \0").keyed;
    let outcomes = join_all(creates.into_iter().map(|create| store.create_stream(create))).await;
    for (n, outcome) in (1..).zip(outcomes) {
        match n {
            7 | 12 | 13 => {
                let Err(error @ StoreError::Internal { .. }) = outcome else { panic!("{n}: {outcome:?}") };
                let shown = fluxora_store::error_chain(&error);
                assert!(shown.contains("streams") || shown.contains("does not fit"), "{shown}");
                assert!(!shown.contains("0193") && !shown.contains("GA"), "no value is shown: {shown}");
            }
            _ => assert_eq!(outcome.unwrap(), Created::Done, "{n}"),
        }
    }
    assert_eq!(database.sql("SELECT count(*) FROM streams"), "18");
}

/// Numbers that an undone transaction has drawn are drawn again, also after a crash has skipped some.
#[tokio::test(flavor = "multi_thread")]
async fn an_undone_transaction_leaves_no_gap_in_the_event_log() {
    let Some(cluster) = Cluster::shared() else { return };
    let database = cluster.database();
    let store = open(&database).await;
    let undone = "BEGIN; INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
                  SELECT n, 9, 'stream.created', now(), now(), '{}' FROM generate_series(1, 5) n; ROLLBACK";
    let skipped = "SELECT setval(pg_get_serial_sequence('stream_events', 'seq'), 1000)";
    for (n, sql) in (1..).zip([undone, undone, skipped, undone]) {
        database.sql(sql);
        put(&store, [n]).await;
        assert_eq!(store.head().await.unwrap().0, n, "{sql}");
    }
    store.cancel_stream(&id(1), fluxora_store::still(t(20))).await.unwrap();
    assert_eq!(
        database.sql("SELECT string_agg(seq::text, ',' ORDER BY seq) FROM stream_events"),
        "1,2,3,4,5,6"
    );
}
