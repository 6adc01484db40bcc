//! Every query follows an index, for every filter and any data.

use fluxora_store::{EventFilter, EventLogRange, Sequence, StreamFilter, StreamQuery};
use fluxora_stream::{AccountId, ContractId, EventKind, Origin, StatusName, StreamId, UnixTime};
use rusqlite::{Connection, StatementStatus};

use super::list::Query;
use super::{due, events, idempotency, intersection, log, row};
use crate::Location;
use crate::open;

const SORTED: &str = "USE TEMP B-TREE FOR ORDER BY";

fn database() -> Connection {
    let connection = open::writer(&Location::Memory, std::time::Duration::ZERO).unwrap().connection;
    // What statistics say of a table where all rows are alike in everything: every index looks useless but the last.
    let statistics = "ANALYZE sqlite_schema;
        INSERT INTO sqlite_stat1 VALUES ('streams', 'streams_by_sender', '1000000 1000000');
        INSERT INTO sqlite_stat1 VALUES ('streams', 'streams_by_recipient', '1000000 1000000');
        INSERT INTO sqlite_stat1 VALUES ('streams', 'streams_by_status', '1000000 1000000');
        ANALYZE sqlite_schema;";
    for statement in statistics.split_inclusive(';') {
        connection.execute_batch(statement).ok();
    }
    connection
}

/// The steps of a plan, each as SQLite words it.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}

#[track_caller]
fn check(sql: &str, expect: &[&str]) {
    assert_eq!(plan(&database(), sql), expect, "{sql}");
}

fn filters() -> Vec<StreamFilter> {
    let someone = Some(AccountId::from_public_key([1; 32]).into());
    let mut filters = Vec::new();
    for status in std::iter::once(None).chain(StatusName::ALL.map(Some)) {
        for bits in 0..16_u8 {
            filters.push(StreamFilter {
                status,
                sender: someone.filter(|_| bits & 1 != 0),
                recipient: someone.filter(|_| bits & 2 != 0),
                origin: (bits & 4 != 0).then_some(Origin::Chain),
                contract: (bits & 8 != 0).then(|| "C1".to_owned()),
                updated_since: None,
            });
        }
    }
    filters
}

/// Which index a filter is to follow, and by which column.
fn index(filter: &StreamFilter) -> Option<(&'static str, &'static str)> {
    let StreamFilter { status, sender, recipient, origin, contract, updated_since: _ } = filter;
    [
        (recipient.is_some(), ("streams_by_recipient", "recipient")),
        (sender.is_some(), ("streams_by_sender", "sender")),
        (contract.is_some(), ("streams_by_contract", "contract_id")),
        (status.is_some(), ("streams_by_status", "status")),
        (origin.is_some(), ("streams_by_origin", "origin")),
    ]
    .into_iter()
    .find_map(|(asked, index)| asked.then_some(index))
}

#[test]
fn a_page_of_one_condition_follows_its_index_in_order() {
    let connection = database();
    for filter in filters().into_iter().filter(|filter| !intersection::is_needed(filter)) {
        for before in [None, Some(Sequence(7))] {
            let (sql, _) = Query::of(&filter, UnixTime::EPOCH).before(before).select(20);
            let plan = plan(&connection, &sql);
            let place = if before.is_some() { " AND rowid<?" } else { "" };
            let recorded = match index(&filter) {
                Some((index, column)) => format!("SEARCH streams USING INDEX {index} ({column}=?{place})"),
                None if before.is_some() => "SEARCH streams USING INTEGER PRIMARY KEY (rowid<?)".to_owned(),
                None => "SCAN streams".to_owned(),
            };
            let steps: Vec<_> = plan.iter().map(String::as_str).collect();
            let expect = match filter.status {
                Some(StatusName::Active | StatusName::Completed) => vec![
                    "MERGE (UNION ALL)",
                    "LEFT",
                    &recorded,
                    "RIGHT",
                    "SEARCH streams USING INDEX streams_due (due_at<?)",
                    SORTED,
                ],
                _ => vec![recorded.as_str()],
            };
            assert_eq!(steps, expect, "{sql}");
        }
    }
}

#[test]
fn an_intersection_seeks_in_an_index_alone() {
    for (column, index) in [
        ("recipient", "streams_by_recipient"),
        ("sender", "streams_by_sender"),
        ("contract_id", "streams_by_contract"),
        ("origin", "streams_by_origin"),
        ("status", "streams_by_status"),
    ] {
        let step = format!("SEARCH streams USING COVERING INDEX {index} ({column}=? AND rowid<?)");
        check(&intersection::seek(column, index), &[&step]);
    }
    check(
        intersection::UPDATED_SINCE,
        &["SEARCH streams USING COVERING INDEX streams_by_update (updated_at>?)"],
    );
    check(intersection::HIGHEST, &["SEARCH streams USING INTEGER PRIMARY KEY (rowid<?)"]);
}

