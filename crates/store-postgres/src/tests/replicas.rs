//! Two stores on one database.

use std::collections::HashSet;

use fluxora_store::Outcome;
use fluxora_stream::{CancelRefused, StatusName};
use futures_util::future::join_all;

use super::*;

async fn two() -> Option<(Database, [PostgresStore; 2])> {
    let database = Cluster::shared()?.database();
    let stores = [open(&database).await, open(&database).await];
    Some((database, stores))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_requests_under_one_key_is_written_wherever_they_arrive() {
    let Some((database, stores)) = two().await else { return };
    for round in 0..20 {
        let key = format!("key-{round}");
        let outcomes =
            join_all((0..32).map(|n| {
                stores[n % 2].create_stream(keyed(round * 100 + u64::try_from(n).unwrap(), &key, "r"))
            }))
            .await;
        let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Created::Done))).count();
        let answers: HashSet<_> = outcomes
            .iter()
            .filter_map(|outcome| match outcome {
                Ok(Created::Replayed(response)) => Some(response.clone()),
                _ => None,
            })
            .collect();
        assert_eq!((done, answers.len()), (1, 1), "{outcomes:?}");
    }
    assert_eq!(database.sql("SELECT count(*) FROM streams"), "20");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_keys_used_on_both_at_once_never_block_each_other_for_good() {
    let Some((database, stores)) = two().await else { return };
    let request = |n: usize| {
        // Each store gets the keys in a different order.
        let key = if n.is_multiple_of(2) { n / 2 } else { 99 - n / 2 };
        stores[n % 2].create_stream(keyed(u64::try_from(n).unwrap(), &format!("key-{key}"), "r"))
    };
    let outcomes = join_all((0..200).map(request)).await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    assert_eq!(database.sql("SELECT count(*) FROM streams"), "100");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_transition_is_recorded_once_and_both_take_part() {
    let Some((database, stores)) = two().await else { return };
    join_all((0..300).map(|n| stores[0].create_stream(create(n)))).await;
    let steps = join_all((0..40).map(|n| stores[n % 2].record_due(t(200), 20))).await;
    let recorded: usize = steps.into_iter().map(|step| step.unwrap().events).sum();
    let rest = stores[1].record_due(t(200), 1_000).await.unwrap();
    assert_eq!(recorded + rest.events, 600);
    assert_eq!(
        database.sql("SELECT count(*), count(DISTINCT (stream, number)) FROM stream_events"),
        "900|900"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_lost_holder_had_locked_is_recorded_by_the_other() {
    let Some((database, [store, _])) = two().await else { return };
    put(&store, 1..=3).await;
    let (lost, task) = session(&database).await;
    lost.batch_execute("BEGIN; SELECT FROM streams WHERE due_at IS NOT NULL LIMIT 2 FOR UPDATE")
        .await
        .unwrap();
    assert_eq!(store.record_due(t(200), 10).await.unwrap().streams, 1, "what is locked is passed over");
    // The holder dies.
    task.abort();
    until(
        &database,
        "SELECT count(*) FROM pg_locks WHERE mode = 'RowShareLock' AND relation = 'streams'::regclass",
        "0",
    );
    assert_eq!(store.record_due(t(200), 10).await.unwrap().streams, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_cancelled_once_wherever_it_is_asked() {
    let Some((_database, stores)) = two().await else { return };
    put(&stores[0], [1]).await;
    let id = id(1);
    let outcomes =
        join_all((0..16).map(|n| stores[n % 2].cancel_stream(&id, fluxora_store::still(t(20))))).await;
    let done = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Done(_)))).count();
    let refused = Outcome::Refused(CancelRefused::Ended(StatusName::Cancelled));
    let refused_calls =
        outcomes.iter().filter(|outcome| matches!(outcome, Ok(outcome) if *outcome == refused)).count();
    assert_eq!((done, refused_calls), (1, 15), "{outcomes:?}");
}

/// A reader that follows `seq` while both write must never find a number below one it has already seen.
#[tokio::test(flavor = "multi_thread")]
async fn events_are_numbered_in_the_order_in_which_they_can_be_seen() {
    let Some((database, stores)) = two().await else { return };
    let (reader, _task) = session(&database).await;
    let writing = async {
        for round in 0..15 {
            join_all(
                (0..20).map(|n| stores[n % 2].create_stream(create(round * 20 + u64::try_from(n).unwrap()))),
            )
            .await;
            join_all((0..20).map(|n| {
                let id = id(round * 20 + u64::try_from(n).unwrap());
                let store = &stores[1 - n % 2];
                async move { store.cancel_stream(&id, fluxora_store::still(t(20))).await.unwrap() }
            }))
            .await;
        }
    };
    let following = async {
        let mut seen = HashSet::new();
        let mut cursor = 0_i64;
        while seen.len() < 15 * 20 * 3 {
            let rows = reader
                .query("SELECT seq FROM stream_events WHERE seq > $1 ORDER BY seq", &[&cursor])
                .await
                .unwrap();
            seen.extend(rows.iter().map(|row| row.get::<_, i64>(0)));
            cursor = rows.last().map_or(cursor, |row| row.get(0));
        }
    };
    // A number that was passed over would never be counted, and the reader never done.
    let limit = std::time::Duration::from_secs(60);
    tokio::time::timeout(limit, async { tokio::join!(writing, following) }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_insert_of_events_waits_for_the_lock_that_numbers_them() {
    let Some((database, [store, _])) = two().await else { return };
    let (holder, _task) = session(&database).await;
    put(&store, [1]).await;
    holder
        .batch_execute(
            "BEGIN; INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
             SELECT seq, 2, 'stream.started', now(), now(), '{}' FROM streams",
        )
        .await
        .unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    let (created, ()) = tokio::join!(store.create_stream(create(2)), async {
        let database = database.clone();
        tokio::task::spawn_blocking(move || until(&database, waiting, "1")).await.unwrap();
        holder.batch_execute("COMMIT").await.unwrap();
    });
    assert_eq!(created.unwrap(), Created::Done);
    let order = "SELECT string_agg(number::text, ',' ORDER BY seq) FROM stream_events";
    assert_eq!(database.sql(order), "1,2,1");
}

/// A client that is none of ours.
pub(super) async fn session(database: &Database) -> (tokio_postgres::Client, tokio::task::JoinHandle<()>) {
    let url = database.url();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    let task = tokio::spawn(async move { connection.await.unwrap_or_default() });
    (client, task)
}
