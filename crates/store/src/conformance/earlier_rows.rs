use fluxora_stream::{EventKind, LoggedEvent, Stream, TermsDraft};

use super::fixtures::*;
use crate::Store;

/// Event rows in the shape of earlier versions (terms, settlement or nothing as the whole payload) read as the events that are
/// written today, to the last byte. `sql` runs a statement, which changes one row, on the store's database.
pub async fn event_rows_of_an_earlier_version_read_in_the_present_shape(
    store: &impl Store,
    sql: impl AsyncFn(String),
) {
    let deposit = Some("100.00".parse().unwrap());
    let draft = TermsDraft { start: Some(second(10)), cliff: Some(second(20)), deposit, ..draft() };
    for n in [1, 2] {
        put(store, n, &draft, t0()).await;
    }
    store.cancel_stream(&stream_id(1), still(t(40))).await.unwrap();
    store.record_due(t(500), 10).await.unwrap();
    let read = async |n| store.stream_events(&stream_id(n), 0, 10).await.unwrap().unwrap().events;
    let before = [read(1).await, read(2).await];
    for LoggedEvent { sequence, event } in before.iter().flatten() {
        let earlier = match event.kind {
            EventKind::Created => format!(
                r#"{{"sender":"{}","recipient":"{}","depositAmount":"100.00","ratePerSecond":"1","startTime":{},"cliffTime":{},"endTime":{}}}"#,
                address(1),
                address(2),
                second(10),
                second(20),
                second(110)
            ),
            EventKind::Started => "{}".to_owned(),
            EventKind::Cancelled => r#"{"streamedAmount":"30.00","refundedAmount":"70.00"}"#.to_owned(),
            EventKind::Completed => r#"{"streamedAmount":"100.00","refundedAmount":"0.00"}"#.to_owned(),
            other => panic!("{other} is not an event of an API stream"),
        };
        sql(format!("UPDATE stream_events SET data = '{earlier}' WHERE seq = {}", sequence.0)).await;
    }
    let shown = |events: &[LoggedEvent]| serde_json::to_string(events).unwrap();
    for (n, before) in (1..).zip(&before) {
        assert_eq!(before.len(), 3);
        assert_eq!(shown(&read(n).await), shown(before));
        let history = history(store, &stream_id(n)).await;
        assert_eq!(Stream::replay(&history).unwrap(), store.stream(&stream_id(n)).await.unwrap());
    }
}