#[test]
fn a_stream_is_found_by_its_id() {
    let by_id = "SEARCH streams USING INDEX sqlite_autoindex_streams_1 (id=?)";
    check(row::FIND, &[by_id]);
    check(events::SEQ_OF, &["SEARCH streams USING COVERING INDEX sqlite_autoindex_streams_1 (id=?)"]);
    check(row::FIND_TO_CHANGE, &[by_id, "CORRELATED SCALAR SUBQUERY 1", LAST_EVENT]);
}

const LAST_EVENT: &str =
    "SEARCH stream_events USING COVERING INDEX sqlite_autoindex_stream_events_1 (stream=?)";

#[test]
fn what_has_fallen_due_is_found_in_the_order_in_which_it_fell_due() {
    check(
        due::DUE,
        &["SEARCH streams USING INDEX streams_due (due_at<?)", "CORRELATED SCALAR SUBQUERY 1", LAST_EVENT],
    );
}

#[test]
fn events_are_found_by_stream_and_number() {
    let by_number =
        "SEARCH stream_events USING INDEX sqlite_autoindex_stream_events_1 (stream=? AND number>?)";
    check(events::EVENTS, &[by_number]);
    check(events::HISTORY, &["SEARCH stream_events USING INDEX sqlite_autoindex_stream_events_1 (stream=?)"]);
}

/// Streams are looked up by rowid for each event that is read, removed streams likewise.
#[test]
fn a_page_of_the_event_log_follows_the_primary_key_or_the_events_of_one_stream() {
    let connection = database();
    let someone = Some(AccountId::from_public_key([1; 32]).into());
    let stream = Some(StreamId::chain(ContractId::from_hash([7; 32]), 0));
    for bits in 0..16_u8 {
        let filter = EventFilter {
            stream: None,
            sender: someone.filter(|_| bits & 1 != 0),
            recipient: someone.filter(|_| bits & 2 != 0),
            contract: (bits & 4 != 0).then(|| ContractId::from_hash([7; 32])),
            kinds: if bits & 8 != 0 { vec![EventKind::Created, EventKind::Removed] } else { Vec::new() },
        };
        for (filter, index) in [
            (filter.clone(), "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"),
            (
                EventFilter { stream, ..filter },
                "SEARCH e USING INDEX sqlite_autoindex_stream_events_1 (stream=? AND number>?)",
            ),
        ] {
            let (sql, _) = log::select(&filter, EventLogRange::of(&filter, Sequence(7), Sequence(9)), 20);
            let steps = plan(&connection, &sql);
            assert_eq!(steps.first().map(String::as_str), Some(index), "{sql}: {steps:?}");
            let bad = |step: &&String| step.contains("SCAN ") || step.contains("TEMP B-TREE");
            assert_eq!(steps.iter().filter(bad).collect::<Vec<_>>(), Vec::<&String>::new(), "{sql}");
        }
    }
}

#[test]
fn idempotency_records_are_found_by_key_and_by_age() {
    check(idempotency::FIND, &["SEARCH idempotency_records USING PRIMARY KEY (scope=? AND key=?)"]);
    let plan = plan(&database(), idempotency::DELETE_EXPIRED);
    let by_age = "INDEX idempotency_records_by_age (made_at<?)";
    assert!(plan.iter().any(|step| step.contains(by_age)), "{plan:?}");
    assert!(!plan.iter().any(|step| step.starts_with("SCAN idempotency_records")), "{plan:?}");
}

#[test]
fn a_query_is_planned_once_for_all_values() {
    let connection = database();
    let filter = StreamFilter { status: Some(StatusName::Active), ..StreamFilter::default() };
    let mut query =
        StreamQuery { filter, at: UnixTime::from_seconds(1), before: Some(Sequence(7)), limit: 20 };
    for _ in 0..3 {
        super::list(&connection, &query).unwrap();
        query.at = query.at.saturating_add(1);
        query.before = Some(Sequence(9));
        query.limit += 1;
    }
    let (sql, _) = Query::of(&query.filter, query.at).before(query.before).select(query.limit);
    let statement = connection.prepare_cached(&sql).unwrap();
    assert_eq!(statement.get_status(StatementStatus::Run), 3);
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
}
