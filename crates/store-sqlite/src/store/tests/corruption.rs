//! A row that cannot be read is named, and other rows are served.

use fluxora_store::{CorruptRow, TimeEventStore};
use fluxora_stream::EventKind;

use super::*;

impl Kept {
    /// Changes rows behind the store's back, past the checks of the schema.
    fn tamper(&self, sql: &str) {
        let other = self.other();
        other.pragma_update(None, "ignore_check_constraints", true).unwrap();
        assert_eq!(other.execute(sql, []).unwrap(), 1, "{sql}");
    }
}

#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(answer: Result<T, StoreError>, table: &str, column: &str, row: &str) {
    match answer {
        Err(StoreError::Corrupt(found)) => {
            assert_eq!((found.table, found.column, found.row.as_str()), (table, column, row), "{found}");
        }
        other => panic!("{other:?} is not a corrupt {column} of row {row} of {table}"),
    }
}

const SPOILT: [(&str, &str); 19] = [
    ("origin", "'nowhere'"),
    ("sender", "'GARBAGE'"),
    ("sender", "CAST(x'FF00' AS TEXT)"),
    ("recipient", "''"),
    ("deposit", "'1e9'"),
    ("deposit", "'99999999999999999999999999999999999999999999'"),
    ("rate", "'NaN'"),
    ("start_time", "-1"),
    ("start_time", "'soon'"),
    ("cliff_time", "1.5"),
    ("end_time", "x'00'"),
    ("withdrawn", "' 1'"),
    ("status", "'pending'"),
    ("status_at", "5"),
    ("created_at", "9223372036854775807"),
    ("updated_at", "-9223372036854775808"),
    ("events", "-1"),
    ("events", "4294967296"),
    ("id", "'2'"),
];

#[tokio::test]
async fn a_value_that_makes_no_sense_is_named_by_table_column_and_row() {
    for (column, value) in SPOILT {
        let store = Kept::open(Options::default());
        store.put(1..=3).await;
        store.tamper(&format!("UPDATE streams SET {column} = {value} WHERE seq = 2"));
        if column == "id" {
            assert!(!store.has(2).await, "a stream whose id is spoilt is found by no id");
        } else {
            assert_corrupt(store.stream(&id(2)).await, "streams", column, "2");
            assert_corrupt(
                store.cancel_stream(&id(2), fluxora_store::still(t(5))).await,
                "streams",
                column,
                "2",
            );
        }
        assert!(store.has(1).await && store.has(3).await, "{column}");
        let listed = store.list_streams(&page(None, 10)).await.unwrap();
        assert_eq!(listed.streams.iter().map(Stream::id).collect::<Vec<_>>(), [id(3), id(1)]);
        let [CorruptRow { table: "streams", row, .. }] = &listed.unreadable[..] else {
            panic!("{:?}", listed.unreadable)
        };
        assert_eq!(row, "2");
        store.check().await.unwrap();
    }
}

