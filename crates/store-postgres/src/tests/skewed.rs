//! Pages of every combination of filters over data where no choice of one index is right: lists that alternate, and values that
//! half of all rows have.

use fluxora_store::conformance::check_count;
use fluxora_store::{Sequence, StreamFilter, StreamList, StreamQuery};
use fluxora_stream::{Address, ContractId, Origin, StatusName};

use super::*;
use crate::streams::{Counting, Most, count, explain, explain_count, explain_intersection, intersect};

/// The second at which statuses count. One API stream in 100 has fallen due by then.
const AT: u64 = 1_000;

fn account(n: u8) -> Address {
    AccountId::from_public_key([n; 32]).into()
}

fn contract() -> String {
    ContractId::from_hash([1; 32]).to_string()
}

/// Streams of which every second one is of the chain, every second one of the others has the same sender, every third one the same
/// recipient, all but the oldest tenth are active, and the oldest tenth was updated last.
async fn filled(streams: u32) -> Option<(Database, PostgresStore)> {
    let database = Cluster::shared()?.database();
    let store = open(&database).await;
    let [a, b, c, d] = [1, 2, 3, 4].map(account);
    let contract = contract();
    database.sql(&format!(
        r#"INSERT INTO streams (id, origin, contract_id, sender, recipient, deposit, rate, start_time, cliff_time, end_time,
               withdrawn, status, created_at, updated_at, events, kind, checkpoint_amount, checkpoint_at, chain)
           SELECT CASE WHEN n % 2 = 0 THEN '{contract}-' || n ELSE gen_random_uuid()::text END,
               CASE WHEN n % 2 = 0 THEN 'chain' ELSE 'api' END, CASE WHEN n % 2 = 0 THEN '{contract}' END,
               CASE WHEN n % 4 = 1 THEN '{a}' ELSE '{b}' END, CASE WHEN n % 3 = 0 THEN '{c}' ELSE '{d}' END, 100, 1, 0, 0,
               CASE WHEN n % 101 = 0 THEN 500 ELSE 5000 END, 0, CASE WHEN n <= {streams} / 10 THEN 'completed' ELSE 'active' END,
               to_timestamp(0), to_timestamp(CASE WHEN n <= {streams} / 10 THEN 9000 ELSE n % 1000 END), 1,
               CASE WHEN n % 2 = 0 THEN 'linear' END, CASE WHEN n % 2 = 0 THEN 0 END, CASE WHEN n % 2 = 0 THEN 0 END,
               CASE WHEN n % 2 = 0
                   THEN '{{"createdLedger":1,"lastLedger":1,"txHash":"t","withdrawDustThreshold":"0"}}'::json END
           FROM generate_series(1, {streams}) n; ANALYZE"#
    ));
    Some((database, store))
}

fn filters() -> Vec<StreamFilter> {
    let mut filters = Vec::new();
    for status in std::iter::once(None).chain(StatusName::ALL.map(Some)) {
        for updated_since in [None, Some(0), Some(9_000), Some(10_000)] {
            for bits in 0..24_u8 {
                filters.push(StreamFilter {
                    status,
                    sender: (bits & 1 != 0).then(|| account(1)),
                    recipient: (bits & 2 != 0).then(|| account(3)),
                    contract: (bits & 4 != 0).then(contract),
                    origin: [None, Some(Origin::Chain), Some(Origin::Api)][usize::from(bits / 8)],
                    updated_since: updated_since.map(|second| Timestamp::from_second(second).unwrap()),
                });
            }
        }
    }
    filters
}

