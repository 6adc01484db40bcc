//! How the server goes about a query, with enough rows to make it think.

use fluxora_store::{EventFilter, Sequence, StreamFilter, StreamQuery};
use fluxora_stream::{Address, EventKind, Origin, StatusName};

use super::*;
use crate::streams::{explain, explain_log};

/// 20,000 streams like the first, with an event each; the statistics know of them.
pub(super) const FILL: &str = "INSERT INTO streams (id, origin, sender, recipient, deposit, rate, start_time, cliff_time, end_time, withdrawn, status, \
             created_at, updated_at, events) \
         SELECT gen_random_uuid(), origin, sender || n % 500, recipient || n % 5000, deposit, rate, start_time + n, cliff_time + n, \
             end_time + n * 2, withdrawn, (ARRAY['scheduled', 'active', 'active', 'completed'])[n % 4 + 1], created_at, updated_at, 1 \
         FROM streams CROSS JOIN generate_series(1, 20000) n WHERE seq = 1; \
         INSERT INTO stream_events (stream, number, type, occurred_at, recorded_at, data) \
         SELECT seq, 1, 'stream.created', now(), now(), '{}' FROM streams WHERE seq > 2; ANALYZE";

async fn filled() -> Option<PostgresStore> {
    let database = Cluster::shared()?.database();
    let store = open(&database).await;
    put(&store, [1, 2]).await;
    database.sql(FILL);
    Some(store)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_one_condition_follows_its_index() {
    let Some(store) = filled().await else { return };
    let client = store.lease().await;
    let address = |n| Some(Address::from(AccountId::from_public_key([n; 32])));
    let all = StreamFilter::default();
    for filter in [
        all.clone(),
        StreamFilter { sender: address(1), ..all.clone() },
        StreamFilter { recipient: address(2), ..all.clone() },
        StreamFilter { origin: Some(Origin::Api), ..all.clone() },
        StreamFilter { origin: Some(Origin::Chain), ..all.clone() },
        StreamFilter { contract: Some("C1".to_owned()), ..all.clone() },
    ]
    .into_iter()
    .chain(StatusName::ALL.map(|status| StreamFilter { status: Some(status), ..all.clone() }))
    {
        for before in [None, Some(Sequence(10_000))] {
            let query = StreamQuery { filter: filter.clone(), at: UnixTime::of(t(20)), before, limit: 20 };
            let plan = explain(&client, &query).await;
            let merges = matches!(filter.status, Some(StatusName::Active | StatusName::Completed));
            assert!(!plan.contains("Seq Scan"), "{filter:?}\n{plan}");
            // What has fallen due is sorted, and two parts that are in order are merged; nothing else.
            let sorts = plan.matches("Sort  (").count();
            assert!(sorts <= if merges { 2 } else { 0 }, "{filter:?}\n{plan}");
            assert!(sorts == 0 || plan.contains("streams_due"), "{filter:?}\n{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_the_event_log_follows_the_primary_key_or_the_events_of_one_stream() {
    let Some(store) = filled().await else { return };
    let client = store.lease().await;
    let all = EventFilter::default();
    let party = Some(Address::from(AccountId::from_public_key([1; 32])));
    for filter in [
        all.clone(),
        EventFilter { sender: party, ..all.clone() },
        EventFilter { recipient: party, ..all.clone() },
        EventFilter { contract: Some(fluxora_stream::ContractId::from_hash([7; 32])), ..all.clone() },
        EventFilter { kinds: vec![EventKind::Created], ..all.clone() },
        EventFilter { stream: Some(id(1)), ..all.clone() },
        EventFilter { stream: Some(id(1)), kinds: vec![EventKind::Created], ..all },
    ] {
        for after in [0, 19_000] {
            let plan = explain_log(&client, Sequence(after), &filter).await;
            let index = if filter.stream.is_some() {
                "stream_events_stream_number_key"
            } else {
                "stream_events_pkey"
            };
            assert!(plan.contains(&format!("{index} on stream_events e")), "{filter:?}\n{plan}");
            assert!(!plan.contains("Seq Scan on stream"), "{filter:?}\n{plan}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_by_name_and_steps_of_the_clock_follow_an_index() {
    let Some(store) = filled().await else { return };
    let client = store.lease().await;
    for sql in crate::streams::POINT_QUERIES {
        let statement = client.prepare(sql).await.unwrap();
        let nulls = vec!["NULL"; statement.params().len()].join(", ");
        client.batch_execute("DEALLOCATE ALL; SET plan_cache_mode = force_generic_plan").await.unwrap();
        client.batch_execute(&format!("PREPARE q AS {sql}")).await.unwrap();
        let rows = client.simple_query(&format!("EXPLAIN EXECUTE q ({nulls})")).await.unwrap();
        let plan = lines(&rows);
        assert!(!plan.contains("Seq Scan"), "{sql}\n{plan}");
    }
}

pub(crate) fn lines(rows: &[tokio_postgres::SimpleQueryMessage]) -> String {
    let lines = rows.iter().filter_map(|row| match row {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}
