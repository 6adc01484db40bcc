use super::fixtures::*;
use crate::{Store, StoreError};

/// Every backend names the same column of an event row that cannot be read: `type` for a type that is unknown, `data` for a payload that is
/// not that type's. `sql` runs a statement, which changes one row, on the store's database.
pub async fn an_event_row_that_cannot_be_read_names_its_column(
    store: &impl Store,
    sql: impl AsyncFn(&'static str),
) {
    for n in [1, 2] {
        put(store, n, &draft(), t0()).await;
    }
    sql("UPDATE stream_events SET type = 'stream.exploded' WHERE seq = 1").await;
    sql("UPDATE stream_events SET data = '{\"cause\":{\"type\":\"moon\"},\"changes\":{}}' WHERE seq = 2")
        .await;
    for (n, column, row) in [(1, "type", "1"), (2, "data", "2")] {
        let read = store.stream_events(&stream_id(n), 0, 10).await;
        let Err(StoreError::Corrupt(found)) = read else { panic!("{read:?}") };
        assert_eq!((found.table, found.column, found.row.as_str()), ("stream_events", column, row));
    }
}