fn query(filter: StreamFilter, limit: u32) -> StreamQuery {
    StreamQuery { filter, at: UnixTime::from_seconds(AT), before: None, limit }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_any_filters_hold_every_stream_that_meets_them_once() {
    let Some((_database, store)) = filled(600).await else { return };
    let all = store.list_streams(&query(StreamFilter::default(), 1_000)).await.unwrap().streams;
    assert_eq!(all.len(), 600);
    let lease = store.lease().await;
    for filter in filters() {
        let expect = all.iter().filter(|stream| {
            filter.status.is_none_or(|status| stream.status_at(UnixTime::from_seconds(AT)) == status)
                && filter.sender.is_none_or(|sender| stream.sender == sender)
                && filter.recipient.is_none_or(|recipient| stream.recipient == recipient)
                && filter.origin.is_none_or(|origin| stream.origin() == origin)
                && filter.contract.as_ref().is_none_or(|contract| {
                    stream.id().contract().is_some_and(|id| id.to_string() == *contract)
                })
                && filter.updated_since.is_none_or(|since| stream.updated_at >= since)
        });
        let expect: Vec<_> = expect.map(Stream::id).collect();
        for (steps, most) in [(2_000, 1_000), (40, 10)] {
            let mut query = query(filter.clone(), 100);
            let mut found = Vec::new();
            loop {
                let page = intersect(&lease, &query, steps, most).await;
                found.extend(page.streams.into_iter().map(|stream| stream.id()));
                assert!(page.next.is_none_or(|next| query.before.is_none_or(|before| next < before)));
                query.before = page.next;
                if query.before.is_none() {
                    break;
                }
            }
            assert!(found == expect, "{filter:?} in {steps} steps: {} of {}", found.len(), expect.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intersection_seeks_in_an_index_for_each_of_its_conditions() {
    let Some((_database, store)) = filled(20_000).await else { return };
    let client = store.lease().await;
    for filter in filters() {
        let query = StreamQuery { before: Some(Sequence(10_000)), ..query(filter, 20) };
        let plan = explain_intersection(&client, &query).await;
        assert!(!plan.contains("Seq Scan"), "{:?}\n{plan}", query.filter);
        // What is not in an index is looked up in the one row that is found by its primary key.
        assert!(!plan.contains("Bitmap"), "{:?}\n{plan}", query.filter);
        assert_eq!(plan.matches("Sort  (").count(), 1, "{:?}\n{plan}", query.filter);
        let StreamFilter { status, sender, recipient, origin, contract, .. } = &query.filter;
        for (given, index) in [
            (sender.is_some(), "streams_by_sender"),
            (recipient.is_some(), "streams_by_recipient"),
            (origin.is_some(), "streams_by_origin"),
            (contract.is_some(), "streams_by_contract"),
            (status.is_some(), "streams_by_status"),
        ] {
            assert_eq!(plan.contains(index), given, "{index} for {:?}\n{plan}", query.filter);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_of_any_filters_is_whole_if_one_list_is_short_and_of_the_newest_otherwise() {
    let Some((_database, store)) = filled(600).await else { return };
    let all = store.list_streams(&query(StreamFilter::default(), 1_000)).await.unwrap().streams;
    let (lease, at) = (store.lease().await, UnixTime::from_seconds(AT));
    for filter in filters() {
        for (entries, rows) in [(100_000, 10_000), (150, 50), (600, 300)] {
            let found = count(&lease, &filter, at, Most { entries, rows }).await;
            let found = found.unwrap_or_else(|_| panic!("{filter:?}"));
            let most = (usize::try_from(entries).unwrap(), usize::try_from(rows).unwrap());
            check_count(&all, (&filter, at), most, found);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_reads_an_index_for_each_of_its_conditions() {
    let Some((_database, store)) = filled(20_000).await else { return };
    let (client, at) = (store.lease().await, UnixTime::from_seconds(AT));
    for filter in filters() {
        let counting = || Counting::of(&filter, at);
        let lists = filter.lists();
        let mut statements = Vec::new();
        match lists[..] {
            [] => statements.push(counting().entries(StreamList::All, 1_000)),
            [list] => statements.push(counting().entries(list, 1_000)),
            _ => {
                statements.push(counting().sizes(1_000));
                statements.extend(lists.iter().map(|list| counting().rows(*list, 1_000)));
            }
        }
        for (sql, values) in statements {
            let plan = explain_count(&client, &sql, &values).await;
            assert!(!plan.contains("Seq Scan"), "{filter:?}\n{sql}\n{plan}");
            assert!(!plan.contains("Sort  ("), "{filter:?}\n{sql}\n{plan}");
        }
    }
}

/// Also where all streams that meet it are older than the others, and where statistics say that every stream meets it.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_one_condition_follows_its_index_for_every_value() {
    let Some((database, store)) = filled(20_000).await else { return };
    let client = store.lease().await;
    let all = StreamFilter::default();
    let statuses = StatusName::ALL
        .map(|status| (StreamFilter { status: Some(status), ..all.clone() }, "streams_by_status"));
    let origins = [Origin::Api, Origin::Chain]
        .map(|origin| (StreamFilter { origin: Some(origin), ..all.clone() }, "streams_by_origin"));
    let parties = [1, 2, 3, 4, 5].into_iter().flat_map(|n| {
        [
            (StreamFilter { sender: Some(account(n)), ..all.clone() }, "streams_by_sender"),
            (StreamFilter { recipient: Some(account(n)), ..all.clone() }, "streams_by_recipient"),
        ]
    });
    let contract = (StreamFilter { contract: Some(contract()), ..all.clone() }, "streams_by_contract");
    let filters: Vec<_> = statuses.into_iter().chain(origins).chain(parties).chain([contract]).collect();
    let uniform = "UPDATE streams SET status = 'cancelled', status_at = now(); ANALYZE streams; \
        UPDATE streams SET status = 'active', status_at = NULL WHERE seq > 100";
    for change in ["SELECT 1", uniform] {
        database.sql(change);
        for (filter, index) in &filters {
            for before in [None, Some(Sequence(10_000))] {
                let plan = explain(&client, &StreamQuery { before, ..query(filter.clone(), 20) }).await;
                assert!(plan.contains(index), "{filter:?}\n{plan}");
                assert!(!plan.contains("Seq Scan") && !plan.contains("streams_pkey"), "{filter:?}\n{plan}");
            }
        }
    }
}