#[tokio::test]
async fn a_walk_goes_on_past_rows_that_cannot_be_read() {
    let store = Kept::open(Options::default());
    store.put(1..=9).await;
    for seq in [1, 4, 5, 9] {
        store.tamper(&format!("UPDATE streams SET rate = 'x' WHERE seq = {seq}"));
    }
    for limit in 1..=10 {
        let (mut read, mut unreadable, mut before) = (Vec::new(), Vec::new(), None);
        loop {
            let next = store.list_streams(&page(before, limit)).await.unwrap();
            assert!(next.streams.len() + next.unreadable.len() <= usize::try_from(limit).unwrap());
            read.extend(next.streams.into_iter().map(|stream| stream.id()));
            unreadable.extend(next.unreadable.into_iter().map(|row| row.row));
            before = next.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(read, [8, 7, 6, 3, 2].map(id), "{limit} at a time");
        assert_eq!(unreadable, ["9", "5", "4", "1"], "{limit} at a time");
    }
}

#[tokio::test]
async fn the_stream_clock_passes_over_rows_that_cannot_be_read() {
    let store = Kept::open(Options::default());
    store.put(1..=5).await;
    for seq in 1..=3 {
        store.tamper(&format!("UPDATE streams SET deposit = 'x' WHERE seq = {seq}"));
    }
    let step = store.record_due(t(20), 1).await.unwrap();
    assert_eq!((step.streams, step.events, step.unreadable.len(), step.more), (1, 1, 3, true));
    let step = store.record_due(t(20), 1).await.unwrap();
    assert_eq!((step.streams, step.unreadable.len(), step.more), (1, 3, false));
    assert_eq!(store.record_due(t(20), 1).await.unwrap().streams, 0);
}

#[tokio::test]
async fn time_events_of_other_streams_do_not_wait_for_a_row_that_cannot_be_read() {
    let store = Kept::open(Options::default());
    assert!(store.begin_time_events().await.unwrap());
    store.put(1..=3).await;
    while store.schedule_time_events(t(0), 10).await.unwrap().more {}
    store.tamper("UPDATE streams SET sender = 'x' || sender WHERE seq = 1");
    while store.emit_time_events(t(500), 1).await.unwrap().more {}
    for (n, expect) in [(2, true), (3, true), (1, false)] {
        assert_eq!(has_ended(&store, n).await, expect, "{n}");
    }
    store.tamper("UPDATE streams SET sender = substr(sender, 2) WHERE seq = 1");
    for instant in store.open_instants(None, 10).await.unwrap() {
        assert!(store.settle_instant(&instant, true, t(501)).await.unwrap(), "{instant:?}");
    }
    assert!(has_ended(&store, 1).await, "once the row can be read");
}

async fn has_ended(store: &Kept, n: u64) -> bool {
    let page = store.stream_events(&id(n), 0, 100).await.unwrap().unwrap();
    page.events.iter().any(|logged| logged.event.kind == EventKind::Ended)
}

/// The next event would leave a gap in the history or get a number that is taken.
#[tokio::test]
async fn a_stream_that_disagrees_with_its_history_is_not_changed() {
    let store = Kept::open(Options::default());
    store.put(1..=3).await;
    store.tamper("UPDATE streams SET events = 7 WHERE seq = 1");
    store.other().execute_batch("DELETE FROM stream_events WHERE stream = 2").unwrap();
    assert_corrupt(store.cancel_stream(&id(1), fluxora_store::still(t(5))).await, "streams", "events", "1");
    assert_corrupt(store.cancel_stream(&id(2), fluxora_store::still(t(5))).await, "streams", "events", "2");
    let step = store.record_due(t(20), 10).await.unwrap();
    assert_eq!((step.streams, step.unreadable.len()), (1, 2));
    assert!(store.has(1).await, "it can still be read");
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_named() {
    for (column, value) in [
        ("data", "'{'"),
        ("data", "'{}'"),
        ("data", "'{} x'"),
        ("type", "'stream.exploded'"),
        ("number", "4294967296"),
        ("occurred_at", "9223372036854775807"),
        ("recorded_at", "-9223372036854775808"),
    ] {
        let store = Kept::open(Options::default());
        store.put(1..=2).await;
        store.record_due(t(20), 10).await.unwrap();
        let seq = if value == "'{} x'" { 3 } else { 1 };
        store.tamper(&format!("UPDATE stream_events SET {column} = {value} WHERE seq = {seq}"));
        let row = seq.to_string();
        assert_corrupt(store.stream_events(&id(1), 0, 10).await, "stream_events", column, &row);
        if column != "occurred_at" {
            let replayed = store.stream_at(&id(1), UnixTime::of(t(19))).await;
            assert_corrupt(replayed, "stream_events", column, &row);
        }
        assert_eq!(store.stream_events(&id(2), 0, 10).await.unwrap().unwrap().events.len(), 2);
    }
}

#[tokio::test]
async fn an_idempotency_record_that_cannot_be_read_is_named_by_its_key() {
    let store = Kept::open(Options::default());
    store.create_stream(keyed(1, "a-key")).await.unwrap();
    store.tamper("UPDATE idempotency_records SET made_at = 9223372036854775807");
    let again = store.create_stream(keyed(2, "a-key")).await;
    assert_corrupt(again, "idempotency_records", "made_at", "POST /api/streams a-key");
    assert!(!store.has(2).await);
    assert_eq!(store.create_stream(keyed(3, "another")).await.unwrap(), Created::Done);
}
